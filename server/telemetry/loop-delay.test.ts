import { expect, it } from 'vitest';
import { pause, systemClock } from '../core/clock.ts';
import { LoopDelay } from './loop-delay.ts';

/** Holds up the event loop. */
function block(ms: number): void {
  const untilMs = systemClock.monotonicMs() + ms;
  while (systemClock.monotonicMs() < untilMs);
}

it('tells by how much the loop was late since it was asked last', async () => {
  const delay = new LoopDelay();
  // The monitor begins with its first look.
  await pause(systemClock, 50);
  block(200);
  await pause(systemClock, 50);
  expect(delay.takeP99()).toBeGreaterThan(0.15);
  expect(delay.takeP99()).toBe(0);
});
