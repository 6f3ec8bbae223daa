import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Refusal } from '../core/errors.ts';
import { PageTokens } from './page-token.ts';

const tokens = new PageTokens(Buffer.alloc(32, 1));
const scope = ['ListThings', 'alice', 'x'];

test('a token gives the place it was made for, to the same request only', () => {
  const parts = fc.array(fc.string({ unit: fc.constantFrom('a', '"', '\\', '\u0000', 'é', '😀', ',', '[') }), {
    minLength: 1,
    maxLength: 5,
  });
  fc.assert(
    fc.property(parts, parts, parts, (mine, other, place) => {
      const token = tokens.make(mine, place);
      expect(tokens.read(mine, token, place.length)).toEqual(place);
      if (JSON.stringify(mine) === JSON.stringify(other)) return;
      expect(() => tokens.read(other, token, place.length)).toThrow(Refusal);
    }),
  );
});

test('a changed token, one of another key and one that is none are refused; an empty one is the start', () => {
  const token = tokens.make(scope, ['5']);
  expect(tokens.read(scope, '', 1)).toBeUndefined();
  for (let at = 0; at < token.length; at += 1) {
    const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
    expect(() => tokens.read(scope, changed, 1)).toThrow(Refusal);
  }
  const foreign = new PageTokens(Buffer.alloc(32, 2)).make(scope, ['5']);
  for (const wrong of [foreign, `${token}=`, ` ${token}`, '☃', 'a', 'x'.repeat(5_000)]) {
    expect(() => tokens.read(scope, wrong, 1)).toThrow(Refusal);
  }
  expect(() => tokens.read(scope, token, 2)).toThrow(Refusal);
});
