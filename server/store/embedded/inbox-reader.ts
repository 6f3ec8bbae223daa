import type { Head } from '../../core/entry.ts';
import { throwIfAborted } from '../../core/errors.ts';
import type { LogId, ThreadId, UserId } from '../../core/ids.ts';
import { threadLog } from '../../core/ids.ts';
import type { InboxRow } from '../store.ts';
import type { Database } from './database.ts';
import { dayMs, decodeInbox, type InboxRecord, inboxRowOf } from './inbox.ts';
import { endOf, keys, threadOfDayKey } from './keys.ts';

type Heads = (logs: readonly LogId[]) => Promise<(Head | undefined)[]>;

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

  async rows(user: UserId, sinceMs: number, signal?: AbortSignal): Promise<InboxRow[]> {
    throwIfAborted(signal);
    const records = sinceMs <= 0 ? await this.#all(user, signal) : await this.#changed(user, sinceMs);
    throwIfAborted(signal);
    const heads = await this.#heads(records.map(([thread]) => threadLog(thread)));
    return records
      .map(([thread, record], at) => inboxRowOf(thread, record, heads[at], this.#epoch))
      .filter((row) => row.activityMs >= sinceMs || (row.large && row.member))
      .toSorted((a, b) => b.activityMs - a.activityMs);
  }

  async row(user: UserId, thread: ThreadId): Promise<InboxRow | undefined> {
    const bytes = await this.#database.get(keys.inbox(user, thread));
    if (bytes === undefined) return undefined;
    const [head] = await this.#heads([threadLog(thread)]);
    return inboxRowOf(thread, decodeInbox(bytes), head, this.#epoch);
  }

  async #all(user: UserId, signal: AbortSignal | undefined): Promise<[ThreadId, InboxRecord][]> {
    const found: [ThreadId, InboxRecord][] = [];
    const prefix = keys.inbox(user, '');
    await this.#database.scan(
      { gte: prefix, lt: endOf(prefix) },
      (key, value) => {
        found.push([key.slice(prefix.length) as ThreadId, decodeInbox(value)]);
        return true;
      },
      signal,
    );
    return found;
  }

  async #changed(user: UserId, sinceMs: number): Promise<[ThreadId, InboxRecord][]> {
    const large = keys.large(user, '');
    const [days, larges] = await Promise.all([
      this.#database.keys({
        gte: keys.day(user, Math.floor(sinceMs / dayMs), ''),
        lt: endOf(keys.days(user)),
      }),
      this.#database.keys({ gte: large, lt: endOf(large) }),
    ]);
    const threads = [
      ...new Set([
        ...days.map((key) => threadOfDayKey(key, user)),
        ...larges.map((key) => key.slice(large.length) as ThreadId),
      ]),
    ];
    const values = await this.#database.getMany(threads.map((thread) => keys.inbox(user, thread)));
    return threads.flatMap((thread, at): [ThreadId, InboxRecord][] => {
      const bytes = values[at];
      return bytes === undefined ? [] : [[thread, decodeInbox(bytes)]];
    });
  }
}
