import type { ThreadId, UserId } from '../../core/ids.ts';
import type { InboxUpdate } from '../store.ts';
import type { Cluster } from './cluster.ts';
import type { LogState } from './log-state.ts';
import { inParallel } from './parallel.ts';

export const dayMs = 86_400_000;
const raiseRow =
  'UPDATE inbox USING TIMESTAMP ? SET sequence = ?, ordinal = ?, activity_ms = ?, visible_from = ?, member = ?, large = ? WHERE user = ? AND thread = ?';
const putChanged = 'INSERT INTO changed_threads (user, day, thread) VALUES (?, ?, ?)';
const putLarge = 'INSERT INTO large_threads (user, thread, large) VALUES (?, ?, ?) USING TIMESTAMP ?';
const writesAtOnce = 64;

/** Where a thread stands after an append. */
export interface Standing {
  readonly sequence: bigint;
  readonly ordinal: bigint;
  readonly activityMs: number;
}

/** Says nothing but that the thread moved. */
export function isPlain(update: InboxUpdate): boolean {
  return update.visibleFrom === undefined && update.member === undefined && update.large === undefined;
}

/** Raises inbox rows. Rows are max-registers, so that repeating a write, or coming late with it, changes nothing. */
export class InboxWriter {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async raise(
    state: LogState,
    thread: ThreadId,
    updates: readonly InboxUpdate[],
    { sequence, ordinal, activityMs }: Standing,
  ): Promise<void> {
    const day = BigInt(Math.floor(activityMs / dayMs));
    if (state.indexedDay !== day) {
      state.indexed = new Set();
      state.indexedDay = day;
    }
    const { indexed } = state;
    await inParallel(updates, writesAtOnce, async (update) => {
      const { userId, visibleFrom, member, large } = update;
      const values = [sequence, ordinal, BigInt(activityMs), visibleFrom, member, large];
      const writes = [this.#cluster.write(raiseRow, [sequence, ...values, userId, thread])];
      if (!indexed.has(userId)) writes.push(this.#cluster.write(putChanged, [userId, day, thread]));
      if (large !== undefined) writes.push(this.#cluster.write(putLarge, [userId, thread, large, sequence]));
      await settled(writes);
      // Their day may be another's when they come back.
      if (member === false) indexed.delete(userId);
      else indexed.add(userId);
    });
  }

  /** Plain raises, for users who are members now. */
  raiseAll(state: LogState, thread: ThreadId, users: readonly UserId[], standing: Standing): Promise<void> {
    const updates = users.map((userId) => ({ userId }));
    return this.raise(state, thread, updates, standing);
  }
}

async function settled(writes: readonly Promise<void>[]): Promise<void> {
  const failure = (await Promise.allSettled(writes)).find((one) => one.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}
