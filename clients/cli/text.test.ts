import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anchored, fit, printable, widthOf, wrap } from './text.ts';

describe('text on a grid', () => {
  test('counts two columns for Chinese and for emoji, none for what combines', () => {
    expect(widthOf('你好')).toBe(4);
    expect(widthOf('👍🏽')).toBe(2);
    expect(widthOf('👨‍👩‍👧')).toBe(2);
    expect(widthOf('e\u0301')).toBe(1);
  });

  test('is cut with an ellipsis, never through a wide character', () => {
    expect(fit('你好世界', 6)).toBe('你好… ');
    expect(fit('你好世界', 5)).toBe('你好…');
    expect(fit('abc', 5)).toBe('abc  ');
  });

  test('breaks at spaces, and within words that are longer than a line', () => {
    expect(wrap('one two three', 8)).toEqual(['one two ', 'three']);
    expect(wrap('你好世界你好', 5)).toEqual(['你好', '世界', '你好']);
    expect(wrap('a\n\nb', 5)).toEqual(['a', '', 'b']);
  });

  test('never lets a control character, an escape sequence or a turned line through', () => {
    expect(printable('a\u001b[2Jb\u0007\u009bc\u202ed\te')).toBe('a·[2Jb··cd    e');
  });

  test('holds its columns where terminals disagree about a width', () => {
    expect(anchored('ab 你好')).toBe('ab 你好');
    expect(anchored('a👍🏽b')).toBe('a👍🏽\u001b[4Gb');
    expect(anchored('\u001b[36m👨‍👩‍👧x\u001b[0m')).toBe('\u001b[36m👨‍👩‍👧\u001b[3Gx\u001b[0m');
  });

  test('is always exactly as wide as asked, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, columns) => {
        expect(widthOf(fit(text, columns))).toBe(columns);
      }),
    );
  });

  test('loses nothing and never runs over when it is wrapped', () => {
    const words = fc
      .array(fc.constantFrom('a', 'bc ', '你好', ' ', '👍', 'x'.repeat(30), '\n'))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(words, fc.integer({ min: 4, max: 40 }), (text, columns) => {
        const lines = wrap(text, columns);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(/[ \n]/gu, ''));
      }),
    );
  });
});
