import { expect, test } from 'vitest';
import { initialsOf } from './initials.ts';

test.each([
  ['Alice', 'A'],
  ['ada lovelace king', 'AL'],
  ['Иван Петров', 'ИП'],
  ['Zoe\u0308', 'Z'],
  ['E\u0301va Nagy', 'E\u0301N'],
  ['王小明', '王'],
  ['한국 사람', '한사'],
  ['\u1112\u1161\u11ab', '\u1112\u1161\u11ab'],
  ['नमिता', 'न'],
  ['किरण', 'कि'],
  ['👩‍👩‍👧 family', '👩‍👩‍👧F'],
  ['42nd', '4'],
  ['-- --', '-'],
  ['', ''],
])('the initials of %s are %s', (name, initials) => {
  expect(initialsOf(name)).toBe(initials);
});

test('a name that is not looked at closely has the letters that a close look finds', () => {
  const marks = ['', 'a', '\u0301', '\u200d', '\ufe0f', '\u20e3', 'が', '漢', '\u{e0100}', '.'];
  for (const letter of ['a', 'Z', '7', '漢', '𠮷']) {
    for (const mark of marks) {
      const found = [...new Intl.Segmenter().segment(letter + mark)][0]?.segment ?? '';
      expect(initialsOf(letter + mark), letter + mark).toBe(found.toLocaleUpperCase());
    }
  }
});
