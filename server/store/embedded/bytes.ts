import { crc32 } from 'node:zlib';
import { Packr } from 'msgpackr';
import { Refusal } from '../../core/errors.ts';

/** What is not hot is packed whole; bigints come back as bigints. */
const packr = new Packr({ useRecords: false, int64AsType: 'bigint' });

/** For a value that this version cannot read. */
export function unreadable(what: string): Refusal {
  return new Refusal(
    'STORE_UNAVAILABLE',
    `the store holds ${what}: it was written by a newer version of Parley, or its files are damaged`,
  );
}

/** LevelDB checks no checksums when it reads, so each value ends with its own. */
const checksumBytes = 4;

/** Packs values one after the other into one buffer; `take` copies the value out. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(4096);
  #end = 0;

  #reserve(size: number): void {
    const needed = this.#end + size;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#end);
    this.#bytes = larger;
  }

  /** Begins a value. */
  start(version: number): this {
    this.#end = 0;
    return this.u8(version);
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#end++] = value;
    return this;
  }

  /** An integer below 2^48. */
  u48(value: number): this {
    this.#reserve(6);
    this.#bytes.writeUIntBE(value, this.#end, 6);
    this.#end += 6;
    return this;
  }

  /** Up to 255 bytes of UTF-8. */
  short(value: string): this {
    this.#reserve(1 + value.length * 3);
    const length = this.#bytes.write(value, this.#end + 1, 'utf8');
    if (length > 255) throw new RangeError('a short text is longer than 255 bytes');
    this.#bytes[this.#end] = length;
    this.#end += 1 + length;
    return this;
  }

  text(value: string): this {
    this.#reserve(4 + value.length * 3);
    const length = this.#bytes.write(value, this.#end + 4, 'utf8');
    this.#bytes.writeUInt32BE(length, this.#end);
    this.#end += 4 + length;
    return this;
  }

  raw(value: Uint8Array): this {
    this.#reserve(4 + value.length);
    this.#bytes.writeUInt32BE(value.length, this.#end);
    this.#bytes.set(value, this.#end + 4);
    this.#end += 4 + value.length;
    return this;
  }

  packed(value: unknown): this {
    return this.raw(packr.pack(value));
  }

  /** Ends the value. */
  take(): Buffer {
    this.#reserve(checksumBytes);
    const value = Buffer.from(this.#bytes.subarray(0, this.#end + checksumBytes));
    value.writeUInt32BE(crc32(value.subarray(0, this.#end)), this.#end);
    return value;
  }
}

/** Reads what `ByteWriter` wrote, in the same order. */
export class ByteReader {
  readonly #bytes: Buffer;
  readonly #what: string;
  readonly #end: number;
  #at = 0;

  /** @throws Refusal STORE_UNAVAILABLE for another version, and for a value that is not as it was written */
  constructor(bytes: Buffer, version: number, what: string) {
    const end = bytes.length - checksumBytes;
    if (end < 1 || crc32(bytes.subarray(0, end)) !== bytes.readUInt32BE(end))
      throw unreadable(`${what} that is damaged`);
    this.#bytes = bytes;
    this.#end = end;
    this.#what = what;
    if (this.u8() !== version) throw unreadable(`${what} of version ${bytes[0]}`);
  }

  #need(size: number): number {
    const at = this.#at;
    if (at + size > this.#end) throw unreadable(`${this.#what} that ends early`);
    this.#at = at + size;
    return at;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#need(1));
  }

  u48(): number {
    return this.#bytes.readUIntBE(this.#need(6), 6);
  }

  short(): string {
    const length = this.u8();
    const at = this.#need(length);
    return this.#bytes.toString('utf8', at, at + length);
  }

  text(): string {
    const length = this.#bytes.readUInt32BE(this.#need(4));
    const at = this.#need(length);
    return this.#bytes.toString('utf8', at, at + length);
  }

  raw(): Buffer {
    const length = this.#bytes.readUInt32BE(this.#need(4));
    const at = this.#need(length);
    return this.#bytes.subarray(at, at + length);
  }

  packed(): unknown {
    return packr.unpack(this.raw());
  }
}
