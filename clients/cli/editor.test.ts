import { describe, expect, test } from 'vitest';
import * as editor from './editor.ts';

const at = (text: string, cursor = text.length): editor.Editor => ({ text, cursor });

describe('the line being written', () => {
  test('takes text at the cursor', () => {
    expect(editor.insert(at('ac', 1), 'b')).toEqual(at('abc', 2));
  });

  test('moves and erases by whole characters, also those of many code points', () => {
    const family = '👨‍👩‍👧';
    expect(editor.left(at(`a${family}`))).toEqual(at(`a${family}`, 1));
    expect(editor.eraseBefore(at(`a${family}`))).toEqual(at('a'));
    expect(editor.eraseAfter(at(`${family}b`, 0))).toEqual(at('b', 0));
    expect(editor.right(at('你好', 0)).cursor).toBe(1);
  });

  test('stops at both ends', () => {
    expect(editor.left(at('a', 0))).toEqual(at('a', 0));
    expect(editor.right(at('a'))).toEqual(at('a'));
    expect(editor.eraseBefore(at('', 0))).toEqual(at('', 0));
  });

  test('erases words and to both ends of a line, and no further', () => {
    expect(editor.eraseWord(at('one two '))).toEqual(at('one '));
    expect(editor.eraseToHome(at('one\ntwo'))).toEqual(at('one\n'));
    expect(editor.eraseToEnd(at('one\ntwo', 1))).toEqual(at('o\ntwo', 1));
    expect(editor.home(at('one\ntwo')).cursor).toBe(4);
    expect(editor.end(at('one\ntwo', 0)).cursor).toBe(3);
  });
});
