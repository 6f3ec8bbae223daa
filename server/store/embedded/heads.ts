import type { Head } from '../../core/entry.ts';
import { ByteReader, type ByteWriter } from './bytes.ts';

const version = 1;

/** Without the epoch, which is the whole store's. */
export function encodeHead(writer: ByteWriter, head: Head): Buffer {
  return writer
    .start(version)
    .u48(Number(head.sequence))
    .u48(Number(head.ordinal))
    .u48(Number(head.membersSequence))
    .u48(head.activityMs)
    .take();
}

export function decodeHead(bytes: Buffer, epoch: bigint): Head {
  const reader = new ByteReader(bytes, version, 'a head');
  return {
    epoch,
    sequence: BigInt(reader.u48()),
    ordinal: BigInt(reader.u48()),
    membersSequence: BigInt(reader.u48()),
    activityMs: reader.u48(),
  };
}
