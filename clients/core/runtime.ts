// Where the SDK gets time and chance, so that tests turn the clock by hand and choose what is random.

/** A timer that was set. */
export interface Timer {
  /** Stops it; after it fired, nothing happens. */
  cancel(): void;
}

/** Time and chance. */
export interface Runtime {
  /** Milliseconds from an arbitrary start that never go back: for durations. */
  now(): number;
  /** Milliseconds of the wall clock since 1970: only to judge a token's expiry. */
  wallNow(): number;
  /** Calls `run` once, `delayMs` from now at the earliest. */
  setTimer(delayMs: number, run: () => void): Timer;
  /** At least 0, below 1. */
  random(): number;
  /** An id that nobody else makes, 1–64 bytes of printable ASCII. */
  newId(): string;
  /** Takes an error that a handler of the application threw; the SDK itself goes on. */
  report(error: unknown): void;
}

/** A timer above this would overflow and fire at once. */
const maxTimerMs = 2_147_483_647;

/** The runtime of node and of browsers. */
export const systemRuntime: Runtime = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimer(delayMs, run) {
    const handle = setTimeout(run, Math.min(Math.max(delayMs, 0), maxTimerMs));
    return { cancel: () => clearTimeout(handle) };
  },
  random: () => Math.random(),
  newId: () => crypto.randomUUID(),
  report(error) {
    queueMicrotask(() => {
      throw error;
    });
  },
};

/** Waits, no longer than until the signal aborts; not at all when it has. */
export function pause(runtime: Runtime, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', over);
      resolve();
    };
    const timer = runtime.setTimer(ms, over);
    if (signal?.aborted === true) over();
    else signal?.addEventListener('abort', over);
  });
}

/** `middleMs` ± a tenth. */
export function aboutMs(runtime: Runtime, middleMs: number): number {
  return middleMs * (0.9 + 0.2 * runtime.random());
}

/** A time between the two. */
export function betweenMs(runtime: Runtime, fromMs: number, toMs: number): number {
  return fromMs + (toMs - fromMs) * runtime.random();
}
