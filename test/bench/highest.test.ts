import { expect, test } from 'vitest';
import { isSustained, searchHighest } from './highest.ts';

test.each([1, 7, 100, 399, 400, 401, 5000])(
  'a limit of %d is found to within a twentieth, from any first rate',
  async (limit) => {
    for (const first of [1, 100, 3000]) {
      const found = (await searchHighest(first, async (rate) => rate <= limit)) ?? 0;
      expect(found).toBeLessThanOrEqual(limit);
      expect(found).toBeGreaterThanOrEqual(Math.min(limit - 1, limit / 1.06));
    }
  },
);

test('where nothing is sustained, nothing is found', async () => {
  expect(await searchHighest(50, async () => false)).toBeUndefined();
});

const good = { lost: 0, unacked: 0, skipped: 0, p99_ms: 299, published_per_s: 99 };

test('a rate is sustained when nothing is lost or skipped, in time, and as fast as it was meant', () => {
  expect(isSustained(good, 100)).toBe(true);
  for (const worse of [{ lost: 1 }, { unacked: 1 }, { skipped: 1 }, { p99_ms: 301 }, { published_per_s: 97 }]) {
    expect(isSustained({ ...good, ...worse }, 100)).toBe(false);
  }
});
