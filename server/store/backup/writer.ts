import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { BackupError, type BackupItem } from '../backup.ts';
import { type BackupCounts, type BackupHeader, blockBytes, firstLine, formatVersion, noCounts } from './file.ts';
import { packItem } from './pack.ts';

/** Writes a backup under the name FILE.partial, which becomes FILE when it is whole and on disk. */
export class BackupWriter {
  readonly #file: string;
  readonly #partial: string;
  readonly #handle: FileHandle;
  readonly #hash = createHash('sha256');
  readonly counts = noCounts();
  bytes = 0;
  #items: Buffer[] = [];
  #itemBytes = 0;

  private constructor(file: string, partial: string, handle: FileHandle) {
    this.#file = file;
    this.#partial = partial;
    this.#handle = handle;
  }

  /** @throws BackupError when there is such a file already, or it cannot be made */
  static async create(file: string, header: BackupHeader): Promise<BackupWriter> {
    if (existsSync(file)) throw new BackupError(`${file} is there already: choose another name`);
    const partial = `${file}.partial`;
    let handle: FileHandle;
    try {
      // For nobody else's eyes: messages and secrets are in it.
      handle = await open(partial, 'w', 0o600);
    } catch (error) {
      throw new BackupError(`${partial} cannot be written: ${(error as Error).message}`, { cause: error });
    }
    const writer = new BackupWriter(file, partial, handle);
    await writer.#write(Buffer.from(firstLine(formatVersion)));
    const text = JSON.stringify({ ...header, epoch: String(header.epoch) });
    await writer.#block('H', Buffer.from(text));
    return writer;
  }

  async put(item: BackupItem): Promise<void> {
    count(this.counts, item);
    const bytes = packItem(item);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    this.#items.push(length, bytes);
    this.#itemBytes += 4 + bytes.length;
    if (this.#itemBytes >= blockBytes) await this.#flush();
  }

  /** @throws BackupError when the disk does not take it */
  async finish(): Promise<void> {
    await this.#flush();
    const sha256 = this.#hash.copy().digest('hex');
    await this.#block('E', Buffer.from(JSON.stringify({ counts: this.counts, sha256 })));
    try {
      await this.#handle.sync();
      await this.#handle.close();
      await rename(this.#partial, this.#file);
      await syncFolder(path.dirname(this.#file));
    } catch (error) {
      throw this.#refused(error);
    }
  }

  /** Removes what was written. */
  async abandon(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    await rm(this.#partial, { force: true });
  }

  async #flush(): Promise<void> {
    if (this.#items.length === 0) return;
    const payload = Buffer.concat(this.#items);
    this.#items = [];
    this.#itemBytes = 0;
    await this.#block('I', payload);
  }

  async #block(letter: 'H' | 'I' | 'E', payload: Buffer): Promise<void> {
    const content = Buffer.concat([Buffer.from(letter), payload]);
    const prefix = Buffer.alloc(8);
    prefix.writeUInt32BE(payload.length);
    prefix.writeUInt32BE(crc32(content), 4);
    await this.#write(Buffer.concat([prefix, content]));
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#hash.update(bytes);
    this.bytes += bytes.length;
    try {
      await this.#handle.writeFile(bytes);
    } catch (error) {
      throw this.#refused(error);
    }
  }

  #refused(error: unknown): BackupError {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOSPC' ? 'its disk is full' : message;
    return new BackupError(`${this.#partial} cannot be written: ${why}. Nothing was kept`, { cause: error });
  }
}

/** Adds an item to the counts. */
export function count(counts: BackupCounts, item: BackupItem): void {
  if (item.kind === 'entries') counts.entries += item.entries.length;
  else if (item.kind === 'positions') counts.positions += item.positions.length;
  else if (item.kind === 'log-end') counts.logs += 1;
  else if (item.kind === 'devices') counts.devices += item.devices.length;
  else if (item.kind === 'device-records') counts.deviceRecords += item.records.length;
  else if (item.kind === 'seen') counts.seen += item.times.length;
  else if (item.kind === 'secret') counts.secrets += 1;
}

/** So that the new name outlives a loss of power. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
