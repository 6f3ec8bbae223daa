import { expect, test } from 'vitest';
import { HandClock } from '../../test/support/clock.ts';
import { pause, systemClock } from './clock.ts';

test('a pause ends when its time has passed, and not before', async () => {
  const clock = new HandClock();
  let ended = false;
  const waiting = pause(clock, 100).then(() => (ended = true));
  clock.turn(99);
  await Promise.resolve();
  expect(ended).toBe(false);
  clock.turn(1);
  await waiting;
  expect(ended).toBe(true);
});

test('a pause ends at once when its signal aborts, and leaves no timer behind', async () => {
  const clock = new HandClock();
  const stop = new AbortController();
  const waiting = pause(clock, 100, stop.signal);
  expect(clock.timers).toBe(1);
  stop.abort();
  await waiting;
  expect(clock.timers).toBe(0);
  await pause(clock, 100, stop.signal);
  expect(clock.timers).toBe(0);
});

test('the clock of the system moves forward and calls back, unless told not to', async () => {
  const start = systemClock.monotonicMs();
  const called: string[] = [];
  systemClock.after(1, () => called.push('cancelled')).cancel();
  await new Promise<void>((resolve) => {
    systemClock.after(5, () => {
      called.push('called');
      resolve();
    });
  });
  expect(called).toEqual(['called']);
  expect(systemClock.monotonicMs() - start).toBeGreaterThanOrEqual(4);
  expect(systemClock.random()).toBeLessThan(1);
  expect(systemClock.nowMs()).toBeGreaterThan(Date.UTC(2020));
});
