import { setTimeout as pause } from 'node:timers/promises';

/**
 * Time as the log has it, `speed` times faster, from now on. Resolves when it is `atMs` there; at once when that has
 * passed. Calls `waiting` at least once a second meanwhile.
 */
export function logTime(speed: number, waiting: () => void): (atMs: number) => Promise<void> {
  const startMs = performance.now();
  return async (atMs) => {
    for (;;) {
      const waitMs = startMs + atMs / speed - performance.now();
      if (waitMs <= 0) return;
      waiting();
      await pause(Math.min(waitMs, 1_000));
    }
  };
}

/** Does `work` for each, so many at a time, in order. Rejects with the first failure. */
export async function inTurns<T>(items: T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
