import { chunksOf } from '../../core/chunks.ts';
import type { Clock } from '../../core/clock.ts';
import type { Head } from '../../core/entry.ts';
import { type LogId, type ThreadId, threadLog, type UserId } from '../../core/ids.ts';
import type { InboxRow } from '../store.ts';
import type { Cluster, Row } from './cluster.ts';
import { dayMs } from './inbox.ts';
import { inParallel } from './parallel.ts';

const columns = 'thread, sequence, ordinal, activity_ms, visible_from, member, large';
const readSome = `SELECT ${columns} FROM inbox WHERE user = ? AND thread IN ?`;
const readAll = `SELECT ${columns} FROM inbox WHERE user = ? AND thread >= ? AND thread < ?`;
const readChanged = 'SELECT thread, day FROM changed_threads WHERE user = ? AND day >= ?';
const readLarge = 'SELECT thread, large FROM large_threads WHERE user = ? AND thread >= ? AND thread < ?';
/** How the ids begin, and what comes after all of them. */
const bounds = { all: ['', '~'], groups: ['g_', 'g`'] } as const;
/** Changes of so long ago are still listed by their days; the rows expire after 45. */
const indexedDays = 44;
const threadsAtOnce = 200;
const readsAtOnce = 8;

type Kinds = keyof typeof bounds;
type Heads = (logs: readonly LogId[], signal?: AbortSignal) => Promise<(Head | undefined)[]>;

/** Reads a user's inbox: by the days on which something changed, or whole. */
export class InboxReader {
  readonly #cluster: Cluster;
  readonly #heads: Heads;
  readonly #epoch: bigint;
  readonly #clock: Clock;

  constructor(cluster: Cluster, heads: Heads, epoch: bigint, clock: Clock) {
    this.#cluster = cluster;
    this.#heads = heads;
    this.#epoch = epoch;
    this.#clock = clock;
  }

  async since(user: UserId, sinceMs: number, kinds: Kinds, signal?: AbortSignal): Promise<InboxRow[]> {
    const isListed = sinceMs > 0 && sinceMs > this.#clock.nowMs() - indexedDays * dayMs;
    const listed = isListed ? await this.#changed(user, sinceMs, kinds, signal) : undefined;
    const rows =
      listed === undefined
        ? await this.#cluster.readAll(readAll, [user, ...bounds[kinds]], signal)
        : await this.#some(user, [...listed.keys()], signal);
    const found = await this.#withHeads(rows, signal);
    return found
      .filter(({ threadId, activityMs, large, member }) => {
        // Under a later day than that of its last change it stands because it was read.
        const isRead = (listed?.get(threadId) ?? 0) > Math.floor(activityMs / dayMs);
        return activityMs >= sinceMs || (large && member) || isRead;
      })
      .toSorted((a, b) => b.activityMs - a.activityMs);
  }

  async rows(user: UserId, threads: readonly ThreadId[], signal?: AbortSignal): Promise<(InboxRow | undefined)[]> {
    const rows = await this.#withHeads(await this.#some(user, threads, signal), signal);
    const found = new Map(rows.map((row) => [row.threadId, row]));
    return threads.map((thread) => found.get(thread));
  }

  /** Threads with the last day that they stand under; large ones that stand under none with day 0. */
  async #changed(
    user: UserId,
    sinceMs: number,
    kinds: Kinds,
    signal: AbortSignal | undefined,
  ): Promise<ReadonlyMap<string, number>> {
    const [from, below] = bounds[kinds];
    const [changed, larges] = await Promise.all([
      this.#cluster.readAll(readChanged, [user, BigInt(Math.floor(sinceMs / dayMs))], signal),
      this.#cluster.readAll(readLarge, [user, from, below], signal),
    ]);
    const listed = new Map<string, number>();
    for (const row of larges) if (row['large'] === true) listed.set(threadOf(row), 0);
    for (const row of changed) {
      const [thread, day] = [threadOf(row), Number(row['day'] as bigint)];
      if (thread >= from && thread < below) listed.set(thread, Math.max(day, listed.get(thread) ?? 0));
    }
    return listed;
  }

  async #some(user: UserId, threads: readonly string[], signal: AbortSignal | undefined): Promise<readonly Row[]> {
    const read = (chunk: string[]): Promise<readonly Row[]> => this.#cluster.read(readSome, [user, chunk], signal);
    return (await inParallel(chunksOf(threads, threadsAtOnce), readsAtOnce, read)).flat();
  }

  /** Large threads stand where their logs do, the others where they were raised to. */
  async #withHeads(rows: readonly Row[], signal?: AbortSignal): Promise<InboxRow[]> {
    // A row that only an unfinished append has touched has no place yet.
    const found = rows.filter((row) => row['sequence'] !== null).map((row) => this.#rowOf(row));
    const large = found.filter((row) => row.large && row.member);
    const heads = await this.#heads(
      large.map((row) => threadLog(row.threadId)),
      signal,
    );
    const present = new Map(large.map((row, at) => [row, heads[at]]));
    return found.map((row) => {
      const head = present.get(row);
      if (head === undefined) return row;
      const { sequence, ordinal, activityMs } = head;
      return { ...row, sequence, ordinal, activityMs };
    });
  }

  #rowOf(row: Row): InboxRow {
    return {
      threadId: threadOf(row) as ThreadId,
      epoch: this.#epoch,
      sequence: row['sequence'] as bigint,
      ordinal: row['ordinal'] as bigint,
      activityMs: Number(row['activity_ms'] as bigint),
      visibleFrom: (row['visible_from'] as bigint | null) ?? 1n,
      member: (row['member'] as boolean | null) ?? true,
      large: (row['large'] as boolean | null) ?? false,
    };
  }
}

function threadOf(row: Row): string {
  return row['thread'] as string;
}
