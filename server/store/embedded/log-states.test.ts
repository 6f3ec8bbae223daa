import { expect, test } from 'vitest';
import type { LogId, UserId } from '../../core/ids.ts';
import { type LogState, LogStates } from './log-states.ts';

function state(at: number): LogState {
  return { log: `log-${at}` as LogId, head: undefined, durable: undefined, indexed: new Set<UserId>(), indexedDay: -1 };
}

test('what was used lately is kept, what was not goes, and memory stays bounded', () => {
  const states = new LogStates(() => []);
  const used = state(0);
  states.add(used);
  for (let at = 1; at < 200_000; at++) {
    states.add(state(at));
    if (at % 1_000 === 0) expect(states.get(used.log)).toBe(used);
  }
  expect(states.get(state(1).log)).toBeUndefined();
  const kept = Array.from({ length: 200_000 }, (_, at) => states.get(state(at).log)).filter((one) => one !== undefined);
  expect(kept.length).toBeLessThan(50_000);
  expect(kept.at(-1)?.log).toBe('log-199999');
});

test('a log with an append under way is never let go', () => {
  const pinned = state(0);
  const states = new LogStates(() => [pinned]);
  states.add(pinned);
  for (let at = 1; at < 100_000; at++) states.add(state(at));
  expect(states.get(pinned.log)).toBe(pinned);
});

test('after a failure nothing is known any more', () => {
  const states = new LogStates(() => []);
  states.add(state(1));
  states.clear();
  expect(states.get(state(1).log)).toBeUndefined();
});
