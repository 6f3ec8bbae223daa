import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heights } from './heights.ts';

test('offsets and places are those of a plain list, through any changes', () => {
  const change = fc.oneof(
    fc.record({ resize: fc.nat(1_200) }),
    fc.record({ index: fc.nat(1_199), height: fc.integer({ min: 1, max: 400 }) }),
  );
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), fc.nat(60_000), (changes, pixel) => {
      const heights = new Heights(50);
      const plain: number[] = [];
      for (const it of changes) {
        if ('resize' in it) {
          while (plain.length < it.resize) plain.push(50);
          plain.length = it.resize;
          heights.resize(it.resize);
        } else if (it.index < plain.length) {
          plain[it.index] = it.height;
          heights.set(it.index, it.height);
        }
      }
      expect(heights.total).toBe(plain.reduce((sum, height) => sum + height, 0));
      let top = 0;
      let found = Math.max(0, plain.length - 1);
      for (const [index, height] of plain.entries()) {
        expect(index % 97 === 0 ? heights.offset(index) : top).toBe(top);
        if (pixel >= top && pixel < top + height) found = index;
        top += height;
      }
      expect(heights.at(pixel)).toBe(found);
    }),
  );
});

test('a height that is nearly the same is no change', () => {
  const heights = new Heights(50);
  heights.resize(3);
  expect([heights.set(1, 50.3), heights.set(1, 80), heights.set(7, 80)]).toEqual([false, true, false]);
});
