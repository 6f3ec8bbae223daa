import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LogId, ThreadId, UserId } from '../../core/ids.ts';
import { dayOfKey, endOf, keys, numberAtEnd, orderedNumber, threadOfDayKey } from './keys.ts';

const order = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
const number = fc.oneof(fc.nat(), fc.integer({ min: 0, max: 2 ** 48 - 1 }));
/** As parseUserId lets through: anything without control characters. */
const id = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((text) => !/\p{Cc}/u.test(text));

test('numbers take seven bytes, sort as they do, and are read back', () => {
  fc.assert(
    fc.property(number, number, (a, b) => {
      expect(Buffer.byteLength(orderedNumber(a))).toBe(7);
      expect(numberAtEnd(orderedNumber(a))).toBe(a);
      expect(Math.sign(order(orderedNumber(a), orderedNumber(b)))).toBe(Math.sign(a - b));
    }),
  );
});

test('the entries of a log stand together, in the order of their sequences, apart from those of any other log', () => {
  fc.assert(
    fc.property(id, id, number, number, (a, b, first, second) => {
      fc.pre(a !== b);
      const [one, other] = [keys.entry(a as LogId, first), keys.entry(a as LogId, second)];
      expect(Math.sign(order(one, other))).toBe(Math.sign(first - second));
      const stranger = keys.entry(b as LogId, first);
      const [lowest, highest] = [keys.entry(a as LogId, 0), keys.entry(a as LogId, 2 ** 48)];
      expect(order(stranger, lowest) < 0 || order(stranger, highest) > 0).toBe(true);
    }),
  );
});

test('the end of a prefix is above all keys that begin with it, and below all others above it', () => {
  const prefix = keys.row('g_t' as LogId, 'member/');
  fc.assert(
    fc.property(id, (user) => {
      expect(order(prefix + user, endOf(prefix))).toBeLessThan(0);
      expect(order(`${prefix}\u{10ffff}${user}`, endOf(prefix))).toBeLessThan(0);
    }),
  );
  expect(order(keys.row('g_t' as LogId, 'memberz'), endOf(prefix))).toBeGreaterThan(0);
});

test('the thread and the day are read back from the key of a day', () => {
  fc.assert(
    fc.property(id, fc.integer({ min: 0, max: 2 ** 21 - 1 }), (user, day) => {
      const key = keys.day(user as UserId, day, 'g_thread' as ThreadId);
      expect(threadOfDayKey(key, user as UserId)).toBe('g_thread');
      expect(dayOfKey(key, user as UserId)).toBe(day);
      expect(key.startsWith(keys.days(user as UserId))).toBe(true);
    }),
  );
});
