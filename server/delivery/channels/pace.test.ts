import { expect, test } from 'vitest';
import { HandClock } from '../../../test/support/clock.ts';
import type { UserId } from '../../core/ids.ts';
import { type Passage, Pace } from './pace.ts';

/** A channel of a thousand in eight cohorts; a pipe behind the node that takes some time for what a cohort is told, one after another. */
function newScene({ wayMs = 0, cohortMs = 0 } = {}) {
  const clock = new HandClock();
  const pace = new Pace(
    clock,
    () => 1_000,
    () => 100,
  );
  const pipe = { wayMs, cohortMs, freeMs: 0, reached: 4 };
  let asked = 0;
  const some = Array.from({ length: 4 }, (_, at) => ({
    userId: `user-${at}` as UserId,
    offer: (): boolean => true,
    tell: (): void => undefined,
    whenArrived: (onArrived: () => void): void => {
      if (asked++ % 4 >= pipe.reached) return;
      const nowMs = clock.monotonicMs();
      clock.after(Math.max(nowMs, pipe.freeMs) + pipe.wayMs - nowMs, onArrived);
    },
  }));
  const tick = (): Passage => {
    const passage = pace.begin(125, some);
    pipe.freeMs = Math.max(clock.monotonicMs(), pipe.freeMs) + pipe.cohortMs;
    passage.told();
    return passage;
  };
  /** Eight cohorts, at even distances in the time of a tick, so often. */
  const rounds = (count: number): void => {
    for (let at = 0; at < count * 8; at++) {
      tick();
      clock.turn(pace.intervalMs / 8);
    }
  };
  return { clock, pace, pipe, tick, rounds };
}

test('a channel whose frames pass at once keeps its shortest interval', () => {
  const { pace, rounds } = newScene({ cohortMs: 5 });
  rounds(30);
  expect(pace.intervalMs).toBe(100);
});

test('the way there and back does not slow a channel down', () => {
  const { pace, rounds } = newScene({ wayMs: 80, cohortMs: 5 });
  rounds(200);
  expect(pace.intervalMs).toBe(100);
});

test('a channel whose frames take long ticks a third more slowly than they pass, steadily, and fast again once they pass fast', () => {
  const { pace, pipe, rounds } = newScene({ cohortMs: 30 });
  rounds(30);
  for (let at = 0; at < 20; at++) {
    rounds(1);
    expect(pace.intervalMs).toBeGreaterThan(8 * 30 * 1.3);
    expect(pace.intervalMs).toBeLessThan(8 * 30 * 1.4);
  }
  pipe.cohortMs = 400;
  rounds(10);
  expect(pace.intervalMs).toBe(1_000);
  pipe.cohortMs = 1;
  rounds(30);
  expect(pace.intervalMs).toBe(100);
});

test('cohorts that tick in the same moment share what they take', () => {
  const { clock, pace, tick } = newScene({ cohortMs: 30 });
  for (let at = 0; at < 10; at++) {
    for (let cohort = 0; cohort < 8; cohort++) tick();
    clock.turn(1_000);
  }
  expect(pace.intervalMs).toBeGreaterThan(8 * 30 * 1.3);
  expect(pace.intervalMs).toBeLessThan(8 * 30 * 1.4);
});

test('a channel whose ticks are full frames waits no longer for larger ones', () => {
  const { pace, rounds } = newScene({ cohortMs: 60 });
  pace.heard(200_000);
  rounds(30);
  expect(Math.round(pace.intervalMs)).toBe(164);
});

test('what takes a while to pass is told over half of that time', () => {
  const { pace, rounds } = newScene({ cohortMs: 20 });
  expect(pace.spreadMs(125)).toBe(0);
  rounds(30);
  expect(pace.spreadMs(125)).toBeCloseTo(10, 0);
  expect(pace.spreadMs(250)).toBeCloseTo(20, 0);
});

test('after a way that stood still for long the channel is told over half of an interval at most', () => {
  const { clock, pace, pipe, tick } = newScene({ cohortMs: 10 });
  tick();
  clock.turn(2_000);
  pipe.freeMs = 12_000;
  tick();
  clock.turn(10_100);
  expect(pace.intervalMs).toBe(1_000);
  expect(pace.spreadMs(1_000)).toBe(500);
});

test('what was told is arriving until three quarters were reached, and no longer than a second where they are not', () => {
  const { clock, pipe, tick } = newScene({ cohortMs: 10 });
  pipe.reached = 2;
  const few = tick();
  clock.turn(900);
  expect(few.isArriving()).toBe(true);
  clock.turn(100);
  expect(few.isArriving()).toBe(false);
  pipe.reached = 3;
  const most = tick();
  expect(most.isArriving()).toBe(true);
  clock.turn(10);
  expect(most.isArriving()).toBe(false);
});

test('a turn comes once in the time of a tick, at its point, also where that time changes', () => {
  const { clock, pace, pipe, rounds } = newScene();
  const first = pace.untilTurn(0.25);
  clock.turn(first);
  expect(pace.untilTurn(0.75)).toBeCloseTo(50);
  expect(pace.untilTurn(0.5)).toBeCloseTo(25);
  pipe.cohortMs = 30;
  rounds(30);
  const untilMs = pace.untilTurn(0.25);
  clock.turn(untilMs);
  expect(pace.untilTurn(0.75)).toBeCloseTo(pace.intervalMs / 2);
});
