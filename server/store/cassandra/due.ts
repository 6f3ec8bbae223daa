import { createHash } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import type { ThreadId } from '../../core/ids.ts';
import type { Due } from '../store.ts';
import type { Cluster } from './cluster.ts';
import { inParallel } from './parallel.ts';

const put = 'INSERT INTO due (minute, shard, thread) VALUES (?, ?, ?)';
const drop = 'DELETE FROM due WHERE minute = ? AND shard = ? AND thread = ?';
const readFrom = 'SELECT thread FROM due WHERE minute = ? AND shard = ? AND thread > ? LIMIT ?';
const readMark = "SELECT minute FROM due_marks WHERE name = 'empty'";
const raiseMark = "UPDATE due_marks USING TIMESTAMP ? SET minute = ? WHERE name = 'empty'";
const readErased = 'SELECT sequence FROM erased_to WHERE thread = ?';
const raiseErased = 'UPDATE erased_to USING TIMESTAMP ? SET sequence = ? WHERE thread = ?';

const minuteMs = 60_000;
/** Partitions of one minute. */
const shards = [0, 1, 2, 3, 4, 5, 6, 7];
const rowsPerPage = 256;
const dropsAtOnce = 64;
/** The clocks of nodes differ: a minute is not called empty for good before it is so long past. */
const settledAfter = 5;

/** Which threads are to be looked at when, and up to where they have been. */
export class DueList {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  #mark = 0;

  constructor(cluster: Cluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  /** A time that is past counts as now. */
  async put(thread: ThreadId, atMs: number): Promise<void> {
    // The list is read from a mark on that was there before the first row.
    if (this.#mark === 0) await this.#readMark();
    const minute = Math.ceil(Math.max(atMs, this.#clock.nowMs()) / minuteMs);
    await this.#cluster.write(put, [BigInt(minute), shardOf(thread), thread]);
  }

  async *list(untilMs: number, signal?: AbortSignal): AsyncGenerator<readonly Due[]> {
    const last = Math.floor(untilMs / minuteMs);
    const settled = Math.floor(this.#clock.nowMs() / minuteMs) - settledAfter;
    const mark = await this.#readMark();
    let emptyTo = mark;
    for (let minute = mark + 1; minute <= last; minute++) {
      const firsts = await inParallel(shards, shards.length, (shard) => this.#page(minute, shard, '', signal));
      if (emptyTo === minute - 1 && minute <= settled && firsts.every((page) => page.length === 0)) emptyTo = minute;
      for (const shard of shards) {
        let page = firsts[shard] ?? [];
        while (page.length > 0) {
          yield page;
          if (page.length < rowsPerPage) break;
          page = await this.#page(minute, shard, page.at(-1)?.threadId ?? '', signal);
        }
      }
    }
    if (emptyTo > mark) await this.#raiseMark(emptyTo);
  }

  async drop(due: readonly Due[]): Promise<void> {
    await inParallel(due, dropsAtOnce, ({ minute, threadId }) =>
      this.#cluster.write(drop, [BigInt(minute), shardOf(threadId), threadId]),
    );
  }

  async erasedTo(thread: ThreadId): Promise<bigint> {
    const [row] = await this.#cluster.read(readErased, [thread]);
    return (row?.['sequence'] as bigint | undefined) ?? 0n;
  }

  async raiseErasedTo(thread: ThreadId, sequence: bigint): Promise<void> {
    if (sequence > 0n) await this.#cluster.write(raiseErased, [sequence, sequence, thread]);
  }

  async #page(minute: number, shard: number, after: string, signal: AbortSignal | undefined): Promise<Due[]> {
    const params = [BigInt(minute), shard, after, rowsPerPage];
    const rows = await this.#cluster.read(readFrom, params, signal, rowsPerPage);
    return rows.map((row) => ({ minute, threadId: row['thread'] as ThreadId }));
  }

  /** The last minute that is empty for good. */
  async #readMark(): Promise<number> {
    const [row] = await this.#cluster.read(readMark, []);
    const minute = row?.['minute'] as bigint | undefined;
    if (minute === undefined) await this.#raiseMark(Math.floor(this.#clock.nowMs() / minuteMs) - settledAfter);
    else this.#mark = Number(minute);
    return this.#mark;
  }

  async #raiseMark(minute: number): Promise<void> {
    await this.#cluster.write(raiseMark, [BigInt(minute), BigInt(minute)]);
    this.#mark = minute;
  }
}

function shardOf(thread: ThreadId): number {
  return (createHash('sha256').update(thread).digest()[0] ?? 0) % shards.length;
}
