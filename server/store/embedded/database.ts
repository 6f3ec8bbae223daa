import { ClassicLevel } from 'classic-level';
import { Refusal, throwIfAborted } from '../../core/errors.ts';
import type { Key } from './keys.ts';

type Level = ClassicLevel<string, Buffer>;

export interface Put {
  readonly key: Key;
  /** undefined = remove the key. */
  readonly value: Buffer | undefined;
}

export interface KeyRange {
  readonly gt?: Key;
  readonly gte?: Key;
  readonly lt?: Key;
  readonly lte?: Key;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** Rows fetched per hop to the thread pool, and their bytes. */
const fetchRows = 512;
const fetchBytes = 512 * 1024;

/**
 * LevelDB, which may be closed and opened again below its readers: they wait for that. What it throws becomes
 * STORE_UNAVAILABLE.
 */
export class Database {
  readonly folder: string;
  #level: Level | undefined;
  #reading = 0;
  #idle: (() => void) | undefined;
  #reopening: Promise<void> | undefined;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @throws what LevelDB throws */
  static async open(folder: string, createIfMissing: boolean): Promise<Database> {
    const database = new Database(folder);
    database.#level = await openLevel(folder, createIfMissing);
    return database;
  }

  #open(): Level {
    if (this.#level === undefined) throw unavailable('the store is closed or being opened again');
    return this.#level;
  }

  /** Resolves when reading is possible; free of cost when it is now. */
  ready(): Promise<void> | undefined {
    return this.#reopening;
  }

  /** On this thread: for keys that are likely in memory. Only when `ready()` is undefined. */
  getNow(key: Key): Buffer | undefined {
    try {
      return this.#open().getSync(key);
    } catch (error) {
      throw asRefusal(error);
    }
  }

  async get(key: Key): Promise<Buffer | undefined> {
    if (this.#reopening !== undefined) await this.#reopening;
    return this.getNow(key);
  }

  getMany(keys: Key[]): Promise<(Buffer | undefined)[]> {
    return this.#read((level) => level.getMany(keys));
  }

  keys(range: KeyRange): Promise<Key[]> {
    return this.#read((level) => level.keys({ ...range, highWaterMarkBytes: fetchBytes }).all());
  }

  /** Calls `take` for each row of the range, until it returns false. */
  scan(range: KeyRange, take: (key: Key, value: Buffer) => boolean, signal?: AbortSignal): Promise<void> {
    return this.#read(async (level) => {
      const iterator = level.iterator({ ...range, highWaterMarkBytes: fetchBytes });
      try {
        for (;;) {
          throwIfAborted(signal);
          const rows = await iterator.nextv(fetchRows);
          if (rows.length === 0) return;
          for (const [key, value] of rows) if (!take(key, value)) return;
        }
      } finally {
        await iterator.close();
      }
    });
  }

  /** Whole or not at all; on disk when it resolves, if `sync`. */
  async write(puts: readonly Put[], sync: boolean): Promise<void> {
    const batch = this.#open().batch();
    for (const { key, value } of puts) {
      if (value === undefined) batch.del(key);
      else batch.put(key, value);
    }
    await batch.write({ sync });
  }

  async compactRange(from: Key, to: Key): Promise<void> {
    await this.#read((level) => level.compactRange(from, to));
  }

  async #read<Result>(work: (level: Level) => Promise<Result>): Promise<Result> {
    while (this.#reopening !== undefined) await this.#reopening;
    const level = this.#open();
    this.#reading++;
    try {
      return await work(level);
    } catch (error) {
      throw asRefusal(error);
    } finally {
      if (--this.#reading === 0) this.#idle?.();
    }
  }

  async #close(): Promise<void> {
    if (this.#reading > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    this.#idle = undefined;
    const level = this.#level;
    this.#level = undefined;
    await level?.close();
  }

  /** When it rejects, reads reject too until a later call succeeds. Not while `write` runs. */
  async reopen(): Promise<void> {
    const work = (async (): Promise<void> => {
      await this.#close();
      this.#level = await openLevel(this.folder, false);
    })();
    this.#reopening = work.catch(() => {}).finally(() => (this.#reopening = undefined));
    await work;
  }

  /** Not while `write` or `reopen` runs. */
  close(): Promise<void> {
    return this.#close();
  }
}

async function openLevel(folder: string, createIfMissing: boolean): Promise<Level> {
  const level = new ClassicLevel<string, Buffer>(folder, {
    keyEncoding: 'utf8',
    valueEncoding: 'buffer',
    createIfMissing,
    // Bodies are short and the processor is dearer than the disk.
    compression: false,
    // Two of these are in memory; each is replayed when the store opens.
    writeBufferSize: 32 * 1024 * 1024,
    maxFileSize: 16 * 1024 * 1024,
    cacheSize: 32 * 1024 * 1024,
    maxOpenFiles: 500,
  });
  await level.open();
  return level;
}

function unavailable(message: string, cause?: unknown): Refusal {
  return new Refusal('STORE_UNAVAILABLE', message, cause === undefined ? {} : { cause });
}

function asRefusal(error: unknown): unknown {
  if (error instanceof Refusal) return error;
  return unavailable('the store could not be read', error);
}
