import type { LogId, UserId } from '../../core/ids.ts';
import type { Duplicate } from '../store.ts';
import { firstBucketOf } from './buckets.ts';
import type { Cluster, Row } from './cluster.ts';
import { isHinted, unpackId } from './codec.ts';
import type { LogHead } from './log-state.ts';
import { inParallel } from './parallel.ts';

const readIds = 'SELECT id, entry FROM logs WHERE log = ? AND bucket = ? AND kind = 1 AND sequence = 0 AND id IN ?';
const readAllIds = 'SELECT id, entry FROM logs WHERE log = ? AND bucket = ? AND kind = 1';
const readOld = 'SELECT value FROM old_ids WHERE log = ? AND sender = ? AND id = ?';
const writeOld = 'INSERT INTO old_ids (log, sender, id, value) VALUES (?, ?, ?, ?)';
const concurrency = 32;
/** Ids of buckets from this one on (262,144 entries) are all copied, so that no search is longer than this. */
const mostSearched = 64n;

/** An id to look for. */
export interface WantedId {
  readonly senderId: UserId;
  readonly clientMessageId: string;
  /** The head its author knew when composing: it was appended above it, if at all. 0 = not said. */
  readonly knownHead: bigint;
}

export function idKey({ senderId, clientMessageId }: Pick<WantedId, 'senderId' | 'clientMessageId'>): string {
  return `${senderId}\0${clientMessageId}`;
}

/**
 * What ids were appended as. They stand beside the entries, and are looked for in the head's bucket, and in those since the
 * head that the author knew. Those whose author did not say what it knew are also in a table of their own, to which they
 * are copied when their bucket ends; so are all of a long thread.
 */
export class Ids {
  readonly #cluster: Cluster;
  readonly #epoch: bigint;
  readonly #mostSearched: bigint;

  constructor(cluster: Cluster, epoch: bigint, searched = mostSearched) {
    this.#cluster = cluster;
    this.#epoch = epoch;
    this.#mostSearched = searched;
  }

  /** Those that were appended up to the head, by `idKey`. */
  async find(log: LogId, wanted: readonly WantedId[], head: LogHead): Promise<Map<string, Duplicate>> {
    const [before, last] = await Promise.all([
      this.findBelow(log, wanted, head.bucket),
      this.#inBucket(log, head.bucket, wanted),
    ]);
    return new Map([...before, ...last]);
  }

  /** Those that were appended in buckets below this one, which have all ended. */
  async findBelow(log: LogId, wanted: readonly WantedId[], bucket: bigint): Promise<Map<string, Duplicate>> {
    const found = new Map<string, Duplicate>();
    if (bucket === 0n || wanted.length === 0) return found;
    const byBucket = new Map<bigint, WantedId[]>();
    const copied: WantedId[] = [];
    for (const one of wanted) {
      const first = one.knownHead <= 0n ? bucket : firstBucketOf(one.knownHead + 1n);
      for (let at = first; at < bucket && at < this.#mostSearched; at++) {
        const group = byBucket.get(at);
        if (group === undefined) byBucket.set(at, [one]);
        else group.push(one);
      }
      if (one.knownHead <= 0n || (first < bucket && bucket > this.#mostSearched)) copied.push(one);
    }
    const searched = await inParallel([...byBucket], concurrency, ([at, group]) => this.#inBucket(log, at, group));
    for (const ids of searched) for (const [key, duplicate] of ids) found.set(key, duplicate);
    await inParallel(copied, concurrency, async (one) => {
      const [row] = await this.#cluster.read(readOld, [log, one.senderId, one.clientMessageId]);
      if (row !== undefined) found.set(idKey(one), unpackId(row['value'] as Buffer, this.#epoch));
    });
    return found;
  }

  /** Copies what could not be found otherwise out of a bucket that has ended. May be done again. */
  async copyEnded(log: LogId, bucket: bigint): Promise<void> {
    const rows = await this.#cluster.readAll(readAllIds, [log, bucket]);
    const copied = rows.filter((row) => bucket >= this.#mostSearched || !isHinted(row['entry'] as Buffer));
    await inParallel(copied, concurrency, async (row) => {
      const [sender, id] = (row['id'] as string).split('\0');
      await this.#cluster.write(writeOld, [log, sender, id, row['entry']]);
    });
  }

  async #inBucket(log: LogId, bucket: bigint, wanted: readonly WantedId[]): Promise<Map<string, Duplicate>> {
    if (wanted.length === 0) return new Map();
    const rows = await this.#cluster.read(readIds, [log, bucket, wanted.map(idKey)]);
    return this.foundIn(rows);
  }

  /** The ids among the rows that refused a conditional batch, or that were read. */
  foundIn(rows: readonly Row[]): Map<string, Duplicate> {
    const ids = rows.filter((row) => typeof row['id'] === 'string' && row['id'] !== '' && row['entry'] !== null);
    return new Map(ids.map((row) => [row['id'] as string, unpackId(row['entry'] as Buffer, this.#epoch)]));
  }
}
