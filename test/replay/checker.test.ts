import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Checker } from './checker.ts';
import { committedExcerpt, sharedLogFiles } from './excerpts.ts';
import { expectFile, type ExpectedThread } from './expected.ts';
import { decodeRecord, encodeRecord, type HistoryRecord } from './history.ts';
import { planFile } from './plan.ts';
import { playHistory } from './play-history.ts';
import type { Counter } from './tally.ts';

const expected = expectFile(planFile('excerpt', readFileSync(committedExcerpt)), 'operator');
const judge = (records: HistoryRecord[], threads: ExpectedThread[] = [expected]) => {
  const checker = new Checker(threads, { uncounted: ['operator'] });
  for (const record of records) checker.add(record);
  return checker.finish();
};
const counts = (records: HistoryRecord[], threads?: ExpectedThread[]) => {
  const { lost, duplicated, reordered, altered } = judge(records, threads);
  return { lost, duplicated, reordered, altered };
};
const zeros = { lost: 0, duplicated: 0, reordered: 0, altered: 0 };
const only = (counter: Counter, count = 1) => ({ ...zeros, [counter]: count });

const faultless = () => playHistory(expected, 1, () => 0);
type Heard = Extract<HistoryRecord, { kind: 'heard' }>;
type Kind = HistoryRecord['kind'];
const isKind =
  <K extends Kind>(kind: K) =>
  (record: HistoryRecord): record is Extract<HistoryRecord, { kind: K }> =>
    record.kind === kind;

/** The first user who joins, or leaves, in the excerpt. */
function whoFirst(kind: 'join' | 'leave'): string {
  const step = expected.steps.find((candidate) => candidate.kind === kind);
  return step && 'user' in step ? step.user : '';
}

/** A listener's hearing in the middle of the excerpt, and the next one of the same listener. */
function twoHearings(records: HistoryRecord[]): [number, number] {
  const user = whoFirst('join');
  const own = records.flatMap((record, at) => (record.kind === 'heard' && record.client.user === user ? [at] : []));
  return [own[10] as number, own[11] as number];
}
const replaced = (records: HistoryRecord[], at: number, change: Partial<Heard>): HistoryRecord[] =>
  records.with(at, { ...(records[at] as Heard), ...change });

describe('a faultless history', () => {
  test('has four zeros and counts what others heard', () => {
    const verdict = judge(faultless());
    expect(verdict).toMatchObject({ ...zeros, findings: [] });
    const heard = faultless().filter(isKind('heard'));
    const others = heard.filter((record) => record.client.user !== record.sender && record.client.user !== 'operator');
    expect(verdict.deliveries).toBe(others.length);
  });
  test('is as good in whatever order the clients’ records interleave', () => {
    const byClient = Map.groupBy(faultless(), (record) => record.client.user);
    expect(counts([...byClient.values()].toReversed().flat())).toEqual(zeros);
  });
  test('survives being written as JSON lines', () => {
    expect(counts(faultless().map((record) => decodeRecord(encodeRecord(record))))).toEqual(zeros);
  });
  test('of each of the ten logs has four zeros', () => {
    for (const path of sharedLogFiles()) {
      const thread = expectFile(planFile(path, readFileSync(path)), 'operator');
      expect(
        counts(
          playHistory(thread, 1, () => 0),
          [thread],
        ),
      ).toEqual(zeros);
    }
  });
});

describe('lost', () => {
  test('a message that one client never heard', () => {
    const records = faultless();
    const verdict = judge(records.toSpliced(twoHearings(records)[0], 1));
    expect(verdict).toMatchObject(only('lost'));
    expect(verdict.findings[0]).toMatch(/never heard \d+, line \d+ of irc:/);
  });
  test('a message that is acknowledged and reaches nobody, once per client', () => {
    const records = faultless();
    const { sequence } = records[twoHearings(records)[0]] as Heard;
    const left = records.filter((record) => record.kind !== 'heard' || record.sequence !== sequence);
    expect(counts(left)).toEqual(only('lost', records.length - left.length));
  });
  test('a message that is neither acknowledged nor heard', () => {
    const records = faultless();
    const { sequence } = records[twoHearings(records)[0]] as Heard;
    expect(counts(records.filter((record) => !('sequence' in record) || record.sequence !== sequence))).toEqual(
      only('lost'),
    );
  });
  test('an acknowledgement that never came, although everybody heard the message', () => {
    const records = faultless();
    expect(counts(records.toSpliced(records.findIndex(isKind('sent')), 1))).toEqual(only('lost'));
  });
  test('two messages acknowledged at the same sequence are one message lost', () => {
    const records = faultless();
    const [first, second] = records.filter(isKind('sent'));
    const merged = records.flatMap((record): HistoryRecord[] => {
      if (record === second) return [{ ...second, sequence: first?.sequence ?? 0 }];
      return record.kind === 'heard' && record.sequence === second?.sequence ? [] : [record];
    });
    expect(counts(merged)).toEqual(only('lost'));
  });
  test('the end of a client that stopped listening', () => {
    const user = expected.initial.at(-1);
    const records = faultless();
    const heard = records.filter((record) => record.kind === 'heard' && record.client.user === user).length;
    expect(counts(records.filter((record) => record.kind !== 'heard' || record.client.user !== user))).toEqual(
      only('lost', heard),
    );
  });
  test('a member that never had a client', () => {
    const user = expected.initial.at(-1);
    const records = faultless().filter((record) => record.client.user !== user || record.kind === 'sent');
    expect(counts(records).lost).toBeGreaterThan(10);
  });
  test('a read position that an author was never told', () => {
    const records = faultless();
    const author = expected.steps.find((step) => step.kind === 'message')?.user;
    const at = records.findIndex((r) => r.kind === 'position' && r.client.user === author && r.user !== author);
    const position = records[at] as Extract<HistoryRecord, { kind: 'position' }>;
    expect(counts(records.toSpliced(at, 1))).toEqual(only('lost'));
    expect(counts(records.with(at, { ...position, read: position.read - 1 }))).toEqual(only('lost'));
    expect(counts(records.with(at, { ...position, delivered: position.delivered - 1 }))).toEqual(only('lost'));
    expect(counts(records.with(at, { ...position, read: 1 }).toSpliced(at, 0, position))).toEqual(zeros);
  });
  test('a membership change that nobody was told, and a thread that was never created', () => {
    const records = faultless();
    expect(counts(records.toSpliced(records.findIndex(isKind('left')), 1)).lost).toBeGreaterThan(0);
    expect(counts([])).toEqual(only('lost'));
  });
});

describe('duplicated', () => {
  test('a message that one client heard twice', () => {
    const records = faultless();
    const [at, next] = twoHearings(records);
    expect(counts(records.toSpliced(next, 0, records[at] as Heard))).toEqual(only('duplicated'));
  });
  test('a message that a retry put into the log again, once per client that heard it', () => {
    const records = faultless();
    const [at] = twoHearings(records);
    const copied = records[at] as Heard;
    const sequence = Math.max(...records.filter(isKind('heard')).map((record) => record.sequence)) + 1;
    expect(counts([...records, { ...copied, sequence }])).toEqual(only('duplicated'));
  });
  test('an author who was told two sequences for one message', () => {
    const records = faultless();
    const sent = records.find(isKind('sent')) as Extract<HistoryRecord, { kind: 'sent' }>;
    expect(counts([...records, { ...sent, sequence: 9999 }])).toEqual(only('duplicated'));
    expect(counts([...records, sent])).toEqual(zeros);
  });
  test('a message heard before joining, after leaving or by a stranger', () => {
    const records = faultless();
    const [firstHeard] = records.filter(isKind('heard'));
    const lastHeard = records.findLast(isKind('heard'));
    const joiner = whoFirst('join');
    const leaver = whoFirst('leave');
    const client = (user: string) => ({ user, device: 'd0' });
    expect(counts([{ ...(firstHeard as Heard), client: client(joiner) }, ...records])).toEqual(only('duplicated'));
    expect(counts([...records, { ...(lastHeard as Heard), client: client(leaver) }])).toEqual(only('duplicated'));
    expect(counts([...records, { ...(lastHeard as Heard), client: client('stranger') }])).toEqual(only('duplicated'));
  });
});

describe('reordered', () => {
  test('two messages that one client heard in the wrong order', () => {
    const records = faultless();
    const [at, next] = twoHearings(records);
    const swapped = records.with(at, records[next] as Heard).with(next, records[at] as Heard);
    expect(counts(swapped)).toEqual(only('reordered'));
  });
  test('two messages of one author that stand in the log in the wrong order', () => {
    const messages = expected.steps.filter((step) => step.kind === 'message');
    const at = expected.steps.findIndex((step, index) => {
      const next = expected.steps[index + 1];
      return step.kind === 'message' && next?.kind === 'message' && next.user === step.user;
    });
    expect(messages[at]).toBeDefined();
    const steps = expected.steps.with(at, expected.steps[at + 1] as never).with(at + 1, expected.steps[at] as never);
    expect(counts(playHistory({ ...expected, steps }, 1, () => 0))).toEqual(only('reordered'));
  });
  test('a message that stands after a join that was to wait for it', () => {
    const at = expected.steps.findIndex((step, index) => step.kind === 'join' && index > 0);
    const steps = expected.steps.with(at - 1, expected.steps[at] as never).with(at, expected.steps[at - 1] as never);
    expect(expected.steps[at - 1]?.kind).toBe('message');
    expect(counts(playHistory({ ...expected, steps }, 1, () => 0))).toEqual(only('reordered'));
  });
});

describe('altered', () => {
  const flip = (bytes: Uint8Array) => Buffer.from(bytes).fill((bytes[0] ?? 0) ^ 1, 0, 1);
  test.each([
    ['one bit of the text', (heard: Heard): Partial<Heard> => ({ bytes: flip(heard.bytes) })],
    ['a missing last byte', (heard: Heard): Partial<Heard> => ({ bytes: heard.bytes.subarray(0, -1) })],
    ['a byte too many', (heard: Heard): Partial<Heard> => ({ bytes: Buffer.concat([heard.bytes, Buffer.from(' ')]) })],
    ['another sender', (): Partial<Heard> => ({ sender: 'irc:someone' })],
    ['another content type', (): Partial<Heard> => ({ contentType: 'text/x-irc-action' })],
  ])('%s at one client', (_, change) => {
    const records = faultless();
    const [at] = twoHearings(records);
    expect(counts(replaced(records, at, change(records[at] as Heard)))).toEqual(only('altered'));
  });
  test('a text that is altered in the log, once per client', () => {
    const records = faultless();
    const { sequence } = records[twoHearings(records)[0]] as Heard;
    let clients = 0;
    const altered = records.map((record) => {
      if (record.kind !== 'heard' || record.sequence !== sequence) return record;
      clients += 1;
      return { ...record, bytes: flip(record.bytes) };
    });
    expect(counts(altered)).toEqual(only('altered', clients));
  });
  test('a message that nobody was to say, and a thread that nobody created', () => {
    const records = faultless();
    const lastHeard = records.findLast(isKind('heard')) as Heard;
    const invented = { ...lastHeard, sequence: 99_999, bytes: Buffer.from('never said') };
    expect(counts([...records, invented])).toEqual(only('altered'));
    expect(counts([...records, { ...lastHeard, thread: 'elsewhere' }])).toEqual(only('altered'));
  });
});

describe('messages in doubt', () => {
  const message = (ref: string, text: string) =>
    ({ kind: 'message', ref, user: 'a', contentType: '', bytes: Buffer.from(text), inDoubt: true }) as const;
  const thread: ExpectedThread = {
    label: 't',
    initial: ['a', 'b'],
    receipts: false,
    steps: [message('1', 'x'), message('2', 'x'), message('3', 'y')],
  };
  const played = playHistory(thread, 2, () => 0).filter((record) => record.kind !== 'sent');
  test('may be in the log once, or not at all', () => {
    expect(counts(played, [thread])).toEqual(zeros);
    const [, second] = [...new Set(played.filter(isKind('heard')).map((record) => record.sequence))];
    const without = played.filter((record) => record.kind !== 'heard' || record.sequence !== second);
    expect(counts(without, [thread])).toEqual(zeros);
  });
  test('reach everyone or no one', () => {
    expect(counts(played.toSpliced(played.findIndex(isKind('heard')), 1), [thread])).toEqual(only('lost'));
  });
});

test('other threads are no matter on a platform that others use', () => {
  const checker = new Checker([expected], { uncounted: ['operator'], otherThreads: true });
  const records = faultless();
  const lastHeard = records.findLast(isKind('heard')) as Heard;
  for (const record of [...records, { ...lastHeard, thread: 'elsewhere' }]) checker.add(record);
  expect(checker.finish()).toMatchObject(zeros);
});

test('findings are few however much goes wrong, and every one is counted', () => {
  const verdict = judge(faultless().filter((record) => record.kind !== 'heard'));
  expect(verdict.lost).toBeGreaterThan(1000);
  expect(verdict.findings).toHaveLength(11);
  expect(verdict.findings.at(-1)).toBe(`lost: and ${verdict.lost - 10} more`);
});
