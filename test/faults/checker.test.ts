// A history for each thing that can go wrong, in which that and nothing else does.
import { describe, expect, test } from 'vitest';
import { Checker } from './checker.ts';
import type { Listener, Said, Told } from './record.ts';
import { anomalies, type Anomaly } from './tally.ts';

const thread = 't';
const ann: Listener = { user: 'ann', device: 'phone', life: 1 };
const bob: Listener = { user: 'bob', device: 'phone', life: 1 };
const reader: Listener = { user: 'ann', device: 'reader', life: 0 };

const blank: Said = { sender: 'ann', ref: '', what: 'message', subject: '', body: '', edit: 0, erased: false };
const created: Said = { ...blank, what: 'created', subject: 'ann,bob' };
const message = (ref: string, more: Partial<Said> = {}): Said => ({ ...blank, ref, body: `of ${ref}`, ...more });

const opened = (...listeners: Listener[]): Told[] => listeners.map((listener) => ({ kind: 'opened', listener }));
const asked = ({ sender: user, ref, what, subject, body }: Said): Told => ({
  kind: 'asked',
  wish: { user, thread, ref, what, subject, body },
});
const acknowledged = (ref: string, sequence: number): Told => ({ kind: 'acknowledged', ref, sequence });
const heard = (sequence: number, said: Said, ...listeners: Listener[]): Told[] =>
  listeners.map((listener) => ({ kind: 'heard', listener, thread, epoch: '1', sequence, said }));
const whole = (head: number): Told => ({ kind: 'whole', listener: reader, thread, head });
const positions = (ask: number, listener: Listener, user: string, delivered: number, read: number): Told[] => [
  { kind: 'positions-asked', ask, thread },
  { kind: 'position', ask, listener, thread, user, delivered, read },
];

const one = message('one');
const two = message('two');
const [added, removed] = [
  { ...blank, ref: 'in', what: 'added', subject: 'bob' } as const,
  { ...blank, ref: 'out', what: 'removed', subject: 'bob' } as const,
];

/** Ann says two things, and both hear them. */
const start = [...opened(ann, bob), ...heard(1, created, ann, bob)];
const good: Told[] = [
  ...start,
  asked(one),
  acknowledged('one', 2),
  ...heard(2, one, ann, bob),
  asked(two),
  acknowledged('two', 3),
  ...heard(3, two, ann, bob),
];

/** Bob, who has heard up to 2, misses the third message and his removal. */
const away: Told[] = [
  ...start,
  asked(one),
  acknowledged('one', 2),
  ...heard(2, one, ann, bob),
  asked(two),
  acknowledged('two', 3),
  ...heard(3, two, ann),
  asked(removed),
  acknowledged('out', 4),
  ...heard(4, removed, ann),
];

function judge(history: readonly Told[]): Partial<Record<Anomaly, number>> {
  const checker = new Checker();
  for (const [at, told] of history.entries()) checker.add({ ...told, atMs: at });
  const { counts } = checker.finish().tally;
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

describe('a history in which all is well has no anomaly', () => {
  const edit: Said = { ...blank, ref: 'edit', what: 'edit', subject: '2', body: 'of edit' };
  const erased = message('one', { body: '', erased: true });
  const cases: Record<string, Told[]> = {
    'two messages': good,
    'two messages, read whole in the end': [
      ...good,
      ...heard(1, created, reader),
      ...heard(2, one, reader),
      ...heard(3, two, reader),
      whole(3),
    ],
    'a device in a second life, which begins where it was or before': [
      ...good,
      ...opened({ ...bob, life: 2 }),
      ...heard(3, two, { ...bob, life: 2 }),
    ],
    'something given up that is not there': [...good, asked(message('three')), { kind: 'given-up', ref: 'three' }],
    'something given up that is there for all': [
      ...good,
      asked(message('three')),
      { kind: 'given-up', ref: 'three' },
      ...heard(4, message('three'), ann, bob),
    ],
    'an edit, heard by some as the message it was': [
      ...start,
      asked(one),
      acknowledged('one', 2),
      ...heard(2, one, ann),
      asked(edit),
      acknowledged('edit', 3),
      ...heard(2, message('one', { body: 'of edit', edit: 3 }), bob),
      ...heard(3, edit, ann, bob),
    ],
    'a delete, after which the content is gone': [
      ...start,
      asked(one),
      acknowledged('one', 2),
      ...heard(2, one, ann),
      asked({ ...blank, ref: 'delete', what: 'delete', subject: '2' }),
      acknowledged('delete', 3),
      ...heard(2, erased, bob),
      ...heard(3, { ...blank, ref: 'delete', what: 'delete', subject: '2' }, ann, bob),
    ],
    'a removal and a return, between which nothing is heard': [
      ...start,
      asked(removed),
      acknowledged('out', 2),
      ...heard(2, removed, ann, bob),
      asked(one),
      acknowledged('one', 3),
      ...heard(3, one, ann),
      asked(added),
      acknowledged('in', 4),
      ...heard(4, added, ann, bob),
    ],
    'the end of a stay that a device missed, being away from before the removal until after the return': [
      ...away,
      asked(added),
      acknowledged('in', 5),
      ...heard(5, added, ann, bob),
    ],
    'positions that grow up to what is held': [
      ...good,
      ...positions(1, ann, 'bob', 2, 0),
      { kind: 'reads', listener: bob, thread, sequence: 3 },
      ...positions(2, ann, 'bob', 3, 3),
    ],
    'the position of who sent without listening': [
      ...good,
      asked(message('three', { sender: 'bob' })),
      { kind: 'given-up', ref: 'three' },
      ...positions(1, ann, 'bob', 4, 4),
      ...heard(4, message('three', { sender: 'bob' }), ann, bob),
    ],
    'presence as it is': [...good, { kind: 'presence', asker: 'ann', user: 'bob', state: 'online', is: 'online' }],
    'a refusal for a reason': [
      ...good,
      asked(message('three')),
      { kind: 'refused', ref: 'three', reason: 'THREAD_NOT_FOUND', expected: true },
    ],
  };
  test.each(Object.entries(cases))('%s', (_name, history) => {
    expect(judge(history)).toEqual({});
  });
});

const bad: Record<Anomaly, Record<string, Told[]>> = {
  lost: {
    'the end of a stay, by a device that never comes back into the thread': away,
    'the end of a stay, by a device that was there between the removal and the return': [
      ...away,
      ...heard(1, created, bob).map((told) => ({ ...told, thread: 'g_other' }) as Told),
      asked(added),
      acknowledged('in', 5),
      ...heard(5, added, ann, bob),
    ],
    'the middle of a stay, by a device that was away at its end': [
      ...start,
      asked(one),
      acknowledged('one', 2),
      ...heard(2, one, ann),
      asked(two),
      acknowledged('two', 3),
      ...heard(3, two, ann, bob),
      asked(removed),
      acknowledged('out', 4),
      ...heard(4, removed, ann),
      asked(added),
      acknowledged('in', 5),
      ...heard(5, added, ann, bob),
    ],
    'acknowledged, and nobody heard it': [...good, asked(message('three')), acknowledged('three', 4)],
    'acknowledged, and another thing stands there': [
      ...good,
      asked(message('three')),
      acknowledged('three', 4),
      asked(message('four')),
      { kind: 'given-up', ref: 'four' },
      ...heard(4, message('four'), ann, bob),
    ],
    'one of two devices did not hear it': [...start, asked(one), acknowledged('one', 2), ...heard(2, one, ann)],
    'a member who heard nothing at all': [
      ...opened(ann, bob),
      ...heard(1, created, ann),
      asked(one),
      acknowledged('one', 2),
      ...heard(2, one, ann),
    ],
    'a second life begins after what the first one held': [
      ...start,
      asked(one),
      acknowledged('one', 2),
      ...heard(2, one, ann),
      asked(two),
      acknowledged('two', 3),
      ...heard(3, two, ann),
      ...opened({ ...bob, life: 2 }),
      ...heard(3, two, { ...bob, life: 2 }),
    ],
  },
  duplicated: {
    'heard twice in one life': [...good, ...heard(3, two, bob)],
    'in the log twice': [...good, ...heard(4, one, ann, bob)],
    'acknowledged with two sequences': [...good, acknowledged('one', 3)].filter(
      (told) => told.kind !== 'acknowledged' || told.ref !== 'two',
    ),
  },
  reordered: {
    'heard out of order': [
      ...good.slice(0, -2),
      ...heard(3, two, ann),
      asked(message('three')),
      acknowledged('three', 4),
      ...heard(4, message('three'), ann),
      ...heard(4, message('three'), bob),
      ...heard(3, two, bob),
    ],
    'before what had been acknowledged when it was asked for': [
      ...start,
      asked(one),
      acknowledged('one', 3),
      asked(two),
      acknowledged('two', 2),
      ...heard(2, two, ann, bob),
      ...heard(3, one, ann, bob),
    ],
  },
  altered: {
    'another content for all': [
      ...good,
      asked(message('three')),
      acknowledged('three', 4),
      ...heard(4, message('three', { body: 'else' }), ann, bob),
    ],
    'another sender': [
      ...good,
      asked(message('three')),
      acknowledged('three', 4),
      ...heard(4, message('three', { sender: 'bob' }), ann, bob),
    ],
    'erased, and its content is told': [
      ...good,
      asked(message('three')),
      acknowledged('three', 4),
      ...heard(4, message('three'), ann),
      ...heard(4, message('three', { erased: true }), bob),
    ],
    'an edit that is not what was asked for': [
      ...start,
      asked(one),
      acknowledged('one', 2),
      ...heard(2, message('one', { body: 'else', edit: 3 }), ann, bob),
      asked({ ...blank, ref: 'edit', what: 'edit', subject: '2', body: 'of edit' }),
      acknowledged('edit', 3),
      ...heard(3, { ...blank, ref: 'edit', what: 'edit', subject: '2' }, ann, bob),
    ],
  },
  diverging: {
    'two contents at one place': [
      ...good,
      asked(message('three')),
      acknowledged('three', 4),
      ...heard(4, message('three'), ann),
      ...heard(4, message('three', { body: 'else' }), bob),
    ],
    'two entries at one place': [
      ...good,
      asked(message('three')),
      acknowledged('three', 4),
      ...heard(4, message('three'), ann),
      ...heard(4, message('four'), bob),
    ],
  },
  gap: {
    'a place that nobody knows': [
      ...good,
      asked(message('three')),
      acknowledged('three', 5),
      ...heard(5, message('three'), ann, bob),
    ],
    'what was given up, and only one heard': [
      ...good,
      asked(message('three')),
      { kind: 'given-up', ref: 'three' },
      ...heard(4, message('three'), ann),
    ],
  },
  phantom: {
    'heard, and not in the log in the end': [
      ...good,
      asked(message('three')),
      { kind: 'given-up', ref: 'three' },
      ...heard(4, message('three'), ann, bob),
      ...heard(2, one, reader),
      ...heard(3, two, reader),
      whole(3),
    ],
    'never said': [...good, ...heard(4, message('three'), ann, bob)],
    'refused, and there': [
      ...good,
      asked(message('three')),
      { kind: 'refused', ref: 'three', reason: 'THREAD_NOT_FOUND', expected: true },
      ...heard(4, message('three'), ann, bob),
    ],
  },
  leaked: {
    'heard after the removal': [
      ...start,
      asked(removed),
      acknowledged('out', 2),
      ...heard(2, removed, ann, bob),
      asked(one),
      acknowledged('one', 3),
      ...heard(3, one, ann, bob),
    ],
    'heard by a stranger': [...good, ...heard(2, one, { user: 'eve', device: 'phone', life: 1 })],
  },
  backwards: {
    delivered: [...good, ...positions(1, ann, 'bob', 3, 0), ...positions(2, ann, 'bob', 2, 0)],
    read: [
      ...good,
      { kind: 'reads', listener: bob, thread, sequence: 3 },
      ...positions(1, ann, 'bob', 3, 3),
      ...positions(2, bob, 'bob', 3, 2),
    ],
    'less than what was told without a question': [
      ...good,
      { kind: 'position', ask: 0, listener: ann, thread, user: 'bob', delivered: 3, read: 0 },
      ...positions(1, ann, 'bob', 2, 0),
    ],
  },
  unheld: {
    'delivered before a device had it': [
      ...good.slice(0, -1),
      ...positions(1, ann, 'bob', 3, 0),
      ...heard(3, two, bob),
    ],
    'read before the user read': [...good, ...positions(1, ann, 'bob', 3, 3)],
  },
  presence: {
    'not there and is': [...good, { kind: 'presence', asker: 'ann', user: 'bob', state: 'offline', is: 'online' }],
    'not known in time': [...good, { kind: 'presence', asker: 'ann', user: 'bob', state: 'unknown', is: 'online' }],
  },
  stuck: { 'not answered': [...good, { kind: 'stuck', what: 'something' }] },
  refused: {
    'refused without a reason': [
      ...good,
      asked(message('three')),
      { kind: 'refused', ref: 'three', reason: 'THREAD_NOT_FOUND', expected: false },
    ],
  },
  restarted: {
    'told to start over': [...good, { kind: 'restarted', listener: bob, thread }],
    'another epoch': [...good, { kind: 'heard', listener: bob, thread, epoch: '2', sequence: 1, said: created }],
  },
  crashed: { 'a process that ended': [...good, { kind: 'crashed', text: 'node n1 ended with code 1' }] },
};

describe('a history in which one thing is wrong has that anomaly and no other', () => {
  test('each has a history', () => {
    expect(Object.keys(bad).toSorted()).toEqual(Object.keys(anomalies).toSorted());
  });
  for (const [anomaly, cases] of Object.entries(bad)) {
    test.each(Object.entries(cases))(`${anomaly}: %s`, (_name, history) => {
      expect(Object.keys(judge(history))).toEqual([anomaly]);
    });
  }
});
