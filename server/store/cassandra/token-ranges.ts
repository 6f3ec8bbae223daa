import type { Cluster, Row } from './cluster.ts';

/** How many pieces the ring is read in: a failure costs one piece's time, and none asks a node for more than a part of a table. */
const pieces = 64n;
const lowest = -(1n << 63n);
const highest = (1n << 63n) - 1n;

/** Every row of a table, page by page, in no order. `key`: the columns of its partition key. */
export async function* scan(
  cluster: Cluster,
  columns: string,
  table: string,
  key: string,
  signal?: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  const query = `SELECT ${columns} FROM ${table} WHERE token(${key}) > ? AND token(${key}) <= ?`;
  const width = (highest - lowest) / pieces;
  for (let at = 0n; at < pieces; at++) {
    const from = lowest + at * width;
    const to = at === pieces - 1n ? highest : from + width;
    yield* cluster.pages(query, [from, to], signal);
  }
}
