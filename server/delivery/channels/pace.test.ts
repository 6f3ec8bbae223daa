import { expect, test } from 'vitest';
import { HandClock } from '../../../test/support/clock.ts';
import type { UserId } from '../../core/ids.ts';
import { Pace } from './pace.ts';

/** Four listeners, and what calls back for each that is reached. */
function newScene() {
  const clock = new HandClock();
  const pace = new Pace(clock, () => 100);
  const arrivals: (() => void)[] = [];
  const listeners = Array.from({ length: 4 }, (_, at) => ({
    userId: `user-${at}` as UserId,
    offer: (): boolean => true,
    tell: (): void => undefined,
    whenArrived: (onArrived: () => void): void => void arrivals.push(onArrived),
  }));
  /** Tells them, and has so many be reached after some time. */
  const tell = (afterMs: number, reached: number): (() => boolean) => {
    const isArriving = pace.told(listeners);
    clock.turn(afterMs);
    for (const arrived of arrivals.splice(0).slice(0, reached)) arrived();
    return isArriving;
  };
  return { clock, pace, tell };
}

test('a channel whose frames arrive at once keeps its shortest interval', () => {
  const { pace, tell } = newScene();
  for (let at = 0; at < 50; at++) tell(5, 4);
  expect(pace.intervalMs).toBe(100);
});

test('a channel whose frames arrive late ticks more slowly, up to a second, and fast again once they arrive in time', () => {
  const { pace, tell } = newScene();
  for (let at = 0; at < 50; at++) tell(100, 4);
  expect(Math.round(pace.intervalMs)).toBe(400);
  for (let at = 0; at < 50; at++) tell(900, 4);
  expect(pace.intervalMs).toBe(1_000);
  for (let at = 0; at < 50; at++) tell(1, 4);
  expect(pace.intervalMs).toBe(100);
});

test('what was told is arriving until three quarters were reached, and no longer than a second where they are not', () => {
  const { clock, tell } = newScene();
  expect(tell(10, 2)()).toBe(true);
  expect(tell(10, 3)()).toBe(false);
  const isArriving = tell(10, 0);
  clock.turn(989);
  expect(isArriving()).toBe(true);
  clock.turn(1);
  expect(isArriving()).toBe(false);
});
