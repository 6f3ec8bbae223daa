import { betweenMs } from './runtime.ts';
import type { Runtime } from './runtime.ts';

/** Upper ends of the first three waits: together at most 1.8 s, so that three tries fall within 2 s. */
const firstWaitsMs = [300, 600, 900];
const longestWaitMs = 60_000;

/** When to try again: three quick tries, then full jitter over a span that doubles up to a minute. */
export class Backoff {
  readonly #runtime: Runtime;
  #failures = 0;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Tries that failed in a row. */
  get failures(): number {
    return this.#failures;
  }

  /**
   * Counts a failure and says how long to wait before the next try; at least `atLeastMs`, which the server asked for. Who is told a time
   * comes then, or a little later: the server spreads them.
   */
  nextMs(atLeastMs = 0): number {
    const quick = atLeastMs > 0 ? firstWaitsMs[0] : firstWaitsMs[this.#failures];
    const spanMs = quick ?? Math.min(longestWaitMs, 4000 * 2 ** (this.#failures - firstWaitsMs.length));
    this.#failures += 1;
    // What the server asked for is asked of many at once: the wait is added to it, not hidden in it.
    return atLeastMs + betweenMs(this.#runtime, 0, spanMs);
  }

  reset(): void {
    this.#failures = 0;
  }
}
