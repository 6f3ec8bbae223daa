import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { UsageError } from './args.ts';
import { readLiveArgs } from './live-args.ts';
import { dashboardOf, lineOf, type LiveState, nothingYet } from './live-screen.ts';
import { LoadWatch } from './server-load.ts';

describe('arguments of the live channel', () => {
  test('it runs for a minute on a platform of its own', () => {
    const { bench, target } = readLiveArgs(['--listeners', '5000', '--rate', '200']);
    expect(bench).toMatchObject({
      listeners: 5000,
      rate: 200,
      senders: 2,
      seconds: 60,
      warmUpS: 0,
      class: 'everything',
    });
    expect(target).toBeUndefined();
  });

  test('on a platform that runs, nobody comments more often than is allowed there', () => {
    const { bench, target } = readLiveArgs(['--rate', '9', '--target', '127.0.0.1:8080', '--data', '/srv/data']);
    expect(bench.senders).toBe(5);
    expect(target).toEqual({ address: '127.0.0.1:8080', key: '/srv/data/auth/dev-key.json' });
    expect(readLiveArgs(['--target', 'a:1']).target?.key).toBe(path.resolve('data/auth/dev-key.json'));
  });

  test.each([
    [['--data', 'x'], '--data is for --target'],
    [['--listeners', 'many'], '--listeners must be a whole number'],
    [['--class', 'some'], '--class takes'],
    [['--pairs', '3'], "Unknown option '--pairs'"],
  ])('%j is refused with words', (args, message) => {
    expect(() => readLiveArgs(args)).toThrow(UsageError);
    expect(() => readLiveArgs(args)).toThrow(message);
  });
});

const state: LiveState = {
  listeners: 5000,
  rate: 200,
  class: 'everything',
  passedS: 12,
  seconds: 60,
  now: { published: 2400, delivered: 12_000_000, skipped: 7, left_out: 3, p50_ms: 21.4, p99_ms: 83.2, disconnects: 0 },
  before: { ...nothingYet, published: 2000, delivered: 10_000_000 },
  betweenS: 2,
  load: { cpuPercent: { node: 61.2, envoy: 88 }, loopDelayMs: 12.3 },
};

test('the dashboard shows rates of the last second, latencies, what was skipped, and what the servers use', () => {
  const screen = dashboardOf(state, 2_000_000);
  for (const words of [
    '12 of 60 s',
    '5,000, everything',
    '2,400  200/s of 200',
    '12,000,000  1,000,000/s  ███████████████···············',
    'p50 21.4 ms  p99 83.2 ms',
    '7, left out by the class 3',
    'node 61.2 %  envoy 88 %',
    'late by 12.3 ms',
  ]) {
    expect(screen).toContain(words);
  }
});

test('without a terminal the same is a line; what is not known is not shown', () => {
  expect(lineOf(state)).toBe(
    '12 s  published 200/s  delivered 1,000,000/s  p50 21.4 ms  p99 83.2 ms  skipped 7  node 61.2 %  envoy 88 %  loop 12.3 ms',
  );
  const unknown = { ...state, load: { cpuPercent: {}, loopDelayMs: undefined } };
  expect(lineOf(unknown)).not.toContain('loop');
  expect(dashboardOf(unknown, 0)).toContain('event loop  –');
});

test('the load of processes is that since the last look', async () => {
  const watch = new LoadWatch([['self', process.pid]], ['127.0.0.1:1']);
  await watch.look();
  const beganMs = performance.now();
  const before = process.cpuUsage();
  // 200 ms of the processor, however long the machine takes to give them.
  for (let usedUs = 0; usedUs < 200_000;) {
    const { user, system } = process.cpuUsage(before);
    usedUs = user + system;
  }
  const { cpuPercent, loopDelayMs } = await watch.look();
  const usedMs = ((cpuPercent['self'] ?? 0) / 100) * (performance.now() - beganMs);
  expect(usedMs).toBeGreaterThan(100);
  expect(loopDelayMs).toBeUndefined();
});
