import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  directThreadId,
  groupThreadId,
  parseClientId,
  parseDeviceId,
  parseThreadId,
  parseUserId,
  threadLog,
  threadOfLog,
  type UserId,
  userLog,
} from './ids.ts';

const refused = expect.objectContaining({ reason: 'INVALID_FIELD' }) as Error;
const user = (id: string): UserId => id as UserId;

describe('user ids', () => {
  test.each(['a', 'Ann Lee', 'żółć@例え.jp', '👩‍👩‍👧', 'x'.repeat(128), 'é'.repeat(64)])('%j is one', (id) => {
    expect(parseUserId(id)).toBe(id);
  });

  test.each([
    '',
    'x'.repeat(129),
    'é'.repeat(65),
    'a\u0000',
    'a\nb',
    '\u007f',
    '\u0085',
    'a\u2028b',
    'a\u2029',
    '\ud800',
    'a\udc00b',
  ])('%j is none', (id) => {
    expect(() => parseUserId(id)).toThrow(refused);
  });

  test('a refusal names the field that it was told of', () => {
    expect(() => parseUserId('', 'members[3].user_id')).toThrow(
      expect.objectContaining({ fields: [expect.objectContaining({ field: 'members[3].user_id' })] }) as Error,
    );
  });
});

test.each([
  ['device ids', parseDeviceId, ['a', 'A-1._z', 'x'.repeat(64)], ['', 'x'.repeat(65), 'a b', 'é', 'a/b']],
  [
    'thread ids',
    parseThreadId,
    ['d_a', 'g_A-_9', `g_${'x'.repeat(62)}`],
    ['', 'd_', 'x_a', 'g_a.b', `g_${'x'.repeat(63)}`],
  ],
  ['client ids', parseClientId, ['!', '~', 'x'.repeat(64)], ['', 'a b', 'é', 'a\n', 'x'.repeat(65)]],
] as const)('%s are those of their alphabet and length', (_, parse, good, bad) => {
  for (const id of good) expect(parse(id)).toBe(id);
  for (const id of bad) expect(() => parse(id)).toThrow(refused);
});

describe('thread ids made of other ids', () => {
  test('two users have one direct thread, whoever opens it', () => {
    const any = fc.string({ unit: 'grapheme', minLength: 1 }).map(user);
    fc.assert(fc.property(any, any, (a, b) => directThreadId(a, b) === directThreadId(b, a)));
    expect(parseThreadId(directThreadId(user('a'), user('b')))).toMatch(/^d_/);
  });

  test('other users have another one, also when their ids run into each other', () => {
    const ids = [
      directThreadId(user('ab'), user('c')),
      directThreadId(user('a'), user('bc')),
      directThreadId(user('abc'), user('')),
      directThreadId(user('a'), user('a')),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("a creator's request makes one group, however often it is sent", () => {
    const id = groupThreadId(user('ann'), 'request-1');
    expect(groupThreadId(user('ann'), 'request-1')).toBe(id);
    expect(parseThreadId(id)).toMatch(/^g_/);
    const others = [
      groupThreadId(user('ann'), 'request-2'),
      groupThreadId(user('bob'), 'request-1'),
      directThreadId(user('ann'), user('request-1')),
    ];
    expect(others).not.toContain(id);
  });
});

test("a log is a thread's or a user's", () => {
  const thread = groupThreadId(user('ann'), '1');
  expect(threadOfLog(threadLog(thread))).toBe(thread);
  // Even a user whose id looks like a thread's.
  expect(threadOfLog(userLog(user(thread)))).toBeUndefined();
});
