import type { Clock } from '../core/clock.ts';
import type { ChannelRow } from '../core/entry.ts';
import { channelLog, type ChannelId, type UserId } from '../core/ids.ts';
import { Lru } from '../core/lru.ts';
import { type ModeratorRow, type RestrictionRow, rowKey } from '../core/rows.ts';
import type { Store } from '../store/store.ts';

/** How old an answer may be. On the node that changed something, and where the channel is heard, it is new at once (`forget`). */
const keptMs = 5_000;
/** Moderators that are read of one channel. */
export const maxModerators = 1_000;

/** What holds for a channel. */
export interface ChannelView extends ChannelRow {
  readonly moderators: ReadonlySet<UserId>;
}

interface Kept<Value> {
  readonly value: Value;
  readonly untilMs: number;
}

/** What holds for channels and who is silent in them, from their logs: remembered for 5 s, a bounded number of them. */
export class ChannelViews {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #views: Lru<ChannelId, Kept<Promise<ChannelView | undefined>>>;
  readonly #restrictions: Lru<string, Kept<Promise<number>>>;

  /** @param capacity channels that are remembered, and users in them */
  constructor(store: Store, clock: Clock, capacity: number) {
    this.#store = store;
    this.#clock = clock;
    this.#views = new Lru(capacity);
    this.#restrictions = new Lru(capacity);
  }

  /** Undefined: there is no such channel. */
  get(channelId: ChannelId): Promise<ChannelView | undefined> {
    return this.#remembered(this.#views, channelId, () => this.#read(channelId));
  }

  /** Wall ms until which the user is silent; 0 = not, or not any more. */
  async silentUntilMs(channelId: ChannelId, userId: UserId): Promise<number> {
    const untilMs = await this.#remembered(this.#restrictions, `${channelId} ${userId}`, async () => {
      const row = await this.#store.row(channelLog(channelId), rowKey.restriction(userId));
      return (row?.value as RestrictionRow | undefined)?.untilMs ?? 0;
    });
    return untilMs > this.#clock.nowMs() ? untilMs : 0;
  }

  /** Something has changed: the next answer is read. */
  forget(channelId: ChannelId, userId?: UserId): void {
    this.#views.delete(channelId);
    if (userId !== undefined) this.#restrictions.delete(`${channelId} ${userId}`);
  }

  async #read(channelId: ChannelId): Promise<ChannelView | undefined> {
    const log = channelLog(channelId);
    const [row, moderatorRows] = await Promise.all([
      this.#store.row(log, rowKey.channel),
      this.#store.rows(log, { prefix: rowKey.moderator(''), limit: maxModerators }),
    ]);
    if (row === undefined) return undefined;
    const moderators = new Set<UserId>();
    for (const { key, value } of moderatorRows) {
      if ((value as ModeratorRow).moderator) moderators.add(key.slice(rowKey.moderator('').length) as UserId);
    }
    return { ...(row.value as ChannelRow), moderators };
  }

  #remembered<Key, Value>(kept: Lru<Key, Kept<Promise<Value>>>, key: Key, read: () => Promise<Value>): Promise<Value> {
    const nowMs = this.#clock.monotonicMs();
    const known = kept.get(key);
    if (known !== undefined && known.untilMs > nowMs) return known.value;
    const value = read();
    const fresh = { value, untilMs: nowMs + keptMs };
    kept.set(key, fresh);
    value.catch(() => {
      // Not known is nothing to remember.
      if (kept.get(key) === fresh) kept.delete(key);
    });
    return value;
  }
}
