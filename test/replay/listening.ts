/** Waits until every client has heard what it is to hear last, or nothing happens any more. */
import { clientKey } from './heard.ts';
import type { Client } from './history.ts';

/** A run in which nothing was acknowledged or heard for so long has ended, whatever is missing. */
export const stalledMs = 60_000;

export class Stalled extends Error {}

/** When something last happened, so that a run that is stuck ends instead of waiting for ever. */
export class Activity {
  readonly #now: () => number;
  #lastMs: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#lastMs = now();
  }

  touch(): void {
    this.#lastMs = this.#now();
  }

  /** Resolves or rejects with `work`, or rejects with Stalled when nothing was touched for `stalledMs`. */
  async orStalled<T>(work: Promise<T>, what: string): Promise<T> {
    this.touch();
    const stalled = Promise.withResolvers<never>();
    const watch = setInterval(() => {
      if (this.#now() - this.#lastMs < stalledMs) return;
      stalled.reject(new Stalled(`nothing happened for ${stalledMs / 1000} s while ${what}`));
    }, 1_000);
    try {
      return await Promise.race([work, stalled.promise]);
    } finally {
      clearInterval(watch);
    }
  }
}

/** Up to where each client has heard each thread, and up to where it should. */
export class Listening {
  readonly #heard = new Map<string, number>();
  readonly #waiting = new Map<string, number>();
  #resolve: (() => void) | undefined;

  note(client: Client, thread: string, sequence: number): void {
    const key = `${clientKey(client)}\n${thread}`;
    if (sequence <= (this.#heard.get(key) ?? 0)) return;
    this.#heard.set(key, sequence);
    const target = this.#waiting.get(key);
    if (target === undefined || sequence < target) return;
    this.#waiting.delete(key);
    if (this.#waiting.size === 0) this.#resolve?.();
  }

  /** The client is to hear the thread up to the message at `sequence`. */
  expect(client: Client, thread: string, sequence: number): void {
    const key = `${clientKey(client)}\n${thread}`;
    if (sequence > (this.#heard.get(key) ?? 0)) this.#waiting.set(key, sequence);
  }

  /** How many clients and threads are waited for. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Resolves when everything expected was heard. */
  async done(): Promise<void> {
    if (this.#waiting.size === 0) return;
    await new Promise<void>((resolve) => (this.#resolve = resolve));
  }
}
