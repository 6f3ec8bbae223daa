import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyReader } from './keys.ts';
import type { Key } from './keys.ts';

function read(...chunks: (string | Uint8Array)[]): Key[] {
  const reader = new KeyReader();
  return chunks.flatMap((chunk) => reader.read(typeof chunk === 'string' ? Buffer.from(chunk) : chunk));
}

const key = (name: string) => ({ kind: 'key', name });

describe('keys', () => {
  test('are read from what terminals send', () => {
    expect(read('\u001b[A\u001bOB\u001b[5~\u001b[3~\r\t\u007f\u0017\u001b[1;5C')).toEqual([
      key('up'),
      key('down'),
      key('page-up'),
      key('delete'),
      key('enter'),
      key('tab'),
      key('backspace'),
      key('erase-word'),
      key('right'),
    ]);
  });

  test('are text where they are text', () => {
    expect(read('hé 你')).toEqual([{ kind: 'text', text: 'hé 你' }]);
  });

  test('of a paste come as one, with its line ends', () => {
    expect(read('\u001b[200~one\r\ntwo\rthree\u001b[201~!')).toEqual([
      { kind: 'paste', text: 'one\ntwo\nthree' },
      { kind: 'text', text: '!' },
    ]);
  });

  test('are the same wherever the bytes are cut', () => {
    const all = Buffer.from('a你\u001b[200~x\u001b[201~\u001b[5~👍\r');
    const whole = read(all);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: all.length })), (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), all.length];
        const keys = read(...places.slice(1).map((to, index) => all.subarray(places[index], to)));
        // Text may come in more pieces; what it says is the same.
        const joined = keys.map((each) => (each.kind === 'key' ? each.name : each.text)).join('');
        expect(joined).toBe(whole.map((each) => (each.kind === 'key' ? each.name : each.text)).join(''));
        expect(keys.filter((each) => each.kind === 'paste')).toHaveLength(1);
      }),
    );
  });

  test('know an escape key from the beginning of a sequence', () => {
    const reader = new KeyReader();
    expect(reader.read(Buffer.from('\u001b'))).toEqual([]);
    expect(reader.isWaiting).toBe(true);
    expect(reader.flush()).toEqual([key('escape')]);
    expect(reader.isWaiting).toBe(false);
  });

  test('typed right after an escape key are not swallowed by it', () => {
    expect(read('\u001b/open')).toEqual([key('escape'), { kind: 'text', text: '/open' }]);
    expect(read('\u001b\r')).toEqual([key('newline')]);
  });

  test('that are not known are passed over', () => {
    expect(read('\u001b[24~\u0000a')).toEqual([{ kind: 'text', text: 'a' }]);
  });
});
