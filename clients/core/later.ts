import * as Code from './codes.ts';
import { localError } from './errors.ts';
import type { Runtime } from './runtime.ts';

/** What `ask` answers; rejects when it does not within the time. */
export function inTime<T>(ask: () => Promise<T> | T, runtime: Runtime, withinMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = runtime.setTimer(withinMs, () => reject(new Error('no answer in time')));
    const asked = async (): Promise<T> => ask();
    void asked()
      .then(resolve, reject)
      .finally(() => timer.cancel());
  });
}

/**
 * Loads a part of the SDK that is a file of its own and not there from the first, by its `import()`. Rejects with UNAVAILABLE, for which
 * what needs it is tried again, when it cannot be had within the time.
 */
export async function loaded<T>(load: () => Promise<T>, runtime: Runtime, withinMs: number): Promise<T> {
  try {
    return await inTime(load, runtime, withinMs);
  } catch (cause) {
    throw localError('NO_REASON', 'a part of the SDK could not be loaded', Code.UNAVAILABLE, cause);
  }
}
