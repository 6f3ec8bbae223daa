import { expect, test } from 'vitest';
import { beginningOf, isEmojiOnly, mentionedIn, piecesOf } from './tokens.ts';

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

test('who is mentioned was picked, was so before, or has their name written out', () => {
  const people = [
    { userId: 'ann', name: 'Ann' },
    { userId: 'anna', name: 'Anna' },
    { userId: 'hong', name: '小红' },
    { userId: 'x1', name: 'Alex' },
    { userId: 'x2', name: 'Alex' },
  ];
  const of = (text: string, picked: [string, string][] = [], before: string[] = []): string[] =>
    mentionedIn(text, new Map(picked), before, people).toSorted();
  expect(of('hello @Anna', [['@Anna', 'anna']])).toEqual(['anna']);
  // As what was half written stands there after another chat was looked at.
  expect(of('hello @Anna and @ann!')).toEqual(['ann', 'anna']);
  expect(of('@小红你好', [['@小红', 'hong']])).toEqual(['hong']);
  expect(of('write to me@anna.test, @Annabel')).toEqual([]);
  expect(of('@Alex?')).toEqual(['x1', 'x2']);
  expect(of('@Alex?', [['@Alex', 'x2']])).toEqual(['x2']);
  expect(of('@Alex? and @stranger', [], ['x1', 'stranger'])).toEqual(['stranger', 'x1']);
  expect(of('nobody', [], ['anna', 'stranger'])).toEqual(['stranger']);
});

test('a name that begins as another one is marked whole', () => {
  const mentions = new Map([
    ['@Ann', 'ann'],
    ['@Anna', 'anna'],
  ]);
  expect(piecesOf('@Anna', mentions)).toEqual([{ kind: 'mention', text: '@Anna', userId: 'anna' }]);
});
