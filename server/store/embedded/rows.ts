import type { LogId } from '../../core/ids.ts';
import type { Row } from '../../core/rows.ts';
import type { RowRange } from '../store.ts';
import { ByteReader, type ByteWriter } from './bytes.ts';
import type { Database } from './database.ts';
import { endOf, keys } from './keys.ts';

const version = 1;

/** Appends of a log are linear, so the last put is the one with the highest sequence. */
export function encodeRow(writer: ByteWriter, row: Row): Buffer {
  return writer.start(version).u48(Number(row.sequence)).packed(row.value).take();
}

export function decodeRow(bytes: Buffer, key: string): Row {
  const reader = new ByteReader(bytes, version, 'a row');
  return { key, sequence: BigInt(reader.u48()), value: reader.packed() };
}

export async function readRow(database: Database, log: LogId, key: string): Promise<Row | undefined> {
  const bytes = await database.get(keys.row(log, key));
  return bytes === undefined ? undefined : decodeRow(bytes, key);
}

export async function readRows(
  database: Database,
  log: LogId,
  { prefix, after = '', limit }: RowRange,
  signal?: AbortSignal,
): Promise<Row[]> {
  const found: Row[] = [];
  const start = keys.row(log, '');
  const below = after === '' || after < prefix ? { gte: start + prefix } : { gt: start + after };
  await database.scan(
    { ...below, lt: endOf(start + prefix), limit },
    (key, value) => {
      found.push(decodeRow(value, key.slice(start.length)));
      return true;
    },
    signal,
  );
  return found;
}
