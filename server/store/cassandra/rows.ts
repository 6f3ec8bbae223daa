import type { Entry } from '../../core/entry.ts';
import type { LogId } from '../../core/ids.ts';
import { type Row, rowsOf } from '../../core/rows.ts';
import type { RowRange } from '../store.ts';
import type { Cluster, Row as TableRow } from './cluster.ts';
import { packRow, unpackRow } from './codec.ts';

const from = 'SELECT key, sequence, value FROM rows WHERE log = ?';
const readOne = `${from} AND key = ?`;
const readSome = `${from} AND key IN ?`;
const readFrom = `${from} AND key >= ? LIMIT ?`;
const readAfter = `${from} AND key > ? LIMIT ?`;
const readFromTo = `${from} AND key >= ? AND key < ? LIMIT ?`;
const readAfterTo = `${from} AND key > ? AND key < ? LIMIT ?`;
const putRow = 'INSERT INTO rows (log, key, sequence, value) VALUES (?, ?, ?, ?) USING TIMESTAMP ?';
const putDone = 'UPDATE rows USING TIMESTAMP ? SET effects_done = ? WHERE log = ?';
const putLastBucket = 'UPDATE rows USING TIMESTAMP ? SET last_bucket = ? WHERE log = ?';
/** Rows written as one. */
const rowsTogether = 500;

/** The rows of logs. */
export class Rows {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async one(log: LogId, key: string, signal?: AbortSignal): Promise<Row | undefined> {
    const [row] = await this.#cluster.read(readOne, [log, key], signal);
    return row === undefined ? undefined : rowOf(row);
  }

  /** The prefix is empty or ends in an ASCII character. */
  async list(log: LogId, { prefix, after = '', limit }: RowRange, signal?: AbortSignal): Promise<Row[]> {
    const isAfter = after !== '' && compareBytes(after, prefix) >= 0;
    const start = isAfter ? after : prefix;
    const [query, params] =
      prefix === ''
        ? [isAfter ? readAfter : readFrom, [log, start, limit]]
        : [isAfter ? readAfterTo : readFromTo, [log, start, endOf(prefix), limit]];
    // Nothing lies above `after` in the prefix when it is past its end, and Cassandra refuses such a range.
    if (isAfter && prefix !== '' && compareBytes(after, endOf(prefix)) >= 0) return [];
    const rows = await this.#cluster.read(query, params, signal, limit);
    return rows.filter((row) => row['key'] !== null).map(rowOf);
  }

  /**
   * The rows that entries put, in the log's order. A row that stands at or above an entry's sequence is from a later
   * one, or from this one already: it is left alone.
   */
  async of(log: LogId, entries: readonly Entry[]): Promise<Row[]> {
    const needed = new Set<string>();
    for (const entry of entries) rowsOf(entry, (key) => void needed.add(key));
    const rows = needed.size === 0 ? [] : await this.#cluster.read(readSome, [log, [...needed]]);
    const current = new Map(rows.map((row) => [row['key'] as string, rowOf(row)]));
    const puts = new Map<string, Row>();
    for (const entry of entries) {
      for (const row of rowsOf(entry, (key) => current.get(key))) {
        const before = current.get(row.key);
        if (before !== undefined && before.sequence >= row.sequence) continue;
        current.set(row.key, row);
        puts.set(row.key, row);
      }
    }
    return [...puts.values()];
  }

  /**
   * Writes rows, and then that the effects of all appends up to `done` are written: not before a quorum has the rows, since
   * whoever sees the mark relies on them, and a mark may be seen without what was written with it (see `holes.ts`).
   */
  async put(log: LogId, rows: readonly Row[], done: bigint): Promise<void> {
    const statements = rows.map(({ key, sequence, value }) => ({
      query: putRow,
      params: [log, key, sequence, packRow(value), sequence],
    }));
    for (let at = 0; at < statements.length; at += rowsTogether) {
      await this.#cluster.writeTogether(statements.slice(at, at + rowsTogether));
    }
    await this.#cluster.write(putDone, [done, done, log]);
  }

  /** Says that this bucket is about to be begun. */
  putLastBucket(log: LogId, bucket: bigint): Promise<void> {
    return this.#cluster.write(putLastBucket, [bucket, bucket, log]);
  }
}

function rowOf(row: TableRow): Row {
  return {
    key: row['key'] as string,
    sequence: row['sequence'] as bigint,
    value: unpackRow(row['value'] as Buffer),
  };
}

function endOf(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
