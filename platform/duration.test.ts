import { expect, test } from 'vitest';
import { parseDuration } from './duration.ts';

test.each([
  ['90s', 90],
  ['30m', 1800],
  ['24h', 86_400],
  ['366d', 31_622_400],
])('%s is %i seconds', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds);
});

test.each(['', '0s', '24', 'h', '-1h', '1.5h', '1y', '367d', '24 h', '9999999999s'])('"%s" is refused', (text) => {
  expect(() => parseDuration(text)).toThrow('is not a time such as');
});
