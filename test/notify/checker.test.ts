import { expect, test } from 'vitest';
import { check, type Seen } from './checker.ts';

const expected = {
  newest: new Map([
    [
      't1',
      new Map([
        ['a', '4'],
        ['b', '7'],
      ]),
    ],
    ['t2', new Map([['a', '4']])],
  ]),
  dead: new Set(['t2']),
  perS: 2,
};
const seen = (token: string, threadId: string, sequence: string, atMs: number, status = 200): Seen => ({
  ...{ token, threadId, sequence, atMs, status },
});
const good = [
  seen('t1', 'a', '4', 0, 503),
  seen('t1', 'a', '4', 600),
  seen('t2', 'a', '4', 1_200, 404),
  seen('t1', 'b', '7', 1_700),
];

test('a run in which each live token hears of its threads passes, repeats and all', () => {
  expect(check(good, expected)).toEqual({ problems: [], taken: 2, repeated: 0, mostPerS: 2 });
  expect(check([...good, seen('t1', 'b', '7', 9_000)], expected)).toMatchObject({
    problems: [],
    taken: 2,
    repeated: 1,
  });
});

test.each([
  ['a notification that is lost', good.slice(0, 3), 't1 never heard of b'],
  ['one that was never taken', [...good.slice(0, 3), seen('t1', 'b', '7', 1_700, 503)], 't1 never heard of b'],
  ['one that is not the newest', [...good, seen('t1', 'a', '3', 9_000)], 't1 was notified of a up to 3, not 4'],
  [
    'one for somebody else',
    [...good, seen('t2', 'b', '7', 9_000, 503)],
    't2 was notified of b, which is none of its own',
  ],
  ['a dead token that was taken', [...good, seen('t2', 'a', '4', 9_000)], 't2 is dead, and was taken'],
  ['more in a second than may be', [...good, seen('t1', 'b', '7', 1_750)], '3 requests came in one second, and 2 may'],
])('%s is seen', (_, all, problem) => {
  expect(check(all, expected).problems).toEqual([problem]);
});
