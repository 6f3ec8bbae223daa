import type { Duplicate } from '../store.ts';
import { ByteReader, type ByteWriter } from './bytes.ts';

const version = 1;

/** What an id was appended as. Kept for as long as the log: there is no window, and erasing a body does not touch it. */
export function encodeDuplicate(
  writer: ByteWriter,
  sequence: number,
  ordinal: number,
  createTimeMs: number,
  fingerprint: string,
): Buffer {
  return writer.start(version).u48(sequence).u48(ordinal).u48(createTimeMs).text(fingerprint).take();
}

export function decodeDuplicate(bytes: Buffer, epoch: bigint): Duplicate {
  const reader = new ByteReader(bytes, version, 'an id');
  return {
    sequence: BigInt(reader.u48()),
    ordinal: BigInt(reader.u48()),
    createTimeMs: reader.u48(),
    epoch,
    fingerprint: reader.text(),
  };
}
