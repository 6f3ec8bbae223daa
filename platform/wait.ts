// Waiting for a condition instead of for a time.
import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  /** What is waited for, as in "waited 10 s for …". */
  readonly what: string;
  readonly withinMs: number;
  /** Default 20. */
  readonly everyMs?: number;
}

/** The first defined result of `condition`; throws when none came in time. A throwing condition ends the wait. */
export async function until<T>(
  condition: () => Promise<T | undefined> | T | undefined,
  options: WaitOptions,
): Promise<T> {
  const endMs = performance.now() + options.withinMs;
  for (;;) {
    const result = await condition();
    if (result !== undefined) return result;
    if (performance.now() > endMs) throw new Error(`waited ${options.withinMs / 1000} s in vain for ${options.what}`);
    await delay(options.everyMs ?? 20);
  }
}
