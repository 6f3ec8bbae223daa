import type { ThreadId, UserId } from '../../core/ids.ts';
import type { InboxUpdate } from '../store.ts';
import type { Cluster, Statement } from './cluster.ts';
import type { LogState } from './log-state.ts';
import { writeAll } from './parallel.ts';

export const dayMs = 86_400_000;
const raiseRow =
  'UPDATE inbox USING TIMESTAMP ? SET sequence = ?, ordinal = ?, activity_ms = ?, visible_from = ?, member = ?, large = ? WHERE user = ? AND thread = ?';
/** Has a thread found by who looks for what changed since that day; the row expires. */
export const putChanged = 'INSERT INTO changed_threads (user, day, thread) VALUES (?, ?, ?)';
const putLarge = 'INSERT INTO large_threads (user, thread, large) VALUES (?, ?, ?) USING TIMESTAMP ?';

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
    const statements = updates.flatMap(({ userId, visibleFrom, member, large }) => {
      const values = [sequence, ordinal, BigInt(activityMs), visibleFrom, member, large];
      const raising: Statement[] = [{ query: raiseRow, params: [sequence, ...values, userId, thread] }];
      if (!indexed.has(userId)) raising.push({ query: putChanged, params: [userId, day, thread] });
      if (large !== undefined) raising.push({ query: putLarge, params: [userId, thread, large, sequence] });
      return raising;
    });
    await writeAll(this.#cluster, statements);
    for (const { userId, member } of updates) {
      // Their day may be another's when they come back.
      if (member === false) indexed.delete(userId);
      else indexed.add(userId);
    }
  }

  /** Plain raises, for users who are members now. */
  raiseAll(state: LogState, thread: ThreadId, users: readonly UserId[], standing: Standing): Promise<void> {
    const updates = users.map((userId) => ({ userId }));
    return this.raise(state, thread, updates, standing);
  }
}
