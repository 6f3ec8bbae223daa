import { expect, test } from 'vitest';
import { Refusal } from '../core/errors.ts';
import {
  counted,
  maxSequence,
  pageSize,
  parseDistinctUserIds,
  parseEmoji,
  parseMediaType,
  parseName,
  parseOptionalSequence,
  parseSequence,
  parseUri,
  parseUserIds,
  required,
} from './validate.ts';

test('what is within its bounds is taken as it is', () => {
  expect(pageSize(0, 50, 200)).toBe(50);
  expect(pageSize(200, 50, 200)).toBe(200);
  expect(parseName('Zoë 👩‍👩‍👧', 1, 100, 'name')).toBe('Zoë 👩‍👩‍👧');
  expect(parseName('', 0, 100, 'name')).toBe('');
  expect(parseEmoji('👩‍👩‍👧')).toBe('👩‍👩‍👧');
  expect(parseMediaType('text/plain; charset=utf-8', 1, 'type')).toBe('text/plain; charset=utf-8');
  expect(parseUri('HTTPS://x.test/a%20b#c', 'uri', 'https')).toBe('HTTPS://x.test/a%20b#c');
  expect(parseUri('urn:isbn:0451450523', 'uri')).toBe('urn:isbn:0451450523');
  expect(parseSequence(maxSequence, 'sequence')).toBe(maxSequence);
  expect(parseOptionalSequence(0n, 'sequence')).toBe(0n);
  expect(required('x', 'field')).toBe('x');
});

test.each<[what: string, field: string, check: () => unknown]>([
  ['a page over its maximum', 'page_size', () => pageSize(201, 50, 200)],
  ['an empty list', 'users', () => counted([], 1, 2, 'users')],
  ['a long list', 'users', () => counted([1, 2, 3], 1, 2, 'users')],
  ['the second of two user ids', 'users[1]', () => parseUserIds(['a', ''], 1, 2, 'users')],
  ['a user id of 129 bytes', 'users[0]', () => parseUserIds(['é'.repeat(65)], 1, 2, 'users')],
  ['too many different users', 'users', () => parseDistinctUserIds(['a', 'b', 'a', 'c'], 2, 'users')],
  [
    'very many users',
    'users',
    () =>
      parseDistinctUserIds(
        Array.from({ length: 21 }, () => 'a'),
        2,
        'users',
      ),
  ],
  ['a name over its bytes', 'name', () => parseName('é'.repeat(51), 1, 100, 'name')],
  ['an empty name', 'name', () => parseName('', 1, 100, 'name')],
  ['a name of two lines', 'name', () => parseName('a\nb', 1, 100, 'name')],
  ['a name with a line separator', 'name', () => parseName('a\u2028b', 1, 100, 'name')],
  ['a name with half a character', 'name', () => parseName('a\ud800', 1, 100, 'name')],
  ['an emoji with a space', 'emoji', () => parseEmoji('a b')],
  ['an empty emoji', 'emoji', () => parseEmoji('')],
  ['an emoji of 65 bytes', 'emoji', () => parseEmoji('x'.repeat(65))],
  ['an emoji with a control character', 'emoji', () => parseEmoji('\u0007')],
  ['a media type that is not ASCII', 'type', () => parseMediaType('text/ü', 0, 'type')],
  ['a URI of another scheme', 'uri', () => parseUri('http://x.test', 'uri', 'https')],
  ['a URI with a space', 'uri', () => parseUri('https://x.test/a b', 'uri')],
  ['a relative URI', 'uri', () => parseUri('x/y', 'uri')],
  ['sequence 0', 'sequence', () => parseSequence(0n, 'sequence')],
  ['a sequence of 2^63', 'sequence', () => parseOptionalSequence(maxSequence + 1n, 'sequence')],
  ['a field that is not set', 'field', () => required(undefined, 'field')],
])('%s is refused by its path', (_, field, check) => {
  let refusal: unknown;
  try {
    check();
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toBeInstanceOf(Refusal);
  expect(refusal).toMatchObject({ reason: 'INVALID_FIELD', fields: [{ field }] });
});
