import type { Clock } from '../../core/clock.ts';
import { type ThreadId, type UserId, threadLog, userLog } from '../../core/ids.ts';
import { Lru } from '../../core/lru.ts';
import { rowKey, type ThreadSettingsRow } from '../../core/rows.ts';
import type { Store } from '../../store/store.ts';
import { messagesBefore } from '../places.ts';

/** A user's devices are notified about the same time: one count serves them. */
const keptMs = 1_000;
const remembered = 10_000;
const settingsPerRead = 2_000;

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

  /** Of one thread, of messages up to the one with this ordinal. */
  async unreadOf(userId: UserId, threadId: ThreadId, ordinal: bigint, joinSequence: bigint): Promise<number> {
    const [position] = await this.#store.positionsOf(userId, [threadId]);
    return this.#unread(threadId, ordinal, position?.read ?? 0n, position?.readOrdinal ?? 0n, joinSequence);
  }

  async #count(userId: UserId): Promise<number> {
    const nowMs = this.#clock.nowMs();
    const [inbox, settings] = await Promise.all([this.#store.inbox(userId, 0), this.#settings(userId)]);
    const counted = inbox.filter(({ member, threadId }) => {
      const own = settings.get(threadId);
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
      const { read = 0n, readOrdinal = 0n } = positions[at] ?? {};
      return this.#unread(threadId, ordinals.get(threadId) ?? ordinal, read, readOrdinal, visibleFrom);
    });
    return (await Promise.all(unread)).reduce((sum, one) => sum + one, 0);
  }

  /** Who was added later and has read nothing yet counts from the join. */
  async #unread(threadId: ThreadId, ordinal: bigint, read: bigint, readOrdinal: bigint, from: bigint): Promise<number> {
    const before = read >= from ? readOrdinal : await messagesBefore(this.#store, threadLog(threadId), from);
    return ordinal > before ? Number(ordinal - before) : 0;
  }

  async #settings(userId: UserId): Promise<Map<string, ThreadSettingsRow>> {
    const all = new Map<string, ThreadSettingsRow>();
    const prefix = rowKey.settings('');
    for (let after = ''; ;) {
      const rows = await this.#store.rows(userLog(userId), { prefix, after, limit: settingsPerRead });
      for (const { key, value } of rows) all.set(key.slice(prefix.length), value as ThreadSettingsRow);
      if (rows.length < settingsPerRead) return all;
      after = rows.at(-1)?.key ?? '';
    }
  }
}
