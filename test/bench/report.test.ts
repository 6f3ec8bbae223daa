import { expect, test } from 'vitest';
import { median, medians, ratios, table } from './report.ts';

const run = (rate: number, lost: number, node: number) => ({
  rate_per_s: rate,
  lost,
  cpu_s_per_million: { node, total: node * 2 },
});

test('the median of an odd number of values is the one in the middle, of an even number the mean of two', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([9, 1, 5, 7])).toBe(6);
});

test('numbers of several runs become medians, in tables too', () => {
  expect(medians([run(100, 0, 3), run(300, 0, 1), run(200, 0, 2)])).toEqual(run(200, 0, 2));
});

test('what was lost in any run is added up, so that no median hides it', () => {
  expect(medians([run(1, 0, 1), run(1, 7, 1), run(1, 0, 1)])['lost']).toBe(7);
});

test('the ratio to the peer is taken run by run, and then its median', () => {
  const parley = [run(100, 0, 10), run(400, 0, 10), run(90, 0, 10)];
  const peer = [run(50, 0, 20), run(100, 0, 20), run(90, 0, 40)];
  expect(ratios(parley, peer)).toEqual({
    rate_per_s: 2,
    'cpu_s_per_million.total': 0.5,
    'cpu_s_per_million.node': 0.5,
  });
});

test('the table has a line per number, with the peer and the ratio beside it', () => {
  expect(
    table(run(100, 0, 10), run(50, 1, 40))
      .split('\n')
      .map((line) => line.split(/\s+/)),
  ).toEqual([
    ['', 'parley', 'socket.io', 'ratio'],
    ['rate_per_s', '100', '50', '2'],
    ['lost', '0', '1', '0'],
    ['cpu_s_per_million.node', '10', '40', '0.25'],
    ['cpu_s_per_million.total', '20', '80', '0.25'],
  ]);
});
