/** Waiting for what clients hear, but not for ever. */
import { clientKey } from './heard.ts';
import type { Client } from './history.ts';

/** A run in which nothing was acknowledged or heard for so long has ended: clients wait up to 60 s before they try again. */
export const stalledMs = 120_000;

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

/** Up to where each client has heard each thread, for those who wait for it. */
export class Listening {
  readonly #heard = new Map<string, number>();
  readonly #waiting = new Map<string, { sequence: number; resolve: () => void }[]>();

  note(client: Client, thread: string, sequence: number): void {
    const key = listenerKey(client, thread);
    if (sequence <= (this.#heard.get(key) ?? 0)) return;
    this.#heard.set(key, sequence);
    const waiting = this.#waiting.get(key);
    if (!waiting) return;
    const left = waiting.filter((waiter) => waiter.sequence > sequence);
    for (const { resolve } of waiting.filter((waiter) => waiter.sequence <= sequence)) resolve();
    if (left.length > 0) this.#waiting.set(key, left);
    else this.#waiting.delete(key);
  }

  /** Resolves when the client has heard the message at that sequence, or a later one. */
  async reached(client: Client, thread: string, sequence: number): Promise<void> {
    const key = listenerKey(client, thread);
    if (sequence <= (this.#heard.get(key) ?? 0)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), { sequence, resolve }]);
    await promise;
  }
}

const listenerKey = (client: Client, thread: string): string => `${clientKey(client)}\n${thread}`;
