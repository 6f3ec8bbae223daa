// A clock that stands still until a test turns it.
import type { Clock, Timer } from '../../server/core/clock.ts';

type Waiting = { readonly atMs: number; readonly run: () => void };

export class HandClock implements Clock {
  #nowMs: number;
  #elapsedMs = 0;
  #seed: number;
  readonly #waiting = new Set<Waiting>();

  /** `nowMs` is the wall time it begins at; `seed` decides what `random` gives. */
  constructor(nowMs = Date.UTC(2026, 0, 5, 12), seed = 1) {
    this.#nowMs = nowMs;
    this.#seed = seed;
  }

  /** Whole, as a real wall clock's is, whatever fractions timers waited for. */
  nowMs(): number {
    return Math.round(this.#nowMs);
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer: Waiting = { atMs: this.#elapsedMs + Math.max(0, delayMs), run };
    this.#waiting.add(timer);
    return { cancel: () => void this.#waiting.delete(timer) };
  }

  random(): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#seed / 2 ** 32;
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#waiting.size;
  }

  /** Lets time pass; timers run in the order they are due, those they start too if due by then. */
  turn(ms: number): void {
    const untilMs = this.#elapsedMs + ms;
    for (;;) {
      let next: Waiting | undefined;
      for (const timer of this.#waiting) {
        if (timer.atMs <= untilMs && (next === undefined || timer.atMs < next.atMs)) next = timer;
      }
      if (next === undefined) break;
      this.#waiting.delete(next);
      this.#pass(next.atMs - this.#elapsedMs);
      next.run();
    }
    this.#pass(untilMs - this.#elapsedMs);
  }

  /** As `turn`, with promises given room between the timers, for what waits in turns. */
  async turnSlowly(ms: number, stepMs = 10): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.turn(Math.min(stepMs, ms - passed));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** The wall clock steps, as when it is set; no time passes. */
  step(ms: number): void {
    this.#nowMs += ms;
  }

  #pass(ms: number): void {
    this.#nowMs += ms;
    this.#elapsedMs += ms;
  }
}
