import { expect, test } from 'vitest';
import type { Comment } from '../../core/comment.ts';
import type { UserId } from '../../core/ids.ts';
import { type Heard, Sample } from './sample.ts';

function heard(number: number, second: number, perSecond: number, moderator = false): Heard {
  const comment: Comment = {
    number: BigInt(number),
    senderId: 'ann' as UserId,
    clientMessageId: `c${number}`,
    text: 'hi',
    createTimeMs: second * 1_000,
    replyTo: 0n,
    replyToSenderId: '' as UserId,
    mentions: [],
    moderator,
    deleted: false,
  };
  return { comment, epoch: 7n, second, perSecond };
}

/** So many comments in each of some seconds. */
function stream(seconds: number, perSecond: number): Heard[] {
  return Array.from({ length: seconds * perSecond }, (_, at) => {
    const second = Math.floor(at / perSecond);
    return heard(at + 1, second, second === 0 ? 0 : perSecond);
  });
}

test('two nodes that hear the same comments choose the same, however they come in ticks', () => {
  const comments = stream(5, 400);
  const once = new Sample({ kind: 'sampled', maxRate: 20 }).choose(comments);
  const piecewise = new Sample({ kind: 'sampled', maxRate: 20 });
  const pieces: Comment[] = [];
  for (let at = 0; at < comments.length; at += 7) pieces.push(...piecewise.choose(comments.slice(at, at + 7)));
  expect(pieces).toEqual(once);
});

test('in no second are more told than the rate, and in busy ones nearly as many, spread over the second', () => {
  const chosen = new Sample({ kind: 'sampled', maxRate: 20 }).choose(stream(50, 400));
  const perSecond = Map.groupBy(chosen, ({ createTimeMs }) => createTimeMs);
  for (const comments of perSecond.values()) expect(comments.length).toBeLessThanOrEqual(20);
  expect(chosen.length / 50).toBeGreaterThan(16);
  const inSecondHalf = chosen.filter(({ number }) => Number(number - 1n) % 400 >= 200);
  expect(inSecondHalf.length / chosen.length).toBeGreaterThan(0.35);
});

test('a calm channel is told whole', () => {
  const comments = stream(10, 20);
  expect(new Sample({ kind: 'sampled', maxRate: 20 }).choose(comments)).toHaveLength(comments.length);
});

test('what moderators say is told beside the rate, and takes nothing from it', () => {
  const comments = [...Array(50)].map((_, at) => heard(at + 1, 3, 1_000, at % 2 === 0));
  const chosen = new Sample({ kind: 'sampled', maxRate: 1_000 }).choose(comments);
  expect(chosen).toHaveLength(50);
  const few = new Sample({ kind: 'sampled', maxRate: 1 }).choose(comments);
  expect(few.filter(({ moderator }) => moderator)).toHaveLength(25);
  expect(few.filter(({ moderator }) => !moderator).length).toBeLessThanOrEqual(1);
});

test('the class of the latest is told the newest of each tick', () => {
  const sample = new Sample({ kind: 'latest' });
  const numbers = (comments: readonly Heard[]): bigint[] => sample.choose(comments).map(({ number }) => number);
  expect(numbers([heard(1, 1, 0), heard(2, 1, 0), heard(3, 1, 0)])).toEqual([3n]);
  expect(numbers([heard(4, 1, 0, true), heard(5, 1, 0)])).toEqual([4n, 5n]);
  expect(numbers([])).toEqual([]);
});
