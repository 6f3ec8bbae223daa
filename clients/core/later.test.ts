import { expect, test } from 'vitest';
import { ManualRuntime } from '../../test/support/manual-runtime.ts';
import * as Code from './codes.ts';
import { loaded } from './later.ts';

test('a part that cannot be loaded is told as not there for now, with why, and may be had the next time', async () => {
  const why = new TypeError('Failed to fetch dynamically imported module');
  const answers = [Promise.reject(why), Promise.resolve('a part')];
  const load = (): Promise<string> => answers.shift()!;
  const runtime = new ManualRuntime();
  await expect(loaded(load, runtime, 1000)).rejects.toMatchObject({ code: Code.UNAVAILABLE, cause: why });
  expect(await loaded(load, runtime, 1000)).toBe('a part');
});

test('a part that does not come in time is waited for no longer', async () => {
  const runtime = new ManualRuntime();
  const waiting = expect(loaded(() => new Promise(() => undefined), runtime, 1000)).rejects.toMatchObject({
    reason: 'NO_REASON',
    code: Code.UNAVAILABLE,
  });
  await runtime.advance(1000);
  await waiting;
});
