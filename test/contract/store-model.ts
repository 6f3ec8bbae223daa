// Random work on a few logs, by several writers at once, beside a model that is a few lines: an array per log.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Entry, emptyBody, type Head, type NewEntry } from '../../server/core/entry.ts';
import type { LogId, UserId } from '../../server/core/ids.ts';
import type { Store } from '../../server/store/store.ts';
import { all, appendOf, deleted, edited, message, newLog, newUser } from './samples.ts';
import type { UnderTest } from './store.ts';

type Step =
  | { readonly kind: 'send'; readonly id: number; readonly length: number }
  | { readonly kind: 'edit' | 'delete'; readonly pick: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('send' as const), id: fc.nat(30), length: fc.nat(40) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('edit' as const, 'delete' as const), pick: fc.nat(1_000) }),
  },
);

/** What each writer does, one append after the other: in which log, and which steps as one group. */
const work = fc.array(
  fc.array(fc.record({ log: fc.nat(1), steps: fc.array(step, { minLength: 1, maxLength: 4 }) }), { maxLength: 12 }),
  { minLength: 1, maxLength: 5 },
);

/**
 * One writer reads a head, then entries above it that the other has just appended, and edits these behind the head. The edit
 * would stand where its target does: a conflict, though by that head it looks like a mistake.
 */
const aheadOfHead: { readonly log: number; readonly steps: Step[] }[][] = [
  [
    { log: 1, steps: [{ kind: 'send', id: 1, length: 0 }] },
    { log: 1, steps: [{ kind: 'send', id: 0, length: 0 }] },
  ],
  [
    {
      log: 1,
      steps: [
        { kind: 'edit', pick: 0 },
        { kind: 'send', id: 0, length: 0 },
        { kind: 'edit', pick: 175 },
      ],
    },
  ],
  [],
];

/** The log as the door says it should be, folded from what was taken. */
class Model {
  /** By sequence, from 1. Whole once every append was answered. */
  readonly entries: Entry[] = [];

  /**
   * Appends through several nodes may be answered in another order than they stand in the log: one is in doubt for a while,
   * and what follows it is told first. So an entry goes where it says, and nobody else may say the same.
   */
  take(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const at = Number(entry.sequence) - 1;
      expect(this.entries[at]).toBeUndefined();
      this.entries[at] = entry;
    }
  }

  /** Entries with the bodies that hold now. */
  now(): Entry[] {
    const now = this.entries.map((entry) => ({ ...entry }));
    for (const [at, entry] of this.entries.entries()) {
      const { change } = entry;
      if (change.kind !== 'message-edited' && change.kind !== 'message-deleted') continue;
      const target = now[Number(change.target) - 1];
      if (target?.change.kind !== 'message') throw new Error('the model was given an edit of nothing');
      if (target.change.deleteSequence !== 0n) {
        if (change.kind === 'message-edited') now[at] = { ...entry, change: { ...change, body: emptyBody } };
        continue;
      }
      const former = now[Number(target.change.editSequence) - 1];
      if (former?.change.kind === 'message-edited') former.change = { ...former.change, body: emptyBody };
      target.change =
        change.kind === 'message-edited'
          ? { ...target.change, body: change.body, editSequence: entry.sequence }
          : { ...target.change, body: emptyBody, deleteSequence: entry.sequence };
    }
    return now;
  }
}

function entriesOf(
  steps: readonly Step[],
  head: Head | undefined,
  messages: readonly bigint[],
  sender: UserId,
): NewEntry[] {
  const given: NewEntry[] = [];
  const targets = [...messages];
  for (const one of steps) {
    if (one.kind === 'send') {
      // Ids come from a small range, so that they repeat, in a group and over groups.
      const id = `id-${one.id}`;
      if (given.some((entry) => entry.clientMessageId === id)) continue;
      targets.push((head?.sequence ?? 0n) + BigInt(given.length + 1));
      given.push(message('x'.repeat(one.length), { senderId: sender, clientMessageId: id }));
    } else if (targets.length > 0) {
      const target = targets[one.pick % targets.length] ?? 0n;
      given.push(one.kind === 'edit' ? edited(target, `edit ${one.pick}`) : deleted(target));
    }
  }
  return given;
}

async function write(store: Store, log: LogId, steps: readonly Step[], sender: UserId, model: Model): Promise<void> {
  let skip = new Set<number>();
  for (;;) {
    const head = await store.head(log);
    const known = head === undefined ? [] : await all(store, log);
    const messages = known.filter((entry) => entry.change.kind === 'message').map((entry) => entry.sequence);
    const given = entriesOf(
      steps.filter((_, at) => !skip.has(at)),
      head,
      messages,
      sender,
    );
    if (given.length === 0) return;
    const result = await store.append(log, appendOf(head, given));
    if (result.outcome === 'conflict') continue;
    if (result.outcome === 'appended') return model.take(result.entries);
    for (const [at, duplicate] of result.duplicates) {
      const first = model.entries[Number(duplicate.sequence) - 1];
      // The model may hear of it later: then the log says the same.
      if (first !== undefined) expect(first.clientMessageId).toBe(given[at]?.clientMessageId);
    }
    const repeated = new Set([...result.duplicates.keys()].map((at) => given[at]?.clientMessageId));
    skip = new Set([
      ...skip,
      ...steps.flatMap((one, at) => (one.kind === 'send' && repeated.has(`id-${one.id}`) ? [at] : [])),
    ]);
  }
}

export function againstModel({ store, reopen }: UnderTest): void {
  test('logs are what their accepted appends make of them, also after a new process', async () => {
    await fc.assert(
      fc.asyncProperty(work, async (writers) => {
        const logs = [newLog(), newLog()] as const;
        const models = [new Model(), new Model()] as const;
        const sender = newUser();
        await Promise.all(
          writers.map(async (groups) => {
            for (const { log, steps } of groups) {
              const at = log === 0 ? 0 : 1;
              await write(store(), logs[at], steps, sender, models[at]);
            }
          }),
        );
        for (const at of [0, 1] as const) {
          const now = models[at].now();
          expect(await all(store(), logs[at])).toEqual(now);
          const head = await store().head(logs[at]);
          expect(head?.sequence ?? 0n).toBe(BigInt(now.length));
          expect(head?.ordinal ?? 0n).toBe(BigInt(now.filter((entry) => entry.change.kind === 'message').length));
          const ids = now.map((entry) => entry.clientMessageId).filter((id) => id !== '');
          expect(new Set(ids).size).toBe(ids.length);
        }
        const before = await all(store(), logs[0]);
        const { store: later } = { store: await reopen() };
        expect(await all(later, logs[0])).toEqual(before);
      }),
      { numRuns: 40, examples: [[aheadOfHead]] },
    );
  });
}
