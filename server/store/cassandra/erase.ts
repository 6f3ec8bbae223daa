import type { LogId } from '../../core/ids.ts';
import { type Cluster, UnknownOutcome } from './cluster.ts';
import { erased } from './codec.ts';
import type { Appended } from './effects.ts';
import type { EntryRow, EntryRows } from './entry-rows.ts';
import { unavailable } from './failures.ts';

const at = "WHERE log = ? AND bucket = ? AND kind = 0 AND sequence = ? AND id = ''";
const changeMessage = `UPDATE logs SET body = ?, edit_sequence = ?, delete_sequence = ? ${at} IF edit_sequence = ? AND delete_sequence = ?`;
const eraseBody = `UPDATE logs SET body = ? ${at} IF EXISTS`;
const maxTries = 8;

/**
 * Carries the edits and deletes of an append over to the messages and the former edits that stand in other buckets.
 * Conditional, as every write to a log is: so what a paused node writes late cannot bring anything back.
 */
export async function eraseOld(cluster: Cluster, rows: EntryRows, appended: Appended): Promise<void> {
  const { log, bucket } = appended;
  for (const [target, change] of lastChanges(appended)) {
    await untilDecided(async () => {
      const message = await rows.one(log, target);
      if (message === undefined || message.bucket === bucket || isDone(message, change)) return true;
      return (await cluster.conditional([changeOf(log, message, change)])).applied;
    });
  }
  for (const { formerEdit } of appended.entries) {
    if (formerEdit === 0n) continue;
    await untilDecided(async () => {
      const edit = await rows.one(log, formerEdit);
      if (edit === undefined || edit.bucket === bucket || edit.body.length === 0) return true;
      const params = [erased, log, edit.bucket, formerEdit];
      return (await cluster.conditional([{ query: eraseBody, params }])).applied;
    });
  }
}

interface LastChange {
  edit: bigint;
  delete: bigint;
}

/** What the append's edits and deletes come to, by message. */
function lastChanges({ entries }: Appended): Map<bigint, LastChange> {
  const changes = new Map<bigint, LastChange>();
  for (const { sequence, change } of entries) {
    if (change.kind !== 'message-edited' && change.kind !== 'message-deleted') continue;
    const last = changes.get(change.target) ?? { edit: 0n, delete: 0n };
    changes.set(change.target, last);
    if (last.delete !== 0n) continue;
    if (change.kind === 'message-edited') last.edit = sequence;
    else last.delete = sequence;
  }
  return changes;
}

/** Carried over already, or without effect: the message had been deleted before, or a later edit holds. */
function isDone(message: EntryRow, change: LastChange): boolean {
  if (message.deleteSequence !== 0n) return true;
  return change.delete === 0n && message.editSequence >= change.edit;
}

function changeOf(log: LogId, message: EntryRow, change: LastChange): { query: string; params: unknown[] } {
  const edit = change.edit > message.editSequence ? change.edit : undefined;
  const params = [
    erased,
    edit,
    change.delete || undefined,
    log,
    message.bucket,
    message.sequence,
    message.editSequence || null,
    message.deleteSequence || null,
  ];
  return { query: changeMessage, params };
}

async function untilDecided(attempt: () => Promise<boolean>): Promise<void> {
  let cause: unknown;
  for (let tries = 0; tries < maxTries; tries++) {
    try {
      if (await attempt()) return;
    } catch (error) {
      if (!(error instanceof UnknownOutcome)) throw error;
      cause = error;
    }
  }
  throw unavailable(cause);
}
