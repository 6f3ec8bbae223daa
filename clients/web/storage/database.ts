import { inTime } from '../../core/later.ts';
import type { Runtime } from '../../core/runtime.ts';
import type { StorageState } from '../parley.ts';

/** A database that does not open within this time is taken for refused: browsers have been seen to say nothing at all. */
const openMs = 3000;

/** Tables by name: `meta` by name, `drafts` in the order they were put, `threads` by id, `items` by [thread id, sequence]. */
export type Table = 'meta' | 'drafts' | 'threads' | 'items';

/** `copy` writes what the server has too, or can tell again: the newest of it may go with the power, as a whole. It holds up nobody. */
export type Mode = 'readonly' | 'readwrite' | 'copy';

/** One request's result. */
export function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error ?? new Error('the database gave no reason')));
  });
}

/** All keys that begin with a thread's id. */
export function itemsOf(threadId: string): IDBKeyRange {
  // Arrays sort after numbers.
  return IDBKeyRange.bound([threadId, 0], [threadId, []], false, true);
}

/**
 * What the browser keeps of one user: a database of its own by the user's id. When the disk fails it is given up for as long
 * as the page lasts: `run` answers undefined, and who keeps something goes on in memory.
 */
export class Database {
  readonly #name: string;
  readonly #runtime: Runtime;
  readonly #changed: () => void;
  #db: IDBDatabase | undefined;
  #state: StorageState = { kind: 'disk' };

  /** `changed`: it is another state. */
  constructor(name: string, runtime: Runtime, changed: () => void) {
    this.#name = name;
    this.#runtime = runtime;
    this.#changed = changed;
  }

  get state(): StorageState {
    return this.#state;
  }

  /** Opens it, or finds out that there is none to be had. */
  async open(): Promise<void> {
    const factory = factoryHere();
    if (factory === undefined) {
      this.giveUp('absent', undefined);
      return;
    }
    try {
      this.#db = await this.#opened(factory, true);
    } catch (error) {
      this.giveUp(isFull(error) ? 'full' : 'denied', error);
    }
  }

  /** Opens it again after `close`. Answers false when it is not there any more: wiped. Then none is made. */
  async reopen(): Promise<boolean> {
    if (this.#state.kind === 'memory') return true;
    try {
      const db = await this.#opened(indexedDB, false);
      if (this.#db === undefined) this.#db = db;
      else db.close();
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return false;
      this.giveUp('denied', error);
    }
    return true;
  }

  /** Keeps nothing from now on, and says so. */
  giveUp(why: 'off' | 'absent' | 'denied' | 'full', error: unknown): void {
    this.close();
    if (this.#state.kind === 'memory') return;
    this.#state = { kind: 'memory', why, error };
    this.#changed();
  }

  /**
   * Runs one transaction. Resolves with what `work` answered once it is on disk (`copy`: with the browser); with undefined when there is no database, or
   * none any more. Rejects with a QuotaExceededError while `spare` is set, so that the caller can make room and try again.
   */
  async run<T>(
    tables: readonly Table[],
    mode: Mode,
    work: (table: (name: Table) => IDBObjectStore) => Promise<T>,
    spare = false,
  ): Promise<T | undefined> {
    const db = this.#db;
    if (db === undefined) return undefined;
    try {
      const transaction = db.transaction(tables, mode === 'readonly' ? mode : 'readwrite', {
        durability: mode === 'readwrite' ? 'strict' : 'relaxed',
      });
      const done = new Promise<void>((resolve, reject) => {
        transaction.addEventListener('complete', () => resolve());
        transaction.addEventListener('abort', () => reject(transaction.error ?? new Error('the transaction ended')));
      });
      const [value] = await Promise.all([work((name) => transaction.objectStore(name)), done]);
      return value;
    } catch (error) {
      if (isFull(error) && spare) throw error;
      // Closed on purpose: asleep, or wiped.
      if (this.#db === db) this.giveUp(isFull(error) ? 'full' : 'denied', error);
      return undefined;
    }
  }

  /** Removes it, with all that is in it, also while other tabs have it open. */
  async wipe(): Promise<void> {
    this.close();
    const factory = factoryHere();
    if (factory === undefined) return;
    await result(factory.deleteDatabase(this.#name)).catch(() => undefined);
  }

  /** What was begun goes on to its end. */
  close(): void {
    this.#db?.close();
    this.#db = undefined;
  }

  async #opened(factory: IDBFactory, mayMake: boolean): Promise<IDBDatabase> {
    const request = factory.open(this.#name, 1);
    request.addEventListener('upgradeneeded', () => {
      if (!mayMake) {
        // The request then fails with an AbortError, and nothing is left of it.
        request.transaction?.abort();
        return;
      }
      const db = request.result;
      db.createObjectStore('meta');
      db.createObjectStore('drafts', { autoIncrement: true }).createIndex('id', 'id', { unique: true });
      db.createObjectStore('threads');
      db.createObjectStore('items');
    });
    const opening = result(request);
    try {
      const db = await inTime(() => opening, this.#runtime, openMs);
      // Wiped by another tab, or by the user.
      for (const end of ['versionchange', 'close']) db.addEventListener(end, () => this.giveUp('denied', undefined));
      return db;
    } catch (error) {
      // One that comes late would hold up whoever wipes it.
      opening.then(
        (db) => db.close(),
        () => undefined,
      );
      throw error;
    }
  }
}

function factoryHere(): IDBFactory | undefined {
  return (globalThis as { indexedDB?: IDBFactory | null }).indexedDB ?? undefined;
}

function isFull(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'QuotaExceededError';
}
