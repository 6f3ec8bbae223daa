import { expect, test } from 'vitest';
import type { ThreadId } from '../../core/ids.ts';
import { againMs, dueMsOf, nextMsOf, soonAtMostMs, soonMs } from './due-times.ts';

const minuteMs = 60_000;
const nowMs = Date.UTC(2026, 0, 5, 12);
const threads = Array.from({ length: 4_096 }, (_, at) => `g_${at}` as ThreadId);

test('what many threads owe after a long time falls on many minutes, and a thread’s own on few', () => {
  const year = { mode: 'keep-for', durationS: 365 * 86_400 } as const;
  const perMinute = new Map<number, number>();
  for (const threadId of threads) {
    const own = new Set<number>();
    for (let hours = 0; hours < 8; hours++) {
      const sinceMs = nowMs + hours * 60 * minuteMs;
      const dueMs = dueMsOf(threadId, year, sinceMs);
      expect(dueMs - sinceMs - year.durationS * 1_000).toBeGreaterThanOrEqual(0);
      expect(dueMs - sinceMs - year.durationS * 1_000).toBeLessThan(512 * minuteMs);
      own.add(dueMs / minuteMs);
    }
    expect(own.size).toBeLessThanOrEqual(2);
    for (const minute of own) perMinute.set(minute, (perMinute.get(minute) ?? 0) + 1);
  }
  expect(perMinute.size).toBeGreaterThan(512);
  expect(Math.max(...perMinute.values())).toBeLessThan(32);
});

test('what is soon is so in five to seven minutes, and what failed is tried again within 256', () => {
  for (const threadId of threads.slice(0, 64)) {
    for (let seconds = 0; seconds < 240; seconds += 7) {
      const laterMs = soonMs(threadId, nowMs + seconds * 1_000) - nowMs - seconds * 1_000;
      expect(laterMs).toBeGreaterThanOrEqual(5 * minuteMs);
      expect(laterMs).toBeLessThanOrEqual(soonAtMostMs);
    }
  }
  const [threadId = '' as ThreadId] = threads;
  expect([1, 2, 8, 9, 99].map((failures) => (againMs(threadId, failures, nowMs) - nowMs) / minuteMs)).toEqual([
    2, 4, 256, 256, 256,
  ]);
});

test('what waits for a device is looked at again at times that grow with its age, at most 256 minutes apart', () => {
  const [threadId = '' as ThreadId] = threads;
  const looks: number[] = [];
  for (let atMs = nowMs; atMs < nowMs + 86_400_000;) {
    const nextMs = nextMsOf(threadId, { endMs: Infinity, waitsSinceMs: nowMs }, atMs);
    expect(nextMs).toBeGreaterThan(atMs);
    expect(nextMs - atMs).toBeLessThanOrEqual(256 * minuteMs);
    looks.push(nextMs);
    atMs = nextMs;
  }
  expect(looks.length).toBeLessThan(20);
});
