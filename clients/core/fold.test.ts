import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Entry } from '#proto/parley/v1/entry.ts';
import type { DeepPartial } from '#proto/parley/v1/entry.ts';
import { Message } from '#proto/parley/v1/thread.ts';
import { Fold, textOf } from './fold.ts';
import { Timeline } from './timeline.ts';

type Kind = NonNullable<DeepPartial<Entry>['kind']>;

function entry(sequence: number, kind: Kind | undefined, senderId = 'alice'): Entry {
  return Entry.fromPartial({ sequence: BigInt(sequence), senderId, ...(kind === undefined ? {} : { kind }) });
}

const text = (value: string) => ({ body: { $case: 'text', value } }) as const;
const post = (value: string): Kind => ({ $case: 'message', value: { content: text(value) } });
const edit = (target: number, value?: string): Kind => ({
  $case: 'messageEdited',
  value: { targetSequence: BigInt(target), ...(value === undefined ? {} : { content: text(value) }) },
});
const erase = (target: number): Kind => ({ $case: 'messageDeleted', value: { targetSequence: BigInt(target) } });
const react = (target: number, emoji: string, removed = false): Kind => ({
  $case: 'reactionChanged',
  value: { targetSequence: BigInt(target), emoji, removed },
});

function folded(entries: readonly Entry[], mostItems = 1000): Fold {
  const fold = new Fold(() => 'alice', mostItems);
  for (const each of entries) fold.apply(each);
  return fold;
}

describe('a fold', () => {
  test('shows a message as it is now', () => {
    const fold = folded([
      entry(1, post('hello')),
      entry(2, edit(1, 'hallo')),
      entry(3, react(1, '👍'), 'bob'),
      entry(4, react(1, '👍')),
      entry(5, react(1, '👍', true), 'bob'),
    ]);
    expect(textOf(fold.message(1n)?.content)).toBe('hallo');
    expect(fold.message(1n)).toMatchObject({
      editSequence: 2n,
      reactions: [{ emoji: '👍', count: 1, mine: true }],
    });
  });

  test('erases on delete, whatever comes after', () => {
    const fold = folded([entry(1, post('secret')), entry(2, erase(1)), entry(3, edit(1)), entry(4, react(1, '👍'))]);
    expect(fold.message(1n)).toMatchObject({ content: undefined, deleteSequence: 2n, reactions: [] });
  });

  test('is the same from a log that was read later, in which superseded contents are gone', () => {
    const live = folded([entry(1, post('a')), entry(2, edit(1, 'b')), entry(3, edit(1, 'c'))]);
    const posted: Kind = { $case: 'message', value: { content: text('c'), editSequence: 3n } };
    const later = folded([entry(1, posted), entry(2, edit(1)), entry(3, edit(1, 'c'))]);
    expect(later.message(1n)).toEqual(live.message(1n));
    const racing = folded([entry(1, posted), entry(2, edit(1, 'b'))]);
    expect(racing.message(1n)).toEqual(live.message(1n));
  });

  test('keeps the place of an entry of a kind it does not know', () => {
    const fold = folded([entry(1, post('a')), entry(2, undefined), entry(3, post('b'))]);
    expect(fold.items().map(({ kind, sequence }) => [kind, sequence])).toEqual([
      ['message', 1n],
      ['unknown', 2n],
      ['message', 3n],
    ]);
  });

  test('keeps a body that the server has erased since, unless the message was edited or deleted meanwhile', () => {
    const line = (message: DeepPartial<Message>) =>
      ({ kind: 'message', sequence: 1n, message: Message.fromPartial({ sequence: 1n, ...message }) }) as const;
    const gone = line({ erased: true, reactions: [{ emoji: '👍', count: 1, mine: false }] });
    const fold = folded([entry(1, post('only here'))]);
    fold.put([gone], 9n);
    expect(fold.message(1n)).toMatchObject({ erased: false, reactions: [{ emoji: '👍' }] });
    expect(textOf(fold.message(1n)?.content)).toBe('only here');
    const late = folded([]);
    late.put([gone], 9n);
    late.put([line({ content: text('from disk') })], 1n);
    expect(textOf(late.message(1n)?.content)).toBe('from disk');
    expect(late.message(1n)?.reactions).toHaveLength(1);
    fold.put([line({ erased: true, editSequence: 10n })], 10n);
    expect(fold.message(1n)).toMatchObject({ erased: true, content: undefined });
    late.put([line({ erased: true, deleteSequence: 10n })], 10n);
    expect(late.message(1n)).toMatchObject({ content: undefined, deleteSequence: 10n });
  });

  test('has a line for each change of a group', () => {
    const fold = folded([
      entry(1, {
        $case: 'threadCreated',
        value: {
          name: 'tea',
          members: [
            { userId: 'alice', role: 3 },
            { userId: 'bob', role: 1 },
          ],
        },
      }),
      entry(2, { $case: 'memberAdded', value: { userId: 'carol', role: 1 } }),
      entry(3, { $case: 'memberRemoved', value: { userId: 'bob' } }),
      entry(4, { $case: 'roleChanged', value: { userId: 'carol', role: 2 } }),
      entry(5, { $case: 'groupChanged', value: { name: 'coffee' } }),
    ]);
    expect(fold.items().map(({ kind, sequence }) => [kind, sequence])).toEqual(
      [1n, 2n, 3n, 4n, 5n].map((sequence) => ['change', sequence]),
    );
  });

  test('puts history before what was told, and does not count twice what history has already', () => {
    const fold = folded([entry(8, post('new'))]);
    const old = Message.fromPartial({ sequence: 3n, reactions: [{ emoji: '👍', count: 1 }] });
    fold.put([{ kind: 'message', sequence: old.sequence, message: old }], 9n);
    fold.apply(entry(9, react(3, '👍'), 'bob'));
    fold.apply(entry(10, react(3, '👍'), 'carol'));
    expect(fold.items().map((item) => item.sequence)).toEqual([3n, 8n]);
    expect(fold.message(3n)?.reactions).toEqual([{ emoji: '👍', count: 2, mine: false }]);
  });

  test('keeps a bounded number of lines, the newest', () => {
    const fold = folded(
      Array.from({ length: 500 }, (_, index) => entry(index + 1, post('x'))),
      100,
    );
    expect(fold.items().length).toBeLessThanOrEqual(125);
    expect(fold.items().at(-1)?.sequence).toBe(500n);
  });

  test('tells what an entry changed', () => {
    const fold = folded([]);
    expect(fold.apply(entry(1, post('a'))).added).toMatchObject({ kind: 'message', sequence: 1n });
    expect(fold.apply(entry(2, edit(1, 'b'))).changed).toMatchObject({ sequence: 1n, editSequence: 2n });
    expect(fold.apply(entry(3, edit(77, 'x')))).toEqual({ added: undefined, changed: undefined });
  });
});

// A random log: posts, edits, deletes, reactions of what was posted before, unknown kinds.
const logs = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.nat(), fc.constantFrom('alice', 'bob')), { maxLength: 30 })
  .map((steps) => {
    const posts: number[] = [];
    return steps.map(([what, choice, sender], index) => {
      const sequence = index + 1;
      const target = posts[choice % Math.max(1, posts.length)];
      if (target === undefined || what < 4) {
        if (what === 3) return entry(sequence, undefined, sender);
        posts.push(sequence);
        return entry(sequence, post(`m${sequence}`), sender);
      }
      if (what < 6) return entry(sequence, edit(target, `e${sequence}`), sender);
      if (what < 7) return entry(sequence, erase(target), sender);
      return entry(sequence, react(target, choice % 2 === 0 ? '👍' : '🎉', what === 9), sender);
    });
  });

describe('however a log arrives', () => {
  test('timeline and fold come to what the log folds to', () => {
    fc.assert(
      fc.property(logs, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 5 })), { maxLength: 40 }), (log, deliveries) => {
        const timeline = new Timeline<Entry>();
        const fold = new Fold(() => 'alice', 1000);
        const take = (applied: readonly Entry[]): void => {
          for (const each of applied) fold.apply(each);
        };
        for (const [at, count] of deliveries) {
          const from = at % Math.max(1, log.length);
          take(timeline.entries(1n, log.slice(from, from + count + 1)).applied);
        }
        const sequence = BigInt(log.length);
        take(timeline.head({ epoch: 1n, sequence, visibleFromSequence: 1n, deliveredSequence: 0n }).applied);
        const { missing } = timeline;
        if (missing !== undefined) {
          const rest = log.slice(Number(missing.after));
          take(timeline.page(missing.after, rest, { epoch: 1n, sequence, visibleFromSequence: 1n }).applied);
        }
        expect(fold.items()).toEqual(folded(log).items());
      }),
      { numRuns: 300 },
    );
  });
});
