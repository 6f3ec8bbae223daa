import type { ParleyClient } from '../core/client.ts';
import type { ClientEvents } from '../core/events.ts';
import type { Runtime } from '../core/runtime.ts';
import type { Keeper } from './storage/keeper.ts';
import { ThreadBook } from './thread-book.ts';

/** What views stand on. */
export class Parts {
  readonly client: ParleyClient;
  readonly keeper: Keeper;
  readonly runtime: Runtime;
  /** What was refused for good, until it is dismissed: it may be so before anybody looks at the thread. */
  failed: readonly ClientEvents['sendFailed'][] = [];
  readonly #made = new Map<string, unknown>();

  constructor(client: ParleyClient, keeper: Keeper, runtime: Runtime) {
    this.client = client;
    this.keeper = keeper;
    this.runtime = runtime;
    client.on('sendFailed', (failed) => {
      this.failed = [...this.failed, failed];
    });
  }

  /** What was made under a name, or is made now. */
  once<T>(name: string, make: () => T): T {
    if (!this.#made.has(name)) this.#made.set(name, make());
    return this.#made.get(name) as T;
  }
}

/** The book of threads, shared by the list and the threads on screen. */
export function bookOf(parts: Parts): ThreadBook {
  return parts.once('book', () => new ThreadBook(parts.client, parts.keeper));
}
