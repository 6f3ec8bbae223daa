import { expect, test } from 'vitest';
import { slotOf } from './slots.ts';

test('slots are those that Redis gives (CLUSTER KEYSLOT)', () => {
  expect(slotOf('123456789')).toBe(12_739);
  expect(slotOf('foo')).toBe(12_182);
  expect(slotOf('{user1000}.following')).toBe(slotOf('user1000'));
  // Braces with nothing between them, or that are not closed, do not count; of several the first do.
  expect(slotOf('foo{}{bar}')).toBe(8_363);
  expect(slotOf('foo{{bar}}zap')).toBe(slotOf('{bar'));
  expect(slotOf('foo{bar}{zap}')).toBe(slotOf('bar'));
});
