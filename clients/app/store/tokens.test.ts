import { expect, test } from 'vitest';
import { beginningOf, isEmojiOnly, piecesOf } from './tokens.ts';

const none = new Map<string, string>();
const links = (text: string): string[] =>
  piecesOf(text, none).flatMap((piece) => (piece.kind === 'link' ? [piece.href] : []));

test('http and https become links, without what ends the sentence', () => {
  expect(links('see https://example.org/a?b=c#d, or (http://x.test/y).')).toEqual([
    'https://example.org/a?b=c#d',
    'http://x.test/y',
  ]);
  expect(links('https://en.wikipedia.org/wiki/Ada_(name) is one')).toEqual([
    'https://en.wikipedia.org/wiki/Ada_(name)',
  ]);
  expect(links('看https://example.org/路径。好')).toEqual(['https://example.org/%E8%B7%AF%E5%BE%84']);
});

test('nothing else does', () => {
  const others = [
    'javascript:alert(1)',
    'data:text/html,x',
    'ftp://x.test',
    'xhttp://y',
    'https://',
    'file:///etc/passwd',
  ];
  for (const text of others) expect(links(text)).toEqual([]);
});

test('the pieces together are the text', () => {
  const text = 'hi @Al Ice and @bob: https://a.test/@bob <b>x</b>';
  const pieces = piecesOf(
    text,
    new Map([
      ['@Al Ice', 'alice'],
      ['@bob', 'bob'],
    ]),
  );
  expect(pieces.map((piece) => piece.text).join('')).toBe(text);
  expect(pieces.flatMap((piece) => (piece.kind === 'mention' ? [piece.userId] : []))).toEqual(['alice', 'bob']);
});

test('one to three emoji are seen as that', () => {
  expect(['👍', '👩‍👩‍👧 🎉', '🇫🇷❤️', '1️⃣', '©️', '〽️㊗️'].filter((it) => !isEmojiOnly(it))).toEqual([]);
  expect(['', '1', '👍 ok', '👍👍👍👍', '好👍', 'のだ', '—'].filter(isEmojiOnly)).toEqual([]);
});

test('of a long text the beginning is shown, never half a character', () => {
  expect(beginningOf('short\n'.repeat(5))).toBeUndefined();
  const many = beginningOf(Array.from({ length: 2_000 }, (_, at) => `line ${at}`).join('\n'));
  expect([many?.lines, many?.text.split('\n').length]).toEqual([2_000, 14]);
  const wide = beginningOf('👍'.repeat(2_000));
  expect(wide?.text.isWellFormed()).toBe(true);
});
