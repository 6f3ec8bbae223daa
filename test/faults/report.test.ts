import { expect, test } from 'vitest';
import { countsLine, findingLines, injectedLine, lastLine } from './report.ts';
import type { FaultRun } from './run.ts';
import { Tally } from './tally.ts';

const tally = new Tally();
tally.count('lost', { atMs: 65_000 }, 'one');
tally.count('lost', { atMs: 95_000 }, 'two');
tally.count('stuck', { atMs: 5_000 }, 'three');

const run: FaultRun = {
  tally,
  operations: 120,
  acknowledged: 100,
  deliveries: 900,
  injected: [
    { names: ['node-kill'], fromMs: 60_000, toMs: 70_000 },
    { names: ['node-kill', 'flushall'], fromMs: 80_000, toMs: 90_000 },
  ],
};

test('the last line has one form, which others read', () => {
  expect(lastLine({ seed: 7, minutes: 1.5 }, run)).toBe(
    'faults: seed=7 minutes=1.5 injected=3 operations=120 acknowledged=100 anomalies=3',
  );
});

test('anomalies are counted by name, and those that did not happen are said too', () => {
  expect(countsLine(run)).toMatch(/^deliveries=900 lost=2 duplicated=0 .* stuck=1 refused=0 restarted=0 crashed=0$/);
  expect(injectedLine(run)).toBe('node-kill=2 flushall=1');
});

test('each finding has its time, and what was broken then or last', () => {
  expect(findingLines(run)).toEqual([
    '01:05  lost: one (5 s into node-kill)',
    '01:35  lost: two (5 s after node-kill and flushall)',
    '00:05  stuck: three (before the first fault)',
  ]);
});
