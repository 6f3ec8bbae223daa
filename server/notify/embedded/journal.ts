import { mkdir } from 'node:fs/promises';
import { ClassicLevel } from 'classic-level';
import { Refusal } from '../../core/errors.ts';

type Level = ClassicLevel<string, string>;

/**
 * Values by key in a LevelDB, written in groups: what is put while one batch is being written goes into the next, and every batch is on disk before
 * those who wait for it hear. After a failed batch nothing is forgotten: the database is opened again and it is written with the next.
 */
export class Journal {
  readonly #folder: string;
  #level: Level;
  #dirty = new Map<string, string | undefined>();
  #writing = new Map<string, string | undefined>();
  #flush: Promise<void> | undefined;
  #broken = false;
  #closed = false;

  private constructor(folder: string, level: Level) {
    this.#folder = folder;
    this.#level = level;
  }

  /** @throws what LevelDB throws */
  static async open(folder: string): Promise<Journal> {
    await mkdir(folder, { recursive: true });
    return new Journal(folder, await openLevel(folder));
  }

  /** Undefined removes the key. On disk when a `flush` that is called after it resolves. */
  put(key: string, value: string | undefined): void {
    this.#dirty.set(key, value);
  }

  get(key: string): string | undefined {
    if (this.#dirty.has(key)) return this.#dirty.get(key);
    if (this.#writing.has(key)) return this.#writing.get(key);
    try {
      return this.#level.getSync(key);
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** What is on disk of a prefix, in order of keys. */
  async scan(prefix: string, take: (key: string, value: string) => void): Promise<void> {
    try {
      for await (const [key, value] of this.#level.iterator({ gte: prefix, lt: `${prefix}\uFFFF` })) take(key, value);
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** @throws Refusal STORE_UNAVAILABLE: it is not on disk yet */
  async flush(): Promise<void> {
    // What is being written does not hold what was put since.
    if (this.#flush !== undefined) await this.#flush.catch(() => undefined);
    if (this.#dirty.size === 0 && this.#flush === undefined) return;
    // Of those that waited, the first writes for all.
    this.#flush ??= this.#write().finally(() => (this.#flush = undefined));
    await this.#flush;
  }

  async close(): Promise<void> {
    await this.flush().catch(() => undefined);
    this.#closed = true;
    await this.#flush?.catch(() => undefined);
    await this.#level.close();
  }

  async #write(): Promise<void> {
    // A microtask later, so that what one turn puts shares an fsync.
    await Promise.resolve();
    // A folder that is closed is another's: who comes late does not open it again.
    if (this.#closed) throw unavailable(new Error('closed'));
    this.#writing = this.#dirty;
    this.#dirty = new Map();
    try {
      if (this.#broken) await this.#reopen();
      const batch = this.#level.batch();
      for (const [key, value] of this.#writing) {
        if (value === undefined) batch.del(key);
        else batch.put(key, value);
      }
      await batch.write({ sync: true });
    } catch (error) {
      this.#broken = true;
      for (const [key, value] of this.#writing) if (!this.#dirty.has(key)) this.#dirty.set(key, value);
      throw unavailable(error);
    } finally {
      this.#writing = new Map();
    }
  }

  /** LevelDB takes nothing more after a write that failed. */
  async #reopen(): Promise<void> {
    await this.#level.close();
    this.#level = await openLevel(this.#folder);
    this.#broken = false;
  }
}

async function openLevel(folder: string): Promise<Level> {
  const level = new ClassicLevel<string, string>(folder, { keyEncoding: 'utf8', valueEncoding: 'utf8' });
  await level.open();
  return level;
}

function unavailable(cause: unknown): Refusal {
  return new Refusal('STORE_UNAVAILABLE', 'the queue of notifications cannot be written or read just now', { cause });
}
