import { expect, test } from 'vitest';
import { Progress } from './progress.ts';
import { exitCode, lastLine } from './report.ts';
import { counters } from './tally.ts';

const verdict = { lost: 0, duplicated: 0, reordered: 0, altered: 0, deliveries: 12, findings: [] };

test('the last line has exactly its form', () => {
  expect(lastLine({ files: 1, messages: 2, clients: 3, skippedLines: 4, seconds: 5.25, verdict })).toBe(
    'replay: files=1 messages=2 clients=3 deliveries=12 lost=0 duplicated=0 reordered=0 altered=0 skipped_lines=4 seconds=5.3',
  );
});

test('the exit code is 0 only when all four counters are', () => {
  expect(exitCode(verdict)).toBe(0);
  for (const counter of counters) expect(exitCode({ ...verdict, [counter]: 1 })).toBe(1);
});

const shown = (isTTY: boolean, columns = 60) => {
  const written: string[] = [];
  let nowMs = 0;
  const progress = new Progress({ isTTY, columns, write: (text) => written.push(text) }, () => nowMs);
  const show = (atMs: number, done: number) => {
    nowMs = atMs;
    progress.show('messages', done, 10, '3 breaks');
  };
  return { written, show, progress };
};

test('on a terminal the bar redraws its line ten times a second at most, and when it is full', () => {
  const { written, show, progress } = shown(true);
  show(0, 0);
  show(50, 1);
  show(120, 5);
  show(130, 10);
  show(135, 10);
  progress.end();
  expect(written).toEqual([
    '\r\x1b[2K[........................] messages 0/10 · 3 breaks · 0.0 s',
    '\r\x1b[2K[############............] messages 5/10 · 3 breaks · 0.1 s',
    '\r\x1b[2K[#######################] messages 10/10 · 3 breaks · 0.1 s',
    '\r\x1b[2K',
  ]);
});

test('a narrow terminal gets no line longer than it is wide', () => {
  const { written, show } = shown(true, 20);
  show(0, 3);
  expect(written[0]?.replace('\r\x1b[2K', '')).toBe('messages 3/10 · 3 b');
});

test('in a file there is a line now and then and one at the end', () => {
  const { written, show, progress } = shown(false);
  show(0, 0);
  show(4_999, 4);
  show(5_000, 5);
  show(5_001, 10);
  progress.end();
  expect(written).toEqual([
    'messages 0/10 · 3 breaks · 0.0 s\n',
    'messages 5/10 · 3 breaks · 5.0 s\n',
    'messages 10/10 · 3 breaks · 5.0 s\n',
  ]);
});
