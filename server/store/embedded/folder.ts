import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../core/clock.ts';

/** What this version writes; a folder of a higher one is refused. */
const formatVersion = 1;

/** The store's folder cannot be used. The message says why and what to do, and is for the operator. */
export class StoreFolderError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreFolderError';
  }
}

export function damaged(folder: string, what: string, cause?: unknown): StoreFolderError {
  return new StoreFolderError(
    `the store in ${folder} is damaged: ${what}. Nothing was changed. Move the folder away and keep it, and restore a backup ` +
      `in its place: npm run restore -- --from FILE`,
    cause === undefined ? {} : { cause },
  );
}

/**
 *   format   the version, written when the folder was made
 *   epoch    of every log in it; made anew when it is missing (a copy of the folder was put in its place by hand)
 *   pid      of the process that has it open
 *   db/      LevelDB
 */
export class Folder {
  readonly root: string;

  constructor(root: string) {
    this.root = path.resolve(root);
  }

  get database(): string {
    return path.join(this.root, 'db');
  }

  #file(name: string): string {
    return path.join(this.root, name);
  }

  /** Whether the folder has been made before. @throws StoreFolderError when it is of a newer format or damaged */
  async isMade(): Promise<boolean> {
    const text = await readText(this.#file('format'));
    if (text === undefined) return false;
    const match = /^parley-store (\d+)\n$/.exec(text);
    if (match?.[1] === undefined) throw damaged(this.root, 'its file "format" is not one of Parley');
    if (Number(match[1]) > formatVersion) {
      throw new StoreFolderError(
        `the store in ${this.root} has format ${match[1]}, and this version of Parley knows up to ${formatVersion}: ` +
          `start the newer version that wrote it, or restore a backup from before its upgrade`,
      );
    }
    if (!existsSync(path.join(this.database, 'CURRENT'))) throw damaged(this.root, 'its file "db/CURRENT" is missing');
    return true;
  }

  async make(): Promise<void> {
    await mkdir(this.root, { recursive: true });
  }

  /** Says that the folder is whole. */
  writeFormat(): Promise<void> {
    return writeDurably(this.#file('format'), `parley-store ${formatVersion}\n`);
  }

  /** Undefined when there is none. @throws StoreFolderError when it is damaged */
  async epoch(): Promise<bigint | undefined> {
    const text = await readText(this.#file('epoch'));
    if (text === undefined) return undefined;
    if (!/^\d{1,18}\n$/.test(text)) throw damaged(this.root, 'its file "epoch" is not a number');
    return BigInt(text);
  }

  /** Grows with time, so that two stores of one deployment never share one. */
  async makeEpoch(clock: Clock): Promise<bigint> {
    const epoch = BigInt(Math.floor(clock.nowMs()) * 1024 + Math.floor(clock.random() * 1024));
    await this.writeEpoch(epoch);
    return epoch;
  }

  writeEpoch(epoch: bigint): Promise<void> {
    return writeDurably(this.#file('epoch'), `${epoch}\n`);
  }

  async removeEpoch(): Promise<void> {
    await rm(this.#file('epoch'), { force: true });
  }

  async writePid(): Promise<void> {
    await writeDurably(this.#file('pid'), `${process.pid}\n`);
  }

  async removePid(): Promise<void> {
    await rm(this.#file('pid'), { force: true });
  }

  /** Of the process that has the folder open. */
  async holder(): Promise<string> {
    const text = await readText(this.#file('pid'));
    return text === undefined ? 'another process' : `process ${text.trim()}`;
  }
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whole or not at all, also through a loss of power. */
async function writeDurably(file: string, text: string): Promise<void> {
  const draft = `${file}.new`;
  const handle = await open(draft, 'w');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
  const folder = await open(path.dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
