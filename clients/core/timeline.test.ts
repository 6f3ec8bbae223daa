import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Timeline } from './timeline.ts';

interface Line {
  readonly sequence: bigint;
}

function lines(from: number, to: number): Line[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => ({ sequence: BigInt(from + index) }));
}

function head(sequence: number, more: Partial<{ epoch: number; visibleFrom: number; delivered: number }> = {}) {
  return {
    epoch: BigInt(more.epoch ?? 1),
    sequence: BigInt(sequence),
    visibleFromSequence: BigInt(more.visibleFrom ?? 1),
    deliveredSequence: BigInt(more.delivered ?? 0),
  };
}

function numbers(applied: readonly Line[]): number[] {
  return applied.map((line) => Number(line.sequence));
}

describe('a timeline', () => {
  test('applies the next, drops the lower, keeps the higher until what is between is there', () => {
    const timeline = new Timeline<Line>();
    expect(numbers(timeline.entries(1n, lines(1, 2)).applied)).toEqual([1, 2]);
    expect(numbers(timeline.entries(1n, lines(1, 2)).applied)).toEqual([]);
    expect(numbers(timeline.entries(1n, lines(4, 5)).applied)).toEqual([]);
    expect(timeline.missing).toEqual({ after: 2n, upTo: 5n });
    expect(numbers(timeline.entries(1n, lines(3, 3)).applied)).toEqual([3, 4, 5]);
    expect(timeline.missing).toBeUndefined();
  });

  test('begins after what the device acknowledged in an earlier life', () => {
    const timeline = new Timeline<Line>();
    timeline.head(head(10, { delivered: 7 }));
    expect(timeline.missing).toEqual({ after: 7n, upTo: 10n });
    expect(numbers(timeline.entries(1n, lines(8, 10)).applied)).toEqual([8, 9, 10]);
  });

  test('begins at the first entry the user may see', () => {
    const timeline = new Timeline<Line>();
    timeline.head(head(10, { visibleFrom: 9 }));
    expect(numbers(timeline.entries(1n, lines(9, 10)).applied)).toEqual([9, 10]);
  });

  test('jumps over what a rejoin made invisible', () => {
    const timeline = new Timeline<Line>();
    timeline.entries(1n, lines(1, 3));
    timeline.entries(1n, lines(20, 21));
    expect(numbers(timeline.head(head(21, { visibleFrom: 20 })).applied)).toEqual([20, 21]);
  });

  test('does not guess where an unknown log begins: the fetched page says so', () => {
    const timeline = new Timeline<Line>();
    expect(timeline.entries(1n, lines(5, 5)).applied).toEqual([]);
    expect(timeline.missing).toEqual({ after: 0n, upTo: 5n });
    expect(numbers(timeline.page(0n, lines(4, 5), head(5, { visibleFrom: 4 })).applied)).toEqual([4, 5]);
    expect(timeline.missing).toBeUndefined();
  });

  test('starts over when the log has another epoch, from its first entry and not from what was acknowledged', () => {
    const timeline = new Timeline<Line>();
    timeline.head(head(9, { delivered: 9 }));
    const step = timeline.entries(2n, lines(3, 3));
    expect(step.restarted).toBe(true);
    timeline.head(head(3, { epoch: 2, delivered: 9 }));
    expect(timeline.missing).toEqual({ after: 0n, upTo: 3n });
    expect(numbers(timeline.entries(2n, lines(1, 2)).applied)).toEqual([1, 2, 3]);
  });

  test('leaves what was skipped to history and goes on behind it', () => {
    const timeline = new Timeline<Line>();
    timeline.entries(1n, lines(1, 1));
    timeline.entries(1n, lines(12, 12));
    timeline.skipped(10n);
    expect(numbers(timeline.leave(10n).applied)).toEqual([]);
    expect(timeline.held).toBe(10n);
    expect(numbers(timeline.entries(1n, lines(11, 11)).applied)).toEqual([11, 12]);
  });

  test('stops asking for what a page shows not to be there', () => {
    const timeline = new Timeline<Line>();
    timeline.entries(1n, lines(1, 3));
    timeline.skipped(9n);
    timeline.page(3n, [], head(3));
    expect(timeline.missing).toBeUndefined();
  });

  test('has as much room for what comes early after any number of duplicates', () => {
    const timeline = new Timeline<Line>();
    timeline.entries(1n, lines(1, 600));
    timeline.entries(1n, lines(1, 600));
    timeline.entries(1n, lines(602, 900));
    expect(numbers(timeline.entries(1n, lines(601, 601)).applied)).toHaveLength(300);
  });

  test('keeps no more than a bound of what comes early, and fetches the rest', () => {
    const timeline = new Timeline<Line>();
    timeline.head(head(0));
    timeline.entries(1n, lines(2, 2000));
    const first = numbers(timeline.entries(1n, lines(1, 1)).applied);
    expect(first.at(-1)).toBe(513);
    expect(timeline.missing).toEqual({ after: 513n, upTo: 2000n });
  });
});

// What may happen to a log of n entries on its way to a device, in any order and number.
type Event =
  | { kind: 'entries'; from: number; count: number }
  | { kind: 'head'; at: number }
  | { kind: 'skip'; from: number; to: number }
  | { kind: 'page'; after: number; count: number };

const length = 40;
const visibleFrom = fc.integer({ min: 1, max: length });
const place = fc.integer({ min: 1, max: length });
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('entries' as const), from: place, count: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('head' as const), at: place }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('skip' as const), from: place, to: place }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('page' as const), after: place, count: fc.integer({ min: 1, max: 9 }) }),
  },
);

describe('any interleaving of duplicates, reorderings, gaps, skips and fetches', () => {
  test('applies each entry once, in order, without a hole, and ends with all of them', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), visibleFrom, (events, from) => {
        const timeline = new Timeline<Line>();
        const heard: number[] = [];
        const visible = (first: number, last: number): Line[] => lines(Math.max(first, from), Math.min(last, length));
        const headAt = (at: number) => head(Math.max(at, from), { visibleFrom: from });
        for (const step of events) {
          if (step.kind === 'entries') {
            heard.push(...numbers(timeline.entries(1n, visible(step.from, step.from + step.count - 1)).applied));
          } else if (step.kind === 'head') heard.push(...numbers(timeline.head(headAt(step.at)).applied));
          else if (step.kind === 'skip') timeline.skipped(BigInt(Math.max(step.from, step.to)));
          else {
            // A client never asks for what is after an entry that it does not hold.
            const after = Math.min(step.after, Number(timeline.held));
            const page = visible(after + 1, Math.max(after + 1, from) + step.count - 1);
            heard.push(...numbers(timeline.page(BigInt(after), page, headAt(length)).applied));
          }
        }
        heard.push(...numbers(timeline.head(headAt(length)).applied));
        for (let tries = 0; timeline.missing !== undefined; tries += 1) {
          expect(tries).toBeLessThan(length);
          const { after } = timeline.missing;
          const page = visible(Number(after) + 1, Math.max(Number(after) + 1, from) + 6);
          heard.push(...numbers(timeline.page(after, page, headAt(length)).applied));
        }
        expect(heard).toEqual(numbers(lines(from, length)));
      }),
      { numRuns: 500 },
    );
  });
});
