import { describe, expect, test } from 'vitest';
import { oneRedis } from '../support/redis.ts';
import { needs } from '../support/skip.ts';
import { runSoak, type SoakReport } from './soak-run.ts';

// The full size: npm run soak:notifications.
// Whether permits keep the quota is tested with a clock that is turned by hand: what is seen here is at the mercy of the machine.
const small = { notifications: 5_000, perS: 800, seenPerS: 1_600, killEveryMs: 4_000 };

function expectWhole(report: SoakReport): void {
  expect(report.problems).toEqual([]);
  expect(report.taken).toBe(report.expected);
  expect(report.deadTokens).toBe(25);
  expect(report.kills).toBeGreaterThan(0);
  for (const status of ['200', '404', '429', '503']) expect(report.byStatus[status]).toBeGreaterThan(0);
}

describe('in a folder', () => {
  test('5,000 notifications come through, on one machine, whose worker is killed again and again', async () => {
    expectWhole(await runSoak(small));
  });
});

needs('redis')('on Redis', () => {
  test('5,000 notifications come through, by two workers of which one is always being killed', async () => {
    await using redis = await oneRedis();
    expectWhole(await runSoak({ ...small, redis }));
  });
});
