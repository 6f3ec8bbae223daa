/**
 * A history as a faultless platform would leave it, for tests of the checker: it plays the expectation with sequences
 * that mix users' messages as `random` says, within what authors' order and barriers allow.
 */
import type { ExpectedMessage, ExpectedStep, ExpectedThread } from './expected.ts';
import type { Client, HistoryRecord } from './history.ts';

/** `devices`: how many each user has. `random(n)` is a whole number from 0 to n - 1. */
export function playHistory(expected: ExpectedThread, devices: number, random: (n: number) => number): HistoryRecord[] {
  const thread = `id of ${expected.label}`;
  const records: HistoryRecord[] = [];
  const users = new Set([
    ...expected.initial,
    ...expected.steps.flatMap((step) => ('user' in step ? [step.user] : [])),
  ]);
  const clientsOf = (user: string): Client[] =>
    Array.from({ length: devices }, (_, index) => ({ user, device: `d${index}` }));
  for (const user of users) for (const client of clientsOf(user)) records.push({ client, atMs: 0, kind: 'opened' });

  const creator: Client = { user: expected.initial[0] ?? 'nobody', device: 'd0' };
  let sequence = 1;
  records.push({ client: creator, atMs: 0, kind: 'created', thread, label: expected.label, sequence });
  const members = new Set(expected.initial);
  let last = 0;

  for (const step of shuffle(expected.steps, random)) {
    if (step.kind === 'barrier') continue;
    sequence += 1 + random(2);
    const { ref } = step;
    if (step.kind !== 'message') {
      members[step.kind === 'join' ? 'add' : 'delete'](step.user);
      const kind = step.kind === 'join' ? 'joined' : 'left';
      records.push({ client: creator, atMs: 0, kind, thread, ref, sequence });
      continue;
    }
    const author: Client = { user: step.user, device: `d${random(devices)}` };
    records.push({ client: author, atMs: 0, kind: 'sent', thread, ref, sequence });
    const { user: sender, contentType, bytes } = step;
    for (const member of members) {
      for (const client of clientsOf(member)) {
        records.push({ client, atMs: 0, kind: 'heard', thread, sequence, sender, contentType, bytes });
      }
    }
    last = sequence;
  }
  for (const observer of members) {
    for (const user of members) {
      const client = { user: observer, device: 'd0' };
      records.push({ client, atMs: 0, kind: 'position', thread, user, delivered: last, read: last });
    }
  }
  return records;
}

/** Between two steps that are no messages, the users' queues are merged at random. */
function shuffle(steps: ExpectedStep[], random: (n: number) => number): ExpectedStep[] {
  const shuffled: ExpectedStep[] = [];
  let queues = new Map<string, ExpectedMessage[]>();
  const drain = (): void => {
    const waiting = [...queues.values()];
    while (waiting.length > 0) {
      const at = random(waiting.length);
      const message = waiting[at]?.shift();
      if (message) shuffled.push(message);
      if (waiting[at]?.length === 0) waiting.splice(at, 1);
    }
    queues = new Map();
  };
  for (const step of steps) {
    if (step.kind === 'message') {
      queues.set(step.user, [...(queues.get(step.user) ?? []), step]);
    } else {
      drain();
      shuffled.push(step);
    }
  }
  drain();
  return shuffled;
}
