import { systemRuntime } from '../core/runtime.ts';
import type { Runtime, Timer } from '../core/runtime.ts';

/** Shorter ones are the page's own: a hidden page's are held back to a second at most by themselves. */
const shortMs = 1000;

interface Waiting {
  readonly dueMs: number;
  readonly run: () => void;
}

/**
 * Time for a page that may be hidden: timers wait in a dedicated worker (ticker.ts), which browsers do not slow down as they
 * do a hidden page. Where there is no worker (a policy forbids it, its file is not there), in the page.
 */
export class PageRuntime implements Runtime {
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #worker: Worker | undefined;
  readonly now = systemRuntime.now;
  readonly wallNow = systemRuntime.wallNow;
  readonly random = systemRuntime.random;
  readonly report = systemRuntime.report;

  newId(): string {
    // Pages without TLS have no randomUUID; this is as much of chance.
    return crypto.getRandomValues(new BigUint64Array(2)).join('-');
  }

  /** Starts the worker. What waits moves there. */
  wake(): void {
    if (this.#worker !== undefined) return;
    try {
      const worker = new Worker(new URL('./ticker.js', import.meta.url), { type: 'module', name: 'parley-ticker' });
      worker.addEventListener('message', ({ data }: MessageEvent<number>) => this.#fire(data));
      worker.addEventListener('error', () => this.#lose(worker));
      this.#worker = worker;
      const nowMs = this.now();
      for (const [id, { dueMs }] of this.#waiting) worker.postMessage([id, Math.max(0, dueMs - nowMs)]);
    } catch {
      // Not allowed: the page's timers serve.
    }
  }

  /** Ends the worker: a page that has one may not be kept for going back. What waits goes on in the page. */
  sleep(): void {
    if (this.#worker !== undefined) this.#lose(this.#worker);
  }

  setTimer(delayMs: number, run: () => void): Timer {
    if (delayMs < shortMs) return systemRuntime.setTimer(delayMs, run);
    const id = this.#nextId;
    this.#nextId += 1;
    this.#waiting.set(id, { dueMs: this.now() + delayMs, run });
    if (this.#worker === undefined) systemRuntime.setTimer(delayMs, () => this.#fire(id));
    else this.#worker.postMessage([id, delayMs]);
    return {
      cancel: () => {
        if (this.#waiting.delete(id)) this.#worker?.postMessage([id]);
      },
    };
  }

  #fire(id: number): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.run();
  }

  #lose(worker: Worker): void {
    if (this.#worker !== worker) return;
    worker.terminate();
    this.#worker = undefined;
    const nowMs = this.now();
    for (const [id, { dueMs }] of this.#waiting) systemRuntime.setTimer(dueMs - nowMs, () => this.#fire(id));
  }
}
