import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { BackupError, type BackupItem } from '../backup.ts';
import { type BackupCounts, type BackupHeader, formatVersion, maxBlockBytes, noCounts, prefixBytes } from './file.ts';
import { unpackItem } from './pack.ts';
import { count } from './writer.ts';

interface Block {
  readonly letter: string;
  readonly payload: Buffer;
  readonly offset: number;
  /** Of everything before it. */
  readonly sha256: string;
}

/** Reads a backup, and refuses with words what is not one, or not as it was written. */
export class BackupReader implements AsyncDisposable {
  readonly #file: string;
  readonly #handle: FileHandle;
  readonly bytes: number;
  readonly header: BackupHeader;
  readonly #start: number;

  private constructor(file: string, handle: FileHandle, bytes: number, header: BackupHeader, start: number) {
    this.#file = file;
    this.#handle = handle;
    this.bytes = bytes;
    this.header = header;
    this.#start = start;
  }

  /** @throws BackupError */
  static async open(file: string): Promise<BackupReader> {
    let handle: FileHandle;
    try {
      handle = await open(file, 'r');
    } catch (error) {
      throw new BackupError(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
    }
    try {
      const { size } = await handle.stat();
      const start = await startOf(file, handle);
      const raw = new BackupReader(file, handle, size, { createMs: 0, store: 'embedded', epoch: 0n }, start);
      const first = await raw.#blocks(0).next();
      if (first.done === true || first.value.letter !== 'H') throw raw.#damaged(start, 'no header is there');
      const header = JSON.parse(first.value.payload.toString()) as BackupHeader & { readonly epoch: string };
      return new BackupReader(file, handle, size, { ...header, epoch: BigInt(header.epoch) }, start);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * Every item; the counts and the checksum of the whole are compared at the end. `onBytes`: how far it has come.
   * @throws BackupError when the file is cut off or damaged
   */
  async *items(onBytes: (bytes: number) => void = () => {}): AsyncGenerator<BackupItem> {
    const counts = noCounts();
    let end: Block | undefined;
    for await (const block of this.#blocks(0)) {
      if (end !== undefined) throw this.#damaged(block.offset, 'something follows its end');
      onBytes(block.offset);
      if (block.letter === 'E') end = block;
      else if (block.letter === 'I') {
        for (const item of itemsOf(block.payload)) {
          count(counts, item);
          yield item;
        }
      } else if (block.letter !== 'H') throw this.#damaged(block.offset, 'a block of no known kind is there');
    }
    if (end === undefined) throw this.#cutOff();
    const said = JSON.parse(end.payload.toString()) as { counts: BackupCounts; sha256: string };
    if (said.sha256 !== end.sha256) throw this.#damaged(end.offset, 'the checksum of the whole is another one');
    if (JSON.stringify({ ...noCounts(), ...said.counts }) !== JSON.stringify(counts)) {
      throw this.#damaged(end.offset, 'it holds other counts than it says');
    }
  }

  async *#blocks(from: number): AsyncGenerator<Block> {
    const hash = createHash('sha256');
    const line = Buffer.alloc(this.#start);
    await this.#handle.read(line, 0, this.#start, 0);
    hash.update(line);
    let offset = this.#start + from;
    const prefix = Buffer.alloc(prefixBytes);
    while (offset < this.bytes) {
      if (!(await this.#readWhole(prefix, offset))) throw this.#cutOff();
      const length = prefix.readUInt32BE();
      if (length > maxBlockBytes) throw this.#damaged(offset, 'a block says that it is longer than any');
      const payload = Buffer.alloc(length);
      if (!(await this.#readWhole(payload, offset + prefixBytes))) throw this.#cutOff();
      const letter = prefix.subarray(8, 9);
      if (crc32(payload, crc32(letter)) !== prefix.readUInt32BE(4)) {
        throw this.#damaged(offset, 'the checksum of a block is another one');
      }
      const sha256 = hash.copy().digest('hex');
      hash.update(prefix).update(payload);
      yield { letter: letter.toString(), payload, offset, sha256 };
      offset += prefixBytes + length;
    }
  }

  async #readWhole(into: Buffer, offset: number): Promise<boolean> {
    let read = 0;
    while (read < into.length) {
      const { bytesRead } = await this.#handle.read(into, read, into.length - read, offset + read);
      if (bytesRead === 0) return false;
      read += bytesRead;
    }
    return true;
  }

  #cutOff(): BackupError {
    return new BackupError(`${this.#file} is cut off: it ends after ${this.bytes} bytes, and has no end block there`);
  }

  #damaged(offset: number, what: string): BackupError {
    return new BackupError(`${this.#file} is damaged: at byte ${offset} ${what}. Use another backup`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

/** Where the first line ends. */
async function startOf(file: string, handle: FileHandle): Promise<number> {
  const bytes = Buffer.alloc(32);
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
  const match = /^parley-backup (\d{1,9})\n/.exec(bytes.toString('latin1', 0, bytesRead));
  if (match === null) throw new BackupError(`${file} is no backup of Parley`);
  if (Number(match[1]) > formatVersion) {
    throw new BackupError(
      `${file} has format ${match[1]}, and this version of Parley knows up to ${formatVersion}: restore it with the newer ` +
        'version that wrote it',
    );
  }
  return match[0].length;
}

function* itemsOf(payload: Buffer): Iterable<BackupItem> {
  for (let at = 0; at < payload.length;) {
    const length = payload.readUInt32BE(at);
    yield unpackItem(payload.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
}
