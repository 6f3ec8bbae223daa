import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HandClock } from '../../test/support/clock.ts';
import { Admission } from './admission.ts';

describe('Admission', () => {
  it('takes no more than the rate in any second, wherever it begins', () => {
    const waits = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 300 });
    fc.assert(
      fc.property(waits, fc.integer({ min: 1, max: 20 }), (steps, perS) => {
        const clock = new HandClock();
        const admission = new Admission(clock, perS);
        const taken: number[] = [];
        for (const stepMs of steps) {
          clock.turn(stepMs);
          if (admission.take() === 0) taken.push(clock.monotonicMs());
        }
        for (const from of taken) {
          expect(taken.filter((at) => at >= from && at < from + 1_000).length).toBeLessThanOrEqual(perS);
        }
      }),
    );
  });

  it('takes as many as the rate at once, and again a second later; who comes when it said is taken', () => {
    const clock = new HandClock();
    const admission = new Admission(clock, 100);
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 100; n++) expect(admission.take()).toBe(0);
      const waitMs = admission.take();
      expect(waitMs).toBeGreaterThanOrEqual(1_000);
      expect(waitMs).toBeLessThanOrEqual(1_050);
      clock.turn(waitMs);
    }
    clock.turn(60_000);
    for (let n = 0; n < 100; n++) expect(admission.take()).toBe(0);
  });

  it('tells a thousand who come at once times of their own, at which each is let in', () => {
    const clock = new HandClock();
    const admission = new Admission(clock, 250);
    const times: number[] = [];
    for (let n = 0; n < 1_000; n++) {
      const waitMs = admission.take();
      if (waitMs > 0) times.push(clock.monotonicMs() + waitMs);
    }
    expect(times).toHaveLength(750);
    expect(new Set(times).size).toBe(750);
    expect(times.at(-1)).toBeLessThan(4_500);
    for (const at of times) {
      clock.turn(at - clock.monotonicMs());
      expect(admission.take(), `at ${at}`).toBe(0);
    }
  });

  it('tells nobody to wait longer than a minute', () => {
    const admission = new Admission(new HandClock(), 1);
    const waits = Array.from({ length: 500 }, () => admission.take());
    expect(Math.max(...waits)).toBe(60_000);
  });
});
