import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Checker } from './checker.ts';
import type { ExpectedStep, ExpectedThread } from './expected.ts';
import type { HistoryRecord } from './history.ts';
import { playHistory } from './play-history.ts';
import { counters } from './tally.ts';

const users = ['a', 'b', 'c', 'd'];

/** Threads with texts so few that many messages are equal, and joins and leaves that a log could hold. */
const anyThread = fc
  .record({
    initial: fc.subarray(users, { minLength: 2 }),
    draws: fc.array(
      fc.record({
        kind: fc.constantFrom('message', 'message', 'message', 'message', 'change', 'barrier'),
        user: fc.nat(users.length - 1),
        text: fc.constantFrom('', 'x', 'y', 'é'),
        contentType: fc.constantFrom('', 'text/x-irc-action'),
      }),
      { minLength: 3, maxLength: 30 },
    ),
  })
  .map(({ initial, draws }): ExpectedThread => {
    // The first member stays, as the one who lets people in does.
    const members = new Set(initial);
    const steps = draws.map((draw, index): ExpectedStep => {
      const ref = String(index);
      if (draw.kind === 'barrier') return { kind: 'barrier' };
      if (draw.kind === 'message') {
        const user = [...members][draw.user % members.size] as string;
        return { kind: 'message', ref, user, contentType: draw.contentType, bytes: Buffer.from(draw.text) };
      }
      const user = users[draw.user] as string;
      if (user === initial[0]) return { kind: 'barrier' };
      const kind = members.has(user) ? 'leave' : 'join';
      members[kind === 'join' ? 'add' : 'delete'](user);
      return { kind, ref, user };
    });
    return { label: 't', initial, steps, receipts: true };
  });

const history = fc
  .record({ thread: anyThread, devices: fc.integer({ min: 1, max: 2 }), draws: fc.infiniteStream(fc.nat()) })
  .map(({ thread, devices, draws }) => ({
    thread,
    records: playHistory(thread, devices, (n) => (draws.next().value as number) % n),
  }));

const judge = (thread: ExpectedThread, records: HistoryRecord[]) => {
  const checker = new Checker([thread]);
  for (const record of records) checker.add(record);
  return checker.finish();
};
type Heard = Extract<HistoryRecord, { kind: 'heard' }>;

/** Each takes a hearing, and the next one of the same client if there is one; undefined if it does not apply. */
const mutations: Record<string, (records: HistoryRecord[], at: number, next: number) => HistoryRecord[] | undefined> = {
  drop: (records, at) => records.toSpliced(at, 1),
  repeat: (records, at) => records.toSpliced(at, 0, records[at] as Heard),
  swap: (records, at, next) =>
    next === -1 ? undefined : records.with(at, records[next] as Heard).with(next, records[at] as Heard),
  resend: (records, at) => [...records, { ...(records[at] as Heard), sequence: 10_000 }],
  alter: (records, at) => records.with(at, { ...(records[at] as Heard), bytes: Buffer.from('altered') }),
  retype: (records, at) => records.with(at, { ...(records[at] as Heard), contentType: 'image/png' }),
  misattribute: (records, at) => records.with(at, { ...(records[at] as Heard), sender: 'nobody' }),
  leak: (records, at) => [...records, { ...(records[at] as Heard), client: { user: 'stranger', device: 'd0' } }],
  invent: (records, at) => [
    ...records,
    { ...(records[at] as Heard), sequence: 10_000, bytes: Buffer.from('invented') },
  ],
};
const counterOf: Record<string, (typeof counters)[number]> = {
  drop: 'lost',
  repeat: 'duplicated',
  swap: 'reordered',
  resend: 'duplicated',
  alter: 'altered',
  retype: 'altered',
  misattribute: 'altered',
  leak: 'duplicated',
  invent: 'altered',
};

test('every history that a faultless platform could leave has four zeros', () => {
  fc.assert(
    fc.property(history, ({ thread, records }) => {
      expect(judge(thread, records)).toMatchObject({ lost: 0, duplicated: 0, reordered: 0, altered: 0, findings: [] });
    }),
    { numRuns: 300 },
  );
});

test.each(Object.keys(mutations))('a history with one mutation of kind %s has exactly its counter at 1', (kind) => {
  fc.assert(
    fc.property(history, fc.nat(), ({ thread, records }, pick) => {
      const hearings = records.flatMap((record, at) => (record.kind === 'heard' ? [at] : []));
      fc.pre(hearings.length > 0);
      const at = hearings[pick % hearings.length] as number;
      const { client } = records[at] as Heard;
      const next = hearings.find((other) => {
        const heard = records[other] as Heard;
        return other > at && heard.client.user === client.user && heard.client.device === client.device;
      });
      const mutated = mutations[kind]?.(records, at, next ?? -1);
      fc.pre(mutated !== undefined);
      const verdict = judge(thread, mutated as HistoryRecord[]);
      for (const counter of counters) expect(verdict[counter]).toBe(counter === counterOf[kind] ? 1 : 0);
    }),
    { numRuns: 200 },
  );
});

test('an order of messages that the file does not allow is always found', () => {
  fc.assert(
    fc.property(history, fc.nat(), ({ thread, records }, pick) => {
      // Give two neighbouring messages of one author each other's sequences, everywhere.
      const own = thread.steps.filter((step) => step.kind === 'message');
      const pairs = own.flatMap((message, index) => {
        const next = own.slice(index + 1).find((other) => other.user === message.user);
        return next ? [[message.ref, next.ref] as const] : [];
      });
      fc.pre(pairs.length > 0);
      const [a, b] = pairs[pick % pairs.length] as readonly [string, string];
      const mutated = records.map((record) => {
        if (record.kind !== 'sent' || (record.ref !== a && record.ref !== b)) return record;
        const other = records.find((sent) => sent.kind === 'sent' && sent.ref === (record.ref === a ? b : a));
        return { ...record, sequence: (other as typeof record).sequence };
      });
      expect(judge(thread, mutated).reordered).toBeGreaterThan(0);
    }),
  );
});
