import type { Clock } from '../../core/clock.ts';
import { type ThreadId, type UserId, threadLog } from '../../core/ids.ts';
import { Lru } from '../../core/lru.ts';
import type { Position, Store } from '../../store/store.ts';
import { messagesBefore } from '../places.ts';
import { allSettingsOf } from '../thread-settings.ts';

/** A user's devices are notified about the same time: one count serves them. */
const keptMs = 1_000;
const remembered = 10_000;

type ReadPosition = Pick<Position, 'read' | 'readOrdinal'>;

/** How many messages a user has not read, in all threads that are neither muted nor archived. */
export class Badges {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #kept = new Lru<UserId, { readonly untilMs: number; readonly count: Promise<number> }>(remembered);

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Up to a second old. */
  of(userId: UserId): Promise<number> {
    const nowMs = this.#clock.monotonicMs();
    const kept = this.#kept.get(userId);
    if (kept !== undefined && kept.untilMs > nowMs) return kept.count;
    const count = this.#count(userId);
    this.#kept.set(userId, { untilMs: nowMs + keptMs, count });
    count.catch(() => this.#kept.delete(userId));
    return count;
  }

  /** Of one thread, of messages up to the one with this ordinal. Who was added later and has read nothing yet counts from the join, `from`. */
  async unreadOf(
    threadId: ThreadId,
    ordinal: bigint,
    position: ReadPosition | undefined,
    from: bigint,
  ): Promise<number> {
    const { read = 0n, readOrdinal = 0n } = position ?? {};
    const before = read >= from ? readOrdinal : await messagesBefore(this.#store, threadLog(threadId), from);
    return ordinal > before ? Number(ordinal - before) : 0;
  }

  async #count(userId: UserId): Promise<number> {
    const nowMs = this.#clock.nowMs();
    const [inbox, settings] = await Promise.all([this.#store.inbox(userId, 0), allSettingsOf(this.#store, userId)]);
    const counted = inbox.filter(({ member, threadId }) => {
      const own = settings.get(threadId)?.settings;
      return member && !(own !== undefined && (own.archived || own.muteUntilMs > nowMs));
    });
    const ids = counted.map(({ threadId }) => threadId);
    const large = counted.filter((row) => row.large).map(({ threadId }) => threadId);
    const [positions, heads] = await Promise.all([
      ids.length === 0 ? [] : this.#store.positionsOf(userId, ids),
      large.length === 0 ? [] : this.#store.heads(large.map(threadLog)),
    ]);
    const ordinals = new Map(large.map((threadId, at) => [threadId, heads[at]?.ordinal]));
    const unread = counted.map(({ threadId, ordinal, visibleFrom }, at) => {
      return this.unreadOf(threadId, ordinals.get(threadId) ?? ordinal, positions[at], visibleFrom);
    });
    return (await Promise.all(unread)).reduce((sum, one) => sum + one, 0);
  }
}
