import * as Code from './codes.ts';
import { localError } from './errors.ts';
import type { Runtime } from './runtime.ts';

/**
 * Loads a part of the SDK that is a file of its own and not there from the first, by its `import()`. Rejects with UNAVAILABLE, for which
 * what needs it is tried again, when it cannot be had within the time.
 */
export function loaded<T>(load: () => Promise<T>, runtime: Runtime, withinMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (cause?: unknown): void => {
      timer.cancel();
      reject(localError('NO_REASON', 'a part of the SDK could not be loaded', Code.UNAVAILABLE, cause));
    };
    const timer = runtime.setTimer(withinMs, fail);
    load().then((part) => {
      timer.cancel();
      resolve(part);
    }, fail);
  });
}
