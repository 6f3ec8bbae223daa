import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareIds, pageOfIds } from './order.ts';

const ids = fc.string({ unit: 'grapheme', maxLength: 6 });

test('ids are ordered as their bytes of UTF-8 are', () => {
  fc.assert(
    fc.property(ids, ids, (a, b) => {
      expect(Math.sign(compareIds(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
  expect(compareIds('\u{1f600}', '\uffee')).toBeGreaterThan(0);
});

test('pages of ids put together are all of them, in order, each once', () => {
  fc.assert(
    fc.property(fc.uniqueArray(ids.filter((id) => id !== '')), fc.integer({ min: 1, max: 4 }), (all, limit) => {
      const told: string[] = [];
      for (;;) {
        const page = pageOfIds(all, told.at(-1) ?? '', limit);
        if (page.length === 0) break;
        told.push(...page);
      }
      expect(told).toEqual(all.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    }),
  );
});
