// Time that stands still until a test moves it, and chance that a test chooses.
import type { Runtime } from '../../clients/core/runtime.ts';

interface SetTimer {
  readonly dueMs: number;
  readonly run: () => void;
}

export class ManualRuntime implements Runtime {
  #nowMs = 0;
  #ids = 0;
  readonly #timers = new Set<SetTimer>();
  /** What `random` answers. */
  chance = 0.5;
  /** What handlers threw. */
  readonly reported: unknown[] = [];

  now(): number {
    return this.#nowMs;
  }

  wallNow(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  random(): number {
    return this.chance;
  }

  newId(): string {
    this.#ids += 1;
    return `id-${this.#ids}`;
  }

  report(error: unknown): void {
    this.reported.push(error);
  }

  setTimer(delayMs: number, run: () => void): { cancel(): void } {
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), run };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Moves time, timer by timer in their order, and lets promises settle in between. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settled();
    for (;;) {
      let next: SetTimer | undefined;
      for (const timer of this.#timers) if (next === undefined || timer.dueMs < next.dueMs) next = timer;
      if (next === undefined || next.dueMs > endMs) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
      await settled();
    }
    this.#nowMs = endMs;
  }
}

/** Lets everything run that waits for promises only. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
