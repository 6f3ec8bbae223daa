// Reads the format that LevelDB keeps its log and its manifest in: blocks of 32 KiB with records in them, those that do not
// fit in pieces. See https://github.com/google/leveldb/blob/main/doc/log_format.md

const blockBytes = 32_768;
const headerBytes = 7;

const full = 1;
const first = 2;
const middle = 3;
const last = 4;

const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0x82f63b78;
  return crc;
});

/** CRC-32C as LevelDB masks it. */
function maskedCrc(bytes: Buffer, start: number, end: number): number {
  let crc = -1;
  for (let at = start; at < end; at++) crc = (crcTable[(crc ^ (bytes[at] ?? 0)) & 255] ?? 0) ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return ((((crc >>> 15) | (crc << 17)) >>> 0) + 0xa282ead8) >>> 0;
}

/** A piece of a record; `whole` is false where what stands in the file is no piece. */
interface Piece {
  readonly type: number;
  readonly offset: number;
  readonly data: Buffer;
  readonly whole: boolean;
}

function* pieces(bytes: Buffer): Iterable<Piece> {
  for (let block = 0; block < bytes.length; block += blockBytes) {
    const blockEnd = Math.min(block + blockBytes, bytes.length);
    let at = block;
    while (at + headerBytes <= blockEnd) {
      const length = bytes.readUInt16LE(at + 4);
      const type = bytes[at + 6] ?? 0;
      const end = at + headerBytes + length;
      // Written in part when the process or the machine stopped.
      if (end > blockEnd && blockEnd === bytes.length) return;
      const whole =
        type >= full && type <= last && end <= blockEnd && maskedCrc(bytes, at + 6, end) === bytes.readUInt32LE(at);
      yield { type, offset: at, data: bytes.subarray(at + headerBytes, end), whole };
      if (!whole) break;
      at = end;
    }
  }
}

/**
 * The offset of damage that is not just an unfinished end: something that is no record, with a record begun after it. What
 * was being written when the power went may be torn, but nothing follows it: a record is begun when the one ahead is on disk.
 */
export function damageIn(bytes: Buffer): number | undefined {
  let damage: number | undefined;
  let open: number | undefined;
  for (const { type, offset, whole } of pieces(bytes)) {
    if (!whole) {
      damage ??= open ?? offset;
      open = undefined;
      continue;
    }
    if (type === full || type === first) {
      if (damage !== undefined) return damage;
      if (open !== undefined) return open;
      open = type === first ? offset : undefined;
    } else if (open === undefined) {
      damage ??= offset;
    } else if (type === last) open = undefined;
  }
  return undefined;
}

/** Records up to the first damage. */
export function* recordsOf(bytes: Buffer): Iterable<Buffer> {
  let parts: Buffer[] = [];
  for (const { type, data, whole } of pieces(bytes)) {
    if (!whole) return;
    if (type === full || type === first) parts = [];
    parts.push(data);
    if (type === full || type === last) yield Buffer.concat(parts);
    else if (type !== first && type !== middle) return;
  }
}
