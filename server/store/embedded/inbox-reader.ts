import type { Head } from '../../core/entry.ts';
import { throwIfAborted } from '../../core/errors.ts';
import type { LogId, ThreadId, UserId } from '../../core/ids.ts';
import { threadLog } from '../../core/ids.ts';
import type { InboxRow } from '../store.ts';
import type { Database } from './database.ts';
import { dayOf, decodeInbox, type InboxRecord, inboxRowOf } from './inbox.ts';
import { dayOfKey, endOf, type Key, keys, threadOfDayKey } from './keys.ts';

type Heads = (logs: readonly LogId[]) => Promise<(Head | undefined)[]>;
type Kinds = 'all' | 'groups';

/** How the ids begin. */
const beginOf = { all: '', groups: 'g_' } as const;

/** Reads a user's inbox: the records, and where their threads stand. */
export class InboxReader {
  readonly #database: Database;
  readonly #heads: Heads;
  readonly #epoch: bigint;

  constructor(database: Database, heads: Heads, epoch: bigint) {
    this.#database = database;
    this.#heads = heads;
    this.#epoch = epoch;
  }

  async since(user: UserId, sinceMs: number, kinds: Kinds, signal?: AbortSignal): Promise<InboxRow[]> {
    throwIfAborted(signal);
    const listed = sinceMs <= 0 ? undefined : await this.#changed(user, sinceMs, kinds);
    const records =
      listed === undefined ? await this.#all(user, kinds, signal) : await this.#records(user, [...listed.keys()]);
    throwIfAborted(signal);
    const found = await this.#withHeads(records);
    return found
      .filter(({ threadId, activityMs, large, member }) => {
        // Under a later day than that of its last change it stands because it was read.
        return activityMs >= sinceMs || (large && member) || (listed?.get(threadId) ?? 0) > dayOf(activityMs);
      })
      .toSorted((a, b) => b.activityMs - a.activityMs);
  }

  async rows(user: UserId, threads: readonly ThreadId[], signal?: AbortSignal): Promise<(InboxRow | undefined)[]> {
    throwIfAborted(signal);
    const rows = await this.#withHeads(await this.#records(user, threads));
    const found = new Map(rows.map((row) => [row.threadId, row]));
    return threads.map((thread) => found.get(thread));
  }

  async #all(user: UserId, kinds: Kinds, signal: AbortSignal | undefined): Promise<[ThreadId, InboxRecord][]> {
    const found: [ThreadId, InboxRecord][] = [];
    const { length } = keys.inbox(user, '');
    const prefix = keys.inbox(user, beginOf[kinds]);
    await this.#database.scan(
      { gte: prefix, lt: endOf(prefix) },
      (key, value) => {
        found.push([key.slice(length) as ThreadId, decodeInbox(value)]);
        return true;
      },
      signal,
    );
    return found;
  }

  /** Threads with the last day that they stand under; large ones that stand under none with day 0. */
  async #changed(user: UserId, sinceMs: number, kinds: Kinds): Promise<ReadonlyMap<ThreadId, number>> {
    const large = keys.large(user, '');
    const largeOfKind = keys.large(user, beginOf[kinds]);
    const [changed, larges] = await Promise.all([
      this.#ofDays(user, dayOf(sinceMs), kinds),
      this.#database.keys({ gte: largeOfKind, lt: endOf(largeOfKind) }),
    ]);
    const listed = new Map(larges.map((key) => [key.slice(large.length) as ThreadId, 0]));
    // In ascending order of days: the last one holds.
    for (const key of changed) listed.set(threadOfDayKey(key, user), dayOfKey(key, user));
    return listed;
  }

  /** Keys of threads under a day and the later ones, in ascending order. */
  async #ofDays(user: UserId, first: number, kinds: Kinds): Promise<Key[]> {
    const end = endOf(keys.days(user));
    if (kinds === 'all') return this.#database.keys({ gte: keys.day(user, first, ''), lt: end });
    const found: Key[] = [];
    for (let day = first; ;) {
      // Of a day the groups come last: what is found is one, or shows on which day there may be the next.
      const prefix = keys.day(user, day, beginOf.groups);
      found.push(...(await this.#database.keys({ gte: prefix, lt: endOf(prefix) })));
      const [next] = await this.#database.keys({ gte: endOf(prefix), lt: end, limit: 1 });
      if (next === undefined) return found;
      day = dayOfKey(next, user);
    }
  }

  async #records(user: UserId, threads: readonly ThreadId[]): Promise<[ThreadId, InboxRecord][]> {
    const values = await this.#database.getMany(threads.map((thread) => keys.inbox(user, thread)));
    return threads.flatMap((thread, at): [ThreadId, InboxRecord][] => {
      const bytes = values[at];
      return bytes === undefined ? [] : [[thread, decodeInbox(bytes)]];
    });
  }

  async #withHeads(records: readonly [ThreadId, InboxRecord][]): Promise<InboxRow[]> {
    const heads = await this.#heads(records.map(([thread]) => threadLog(thread)));
    return records.map(([thread, record], at) => inboxRowOf(thread, record, heads[at], this.#epoch));
  }
}
