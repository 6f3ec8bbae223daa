import { expect, test } from 'vitest';
import { Pace } from './pace.ts';

function after(pattern: readonly number[], rounds = 300): Pace {
  const pace = new Pace();
  for (let round = 0; round < rounds; round++) for (const ms of pattern) pace.took(ms);
  return pace;
}

test('while answers come fast, little patience is had', () => {
  expect(after([5, 8, 6]).patienceMs).toBe(1_000);
});

test('while answers take long, patience grows with them, to what Cassandra itself takes to give up', () => {
  expect(after([70, 90, 80]).patienceMs).toBeGreaterThan(1_200);
  expect(after([70, 90, 80]).patienceMs).toBeLessThan(2_000);
  expect(after([2_500]).patienceMs).toBe(2_500);
});

test('one node of three that does not answer leaves the patience for the others as it was', () => {
  expect(after([5, 1_000, 8]).patienceMs).toBe(1_000);
});

test('patience comes back when answers do', () => {
  const pace = after([2_500]);
  for (let answer = 0; answer < 200; answer++) pace.took(5);
  expect(pace.patienceMs).toBe(1_000);
});
