import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The folder of the ten logs, which lies beside the checkout; absent on a machine that has only the clone. */
export const sharedLogs = join(import.meta.dirname, '../../../shared/data/ubuntu-irc');

/** A short stretch of one log, with joins, leaves, a rename and an action, that is always there. */
export const committedExcerpt = join(import.meta.dirname, 'excerpt/ubuntu.txt');

/** Paths of the ten logs in order of their dates, or none if they are not on this machine. */
export function sharedLogFiles(): string[] {
  if (!existsSync(sharedLogs)) return [];
  return readdirSync(sharedLogs)
    .filter((name) => /^\d{4}-\d\d-\d\d_\d\d\.txt$/.test(name))
    .sort()
    .map((name) => join(sharedLogs, name));
}
