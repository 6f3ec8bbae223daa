import type { LogId } from '../../core/ids.ts';
import { bucketOf, firstBucketOf } from './buckets.ts';
import type { Cluster, Row } from './cluster.ts';
import { erased, type PackedEntry, unpackEntry } from './codec.ts';

const columns = 'bucket, sequence, entry, body, erased, edit_sequence, delete_sequence, inbox';
const from = `SELECT ${columns} FROM logs WHERE log = ? AND bucket = ? AND kind = 0`;
const readOne = `${from} AND sequence = ? AND id = ''`;
const readDecided = 'SELECT DISTINCT log, bucket, head_sequence FROM logs WHERE log = ? AND bucket = ?';
const readPlaces =
  "SELECT bucket, sequence, erased, edit_sequence, delete_sequence, entry FROM logs WHERE log = ? AND bucket = ? AND kind = 0 AND sequence IN ? AND id = ''";
const readAscending = `${from} AND sequence >= ? AND sequence <= ? LIMIT ?`;
const readDescending = `${from} AND sequence >= ? AND sequence <= ? ORDER BY kind DESC, sequence DESC, id DESC LIMIT ?`;

/** An entry as its row stands now. */
export interface EntryRow extends PackedEntry {
  readonly sequence: bigint;
  readonly bucket: bigint;
  /** Packed; no bytes when there is none (any more). */
  readonly body: Buffer;
  /** Retention erased the body that stood here; of an edited message the edit that holds says so. */
  readonly erased: boolean;
  /** 0 = never edited. */
  readonly editSequence: bigint;
  /** 0 = not deleted. */
  readonly deleteSequence: bigint;
  /** The inbox changes of its append, packed. */
  readonly inbox: Buffer | undefined;
}

export interface Span {
  readonly first: bigint;
  readonly last: bigint;
  readonly limit: number;
  readonly reverse: boolean;
}

/** Reads entries out of their buckets. */
export class EntryRows {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** One entry, whichever of its two possible buckets it stands in. */
  async one(log: LogId, sequence: bigint, signal?: AbortSignal): Promise<EntryRow | undefined> {
    const found = await Promise.all(
      bucketsOf(sequence).map((bucket) => this.#cluster.read(readOne, [log, bucket, sequence], signal)),
    );
    const [row] = found.flat();
    return row === undefined ? undefined : entryRowOf(row);
  }

  /** Several, by their sequences, without their bodies; those that are not there are left out. */
  async places(log: LogId, sequences: readonly bigint[]): Promise<EntryRow[]> {
    const byBucket = new Map<bigint, bigint[]>();
    for (const sequence of sequences) {
      for (const bucket of bucketsOf(sequence)) byBucket.set(bucket, [...(byBucket.get(bucket) ?? []), sequence]);
    }
    const found = await Promise.all(
      [...byBucket].map(([bucket, some]) => this.#cluster.read(readPlaces, [log, bucket, some])),
    );
    return found.flat().map(entryRowOf);
  }

  /** Those of one bucket, up to the limit, ascending or descending. */
  async span(log: LogId, bucket: bigint, span: Span, signal?: AbortSignal): Promise<EntryRow[]> {
    const { first, last, limit, reverse } = span;
    const query = reverse ? readDescending : readAscending;
    const rows = await this.#cluster.read(query, [log, bucket, first, last, limit], signal, limit);
    return rows.map(entryRowOf);
  }

  /** Brings commits that are under way around a sequence to their end, on a quorum. */
  async decide(log: LogId, sequence: bigint): Promise<void> {
    await Promise.all(bucketsOf(sequence).map((bucket) => this.#cluster.readSerial(readDecided, [log, bucket])));
  }

  /** Those of one append: all in the bucket of the first. */
  async appended(log: LogId, first: bigint, last: bigint): Promise<EntryRow[]> {
    const limit = Number(last - first) + 1;
    for (let bucket = firstBucketOf(first); bucket <= bucketOf(first); bucket++) {
      const rows = await this.span(log, bucket, { first, last, limit, reverse: false });
      if (rows.length > 0) return rows;
    }
    return [];
  }
}

function bucketsOf(sequence: bigint): bigint[] {
  return [...new Set([bucketOf(sequence), firstBucketOf(sequence)])];
}

function entryRowOf(row: Row): EntryRow {
  return {
    ...unpackEntry(row['entry'] as Buffer),
    sequence: row['sequence'] as bigint,
    bucket: row['bucket'] as bigint,
    body: (row['body'] as Buffer | null | undefined) ?? erased,
    erased: row['erased'] === true,
    editSequence: (row['edit_sequence'] as bigint | null) ?? 0n,
    deleteSequence: (row['delete_sequence'] as bigint | null) ?? 0n,
    inbox: (row['inbox'] as Buffer | null) ?? undefined,
  };
}
