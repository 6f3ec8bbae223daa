/**
 * Time and chance, the only source of either in the server. Tests turn it by hand.
 */
export interface Clock {
  /** Wall time in ms since 1970. May step; for display and expiry dates only. */
  nowMs(): number;
  /** Monotonic ms. For intervals. */
  monotonicMs(): number;
  /** Calls `run` once after `delayMs`, unless the timer is cancelled. Does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer;
  /** In [0, 1). */
  random(): number;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  random: () => Math.random(),
};

/** Resolves after `delayMs`, or at once when the signal aborts. Never rejects. */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.after(delayMs, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
