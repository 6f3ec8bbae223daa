import { chunksOf } from '../../core/chunks.ts';
import type { Entry } from '../../core/entry.ts';
import type { LogId } from '../../core/ids.ts';
import { type Cluster, UnknownOutcome } from './cluster.ts';
import { packEntry } from './codec.ts';
import type { EntryRows } from './entry-rows.ts';
import { unavailable } from './failures.ts';
import { inParallel } from './parallel.ts';

const put =
  "UPDATE logs SET entry = ? WHERE log = ? AND bucket = ? AND kind = 0 AND sequence = ? AND id = '' IF EXISTS";
const readsAtOnce = 32;
const together = 32;
const maxTries = 8;

/** Puts entries in the place of those that are there: conditional, as every write to a log is, and overwritten, never deleted. */
export async function rewrite(cluster: Cluster, rows: EntryRows, log: LogId, entries: readonly Entry[]): Promise<void> {
  const placed = await inParallel(entries, readsAtOnce, async (entry) => ({
    entry,
    bucket: (await rows.one(log, entry.sequence))?.bucket,
  }));
  for (const [bucket, some] of Map.groupBy(placed, (one) => one.bucket)) {
    if (bucket === undefined) continue;
    for (const few of chunksOf(some, together)) {
      const statements = few.map(({ entry }) => ({
        query: put,
        params: [packEntry(entry, 0n), log, bucket, entry.sequence],
      }));
      await untilDecided(() => cluster.conditional(statements));
    }
  }
}

/** May be done twice. */
async function untilDecided(attempt: () => Promise<unknown>): Promise<void> {
  let cause: unknown;
  for (let tries = 0; tries < maxTries; tries++) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (!(error instanceof UnknownOutcome)) throw error;
      cause = error;
    }
  }
  throw unavailable(cause);
}
