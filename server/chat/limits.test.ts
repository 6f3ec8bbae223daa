import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HandClock } from '../../test/support/clock.ts';
import { Refusal } from '../core/errors.ts';
import type { UserId } from '../core/ids.ts';
import { Limits } from './limits.ts';

const alice = 'alice' as UserId;
const config = {
  sendsPerS: 10,
  sendBurst: 5,
  opensPerS: 1,
  openBurst: 1,
  typingPerS: 1,
  typingBurst: 1,
  commentsPerS: 1,
  commentBurst: 2,
  channelCommentsPerS: 10,
  channelCommentBurst: 3,
  servicePerS: 10,
  serviceBurst: 10,
  users: 100,
};

function refusal(work: () => void): Refusal | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  return undefined;
}

test('a burst is taken at once, then the rate holds, and the refusal says when there is room', () => {
  const clock = new HandClock();
  const limits = new Limits(config, clock);
  for (let count = 0; count < 5; count += 1) limits.take(alice, 'send');
  const refused = refusal(() => limits.take(alice, 'send'));
  expect(refused).toMatchObject({ reason: 'RATE_LIMITED', retryAfterMs: 100 });
  clock.turn(99);
  expect(refusal(() => limits.take(alice, 'send'))).toMatchObject({ retryAfterMs: 1 });
  clock.turn(1);
  limits.take(alice, 'send');
  expect(refusal(() => limits.take(alice, 'send'))).toBeDefined();
});

test('users and kinds of work do not take from each other', () => {
  const limits = new Limits(config, new HandClock());
  limits.take(alice, 'open');
  expect(refusal(() => limits.take(alice, 'open'))).toBeDefined();
  limits.take('bob' as UserId, 'open');
  limits.take(alice, 'typing');
  limits.take(alice, 'send');
});

test('in any stretch of time no more is taken than burst and rate give, and waiting as told always helps', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 60 }), (waits) => {
      const clock = new HandClock();
      const limits = new Limits(config, clock);
      let taken = 0;
      let passedMs = 0;
      for (const wait of waits) {
        clock.turn(wait);
        passedMs += wait;
        const refused = refusal(() => limits.take(alice, 'send'));
        if (refused === undefined) {
          taken += 1;
          continue;
        }
        const retryMs = refused.retryAfterMs ?? 0;
        clock.turn(retryMs);
        passedMs += retryMs;
        limits.take(alice, 'send');
        taken += 1;
      }
      expect(taken).toBeLessThanOrEqual(5 + (passedMs * 10) / 1_000);
    }),
  );
});
