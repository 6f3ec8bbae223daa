// What a thread's retention erases, when, and what keeps it from it: over the real embedded store, with the time turned by hand.
import { expect, test } from 'vitest';
import type { Retention } from '../../core/entry.ts';
import { type DeviceId, type ThreadId, threadLog, type UserId } from '../../core/ids.ts';
import { RetentionRules } from '../../core/retention.ts';
import {
  callerOf,
  type ChatNode,
  groupOf,
  Ids,
  openChatNode,
  post,
  reasonOf,
  type SharedByNodes,
} from '../../../test/support/chat-node.ts';
import type { Store } from '../../store/store.ts';
import { StoreGate } from '../../../test/support/store-gate.ts';

const untilDelivered: Retention = { mode: 'until-delivered', durationS: 0 };
const hour: Retention = { mode: 'keep-for', durationS: 3_600 };
const rulesOf = (rule: Retention, maxS = 0): RetentionRules => new RetentionRules(rule, maxS);
const minuteMs = 60_000;

async function meet(node: ChatNode, ...devices: string[]): Promise<void> {
  for (const one of devices) await node.chat.devices.met(one.split('/')[0] as UserId, one as DeviceId);
}

/** Devices, named `user/…`, hold a thread up to `sequence`; what follows from it has happened when it resolves. */
async function hold(node: ChatNode, threadId: ThreadId, sequence: bigint, ...devices: string[]): Promise<void> {
  for (const one of devices) {
    node.receipts.advanceDelivered(one.split('/')[0] as UserId, one as DeviceId, threadId, sequence);
  }
  await node.receipts.settled();
  await settle(node);
}

/** Lets the looks run that wait for others to come. */
async function settle({ clock, erasing }: ChatNode): Promise<void> {
  clock.turn(150);
  await erasing.settled();
}

/** As long as it takes until the list is gone through again. */
async function sweep(node: ChatNode, ms: number): Promise<void> {
  node.clock.turn(ms);
  await node.erasing.settled();
}

/** By sequence: the text, `…` where it is erased. */
async function said({ store }: Pick<ChatNode, 'store'>, threadId: ThreadId): Promise<Record<string, string>> {
  const entries = await store.entries(threadLog(threadId), { after: 0n, upTo: 1_000n, limit: 1_000 });
  const found: Record<string, string> = {};
  for (const { sequence, change } of entries) {
    if (change.kind !== 'message') continue;
    const { content } = change.body;
    found[String(sequence)] =
      change.erased === true ? '…' : content !== undefined && 'text' in content ? content.text : '';
  }
  return found;
}

async function directOf(node: ChatNode): Promise<ThreadId> {
  return node.chat.openThread.direct(callerOf('alice'), 'bob' as UserId);
}

test('a message is erased when the last device of the last member has acknowledged it, and no sooner', async () => {
  await using node = await openChatNode({ retention: rulesOf(untilDelivered) });
  const ids = new Ids();
  await meet(node, 'alice/phone', 'bob/phone', 'bob/laptop');
  const direct = await directOf(node);
  const [first, second] = [await post(node, ids, 'alice', direct, 'one'), await post(node, ids, 'bob', direct, 'two')];
  await hold(node, direct, second, 'alice/phone', 'bob/phone');
  expect(await said(node, direct)).toEqual({ [`${first}`]: 'one', [`${second}`]: 'two' });
  await hold(node, direct, first, 'bob/laptop');
  expect(await said(node, direct)).toEqual({ [`${first}`]: '…', [`${second}`]: 'two' });
  await hold(node, direct, second, 'bob/laptop');
  expect(await said(node, direct)).toEqual({ [`${first}`]: '…', [`${second}`]: '…' });
  expect(await node.store.erasedTo(direct)).toBe(second);
});

test('a member who never had a device is waited for, and one who signed out of all of theirs is not', async () => {
  await using node = await openChatNode({ retention: rulesOf(untilDelivered) });
  const ids = new Ids();
  await meet(node, 'alice/phone');
  const direct = await directOf(node);
  const first = await post(node, ids, 'alice', direct, 'are you there?');
  await hold(node, direct, first, 'alice/phone');
  expect(await said(node, direct)).toEqual({ [`${first}`]: 'are you there?' });
  await meet(node, 'bob/phone');
  await hold(node, direct, first, 'bob/phone');
  expect(await said(node, direct)).toEqual({ [`${first}`]: '…' });
  const second = await post(node, ids, 'alice', direct, 'and now?');
  await hold(node, direct, second, 'alice/phone');
  await node.chat.devices.remove(callerOf('bob'), 'bob/phone' as DeviceId);
  await settle(node);
  expect(await said(node, direct)).toEqual({ [`${first}`]: '…', [`${second}`]: '…' });
});

test('a retry of an erased message gets its first sequence, and its edit is refused, for there is nothing to edit', async () => {
  await using node = await openChatNode({ retention: rulesOf(untilDelivered) });
  const direct = await directOf(node);
  await meet(node, 'alice/phone', 'bob/phone');
  const draft = {
    threadId: direct,
    clientMessageId: 'one',
    knownHead: 1n,
    expectedSequence: undefined,
    replyTo: 0n,
    body: { content: { text: 'one' }, mentions: [], attachments: [] },
  };
  const first = await node.chat.sendMessage.send(callerOf('alice'), draft);
  await hold(node, direct, first.sequence, 'alice/phone', 'bob/phone');
  expect(await said(node, direct)).toEqual({ [`${first.sequence}`]: '…' });
  expect(await node.chat.sendMessage.send(callerOf('alice'), draft)).toMatchObject({
    sequence: first.sequence,
    ordinal: first.ordinal,
    duplicate: true,
  });
  const target = { threadId: direct, clientMessageId: 'edit', sequence: first.sequence };
  expect(await reasonOf(node.chat.messages.edit(callerOf('alice'), target, draft.body))).toBe('NOT_EDITABLE');
  await node.chat.messages.delete(callerOf('alice'), { ...target, clientMessageId: 'delete' });
});

test('an edit that a device lacks keeps the body, until it has that too', async () => {
  await using node = await openChatNode({ retention: rulesOf(untilDelivered) });
  const [ids, direct] = [new Ids(), await directOf(node)];
  await meet(node, 'alice/phone', 'bob/phone');
  const first = await post(node, ids, 'alice', direct, 'one');
  const second = await post(node, ids, 'alice', direct, 'two');
  const edit = await node.chat.messages.edit(
    callerOf('alice'),
    { threadId: direct, clientMessageId: ids.next(), sequence: first },
    { content: { text: 'ONE' }, mentions: [], attachments: [] },
  );
  await hold(node, direct, edit, 'alice/phone');
  await hold(node, direct, second, 'bob/phone');
  expect(await said(node, direct)).toEqual({ [`${first}`]: 'ONE', [`${second}`]: '…' });
  await hold(node, direct, edit, 'bob/phone');
  expect(await said(node, direct)).toEqual({ [`${first}`]: '…', [`${second}`]: '…' });
});

test('who joins later is not waited for below their join, and who leaves is not waited for any more', async () => {
  await using node = await openChatNode({ retention: rulesOf(untilDelivered) });
  const ids = new Ids();
  await meet(node, 'alice/phone', 'bob/phone', 'carol/phone');
  const group = await groupOf(node, ids, 'alice', ['bob'], true);
  const before = await post(node, ids, 'alice', group, 'before');
  await node.chat.groups.add(callerOf('alice'), group, ids.next(), ['carol' as UserId]);
  const after = await post(node, ids, 'alice', group, 'after');
  await hold(node, group, after, 'alice/phone', 'bob/phone');
  expect(await said(node, group)).toEqual({ [`${before}`]: '…', [`${after}`]: 'after' });
  await node.chat.groups.remove(callerOf('alice'), group, ids.next(), 'carol' as UserId);
  await settle(node);
  expect(await said(node, group)).toEqual({ [`${before}`]: '…', [`${after}`]: '…' });
});

test('a device that is signed out is not waited for any more, nor one that was not seen for longer than the expiry', async () => {
  await using node = await openChatNode({ retention: rulesOf(untilDelivered) });
  const [ids, direct] = [new Ids(), await directOf(node)];
  await meet(node, 'alice/phone', 'bob/phone', 'bob/lost');
  await node.erasing.start();
  const first = await post(node, ids, 'alice', direct, 'one');
  await hold(node, direct, first, 'alice/phone', 'bob/phone');
  expect(await said(node, direct)).toEqual({ [`${first}`]: 'one' });
  await node.chat.devices.remove(callerOf('bob'), 'bob/lost' as DeviceId);
  await node.erasing.settled();
  expect(await said(node, direct)).toEqual({ [`${first}`]: '…' });

  await meet(node, 'bob/away');
  const second = await post(node, ids, 'alice', direct, 'two');
  await hold(node, direct, second, 'alice/phone', 'bob/phone');
  await sweep(node, 29 * 86_400_000);
  expect(await said(node, direct)).toMatchObject({ [`${second}`]: 'two' });
  await node.store.seenDevice('alice' as UserId, 'alice/phone' as DeviceId, node.clock.nowMs());
  for (let hours = 0; hours < 30; hours++) await sweep(node, 3_600_000);
  expect(await said(node, direct)).toMatchObject({ [`${second}`]: '…' });
});

test('what is kept for a time is erased within two minutes after it, whoever has it', async () => {
  await using node = await openChatNode({ retention: rulesOf(hour) });
  const [ids, direct] = [new Ids(), await directOf(node)];
  await node.erasing.start();
  const first = await post(node, ids, 'alice', direct, 'one');
  for (let minutes = 0; minutes < 30; minutes++) await sweep(node, minuteMs);
  const second = await post(node, ids, 'alice', direct, 'two');
  for (let minutes = 0; minutes < 29; minutes++) await sweep(node, minuteMs);
  expect(await said(node, direct)).toEqual({ [`${first}`]: 'one', [`${second}`]: 'two' });
  for (let minutes = 0; minutes < 4; minutes++) await sweep(node, minuteMs);
  expect(await said(node, direct)).toEqual({ [`${first}`]: '…', [`${second}`]: 'two' });
  for (let minutes = 0; minutes < 30; minutes++) await sweep(node, minuteMs);
  expect(await said(node, direct)).toEqual({ [`${first}`]: '…', [`${second}`]: '…' });
});

test('a device that stays away holds a message until its time ends', async () => {
  await using node = await openChatNode({ retention: rulesOf({ mode: 'until-delivered', durationS: 7_200 }) });
  const [ids, direct] = [new Ids(), await directOf(node)];
  await meet(node, 'alice/phone', 'bob/away');
  await node.erasing.start();
  const first = await post(node, ids, 'alice', direct, 'one');
  await hold(node, direct, first, 'alice/phone');
  for (let minutes = 0; minutes < 119; minutes++) await sweep(node, minuteMs);
  expect(await said(node, direct)).toEqual({ [`${first}`]: 'one' });
  for (let minutes = 0; minutes < 4; minutes++) await sweep(node, minuteMs);
  expect(await said(node, direct)).toEqual({ [`${first}`]: '…' });
});

test('a rule holds for what comes after it, and what came before stays under the one it came under', async () => {
  await using node = await openChatNode();
  const ids = new Ids();
  const group = await groupOf(node, ids, 'alice', ['bob']);
  await meet(node, 'alice/phone', 'bob/phone');
  const kept = await post(node, ids, 'alice', group, 'kept');
  await node.chat.retention.set(callerOf('alice'), group, untilDelivered);
  const gone = await post(node, ids, 'alice', group, 'gone');
  const edit = await node.chat.messages.edit(
    callerOf('alice'),
    { threadId: group, clientMessageId: ids.next(), sequence: kept },
    { content: { text: 'kept, as edited' }, mentions: [], attachments: [] },
  );
  await hold(node, group, edit, 'alice/phone', 'bob/phone');
  expect(await said(node, group)).toEqual({ [`${kept}`]: 'kept, as edited', [`${gone}`]: '…' });
  expect(await node.store.erasedTo(group)).toBe(edit);
});

test('what is acknowledged on a node that knew of no such rule is looked at there all the same', async () => {
  await using node = await openChatNode();
  await using other = await openChatNode({ shared: node });
  const ids = new Ids();
  const group = await groupOf(node, ids, 'alice', ['bob']);
  await meet(node, 'alice/phone', 'bob/phone');
  await other.views.get(group);
  await node.chat.retention.set(callerOf('alice'), group, untilDelivered);
  const sequence = await post(node, ids, 'alice', group, 'gone');
  await hold(other, group, sequence, 'alice/phone', 'bob/phone');
  expect(await said(node, group)).toEqual({ [`${sequence}`]: '…' });
});

test('what a killed node owed is erased by whoever starts next: before its look, and before what it stored was answered', async () => {
  await using first = await openChatNode({ retention: rulesOf(untilDelivered) });
  const shared: SharedByNodes = first;
  const gate = new StoreGate();
  const node = await openChatNode({ retention: rulesOf(untilDelivered), shared, storeBehind: gate.behind });
  const [ids, direct] = [new Ids(), await directOf(node)];
  await meet(node, 'alice/phone', 'bob/phone');
  const sequence = await post(node, ids, 'alice', direct, 'owed');
  gate.refuse('erase');
  await hold(node, direct, sequence, 'alice/phone', 'bob/phone');
  expect(await said(first, direct)).toEqual({ [`${sequence}`]: 'owed' });
  await using second = await openChatNode({ retention: rulesOf(untilDelivered), shared });
  await second.erasing.start();
  expect(await said(first, direct)).toEqual({ [`${sequence}`]: '…' });
});

test('nothing is appended or acknowledged that the list does not say before', async () => {
  const gate = new StoreGate();
  await using node = await openChatNode({ retention: rulesOf(untilDelivered), storeBehind: gate.behind });
  const [ids, direct] = [new Ids(), await directOf(node)];
  await meet(node, 'alice/phone', 'bob/phone');
  gate.refuse('putDue');
  expect(await reasonOf(post(node, ids, 'alice', direct, 'one'))).toBe('STORE_UNAVAILABLE');
  expect(await said(node, direct)).toEqual({});
  gate.admit();
  const sequence = await post(node, ids, 'alice', direct, 'one');
  node.clock.turn(5 * minuteMs);
  gate.refuse('putDue');
  node.receipts.advanceDelivered('alice' as UserId, 'alice/phone' as DeviceId, direct, sequence);
  expect(await reasonOf(node.receipts.settled())).toBe('STORE_UNAVAILABLE');
  expect(await node.store.devicePositions('alice' as UserId, 'alice/phone' as DeviceId, [direct])).toEqual([0n]);
  gate.admit();
  await hold(node, direct, sequence, 'alice/phone', 'bob/phone');
  expect(await said(node, direct)).toEqual({ [`${sequence}`]: '…' });
});

test('a look costs five reads while a device is away, however much is held, and what is erased is never read again', async () => {
  const calls: string[] = [];
  const storeBehind = (store: Store): Store =>
    new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...given: unknown[]): unknown => {
          calls.push(String(name));
          return Reflect.apply(value, target, given);
        };
      },
    });
  await using node = await openChatNode({ retention: rulesOf(untilDelivered), storeBehind });
  const [ids, direct] = [new Ids(), await directOf(node)];
  await meet(node, 'alice/phone', 'bob/away');
  await node.erasing.start();
  let last = 0n;
  for (let sent = 0; sent < 300; sent++) last = await post(node, ids, 'alice', direct, `message ${sent}`);
  await hold(node, direct, last, 'alice/phone');
  for (let minutes = 0; minutes < 4; minutes++) await sweep(node, minuteMs);

  const counted = (): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const name of calls.splice(0)) counts[name] = (counts[name] ?? 0) + 1;
    return counts;
  };
  counted();
  for (let minutes = 0; minutes < 60; minutes++) await sweep(node, minuteMs);
  const { due: sweeps, ...looks } = counted();
  expect(sweeps).toBeGreaterThan(20);
  const count = looks['erasedTo'] ?? 0;
  expect(count).toBeGreaterThan(2);
  expect(count).toBeLessThan(8);
  const reads = { head: count, erasedTo: count, devices: count, devicePositions: count, entries: count };
  expect(looks).toEqual({ ...reads, putDue: count, dropDue: count });

  await hold(node, direct, last, 'bob/away');
  const erasing = counted();
  expect(erasing['erase']).toBe(3);
  expect(erasing['entries']).toBe(3);
  await hold(node, direct, await post(node, ids, 'alice', direct, 'one more'), 'alice/phone', 'bob/away');
  const { erase, entries } = counted();
  expect({ erase, entries }).toEqual({ erase: 1, entries: 1 });
});

async function dueMinutes({ store, clock }: ChatNode): Promise<number[]> {
  const minutes: number[] = [];
  for await (const page of store.due(clock.nowMs() + 86_400_000)) {
    for (const { minute } of page) minutes.push(minute - Math.floor(clock.nowMs() / minuteMs));
  }
  return minutes;
}

test('a thread whose looks fail is put off, longer and longer, and holds up nothing', async () => {
  const gate = new StoreGate();
  await using node = await openChatNode({ retention: rulesOf(hour), storeBehind: gate.behind });
  const [ids, direct] = [new Ids(), await directOf(node)];
  await node.erasing.start();
  const first = await post(node, ids, 'alice', direct, 'one');
  gate.refuse('erase');
  let longest = 0;
  for (let minutes = 0; minutes < 1_200; minutes++) {
    await sweep(node, minuteMs);
    const due = await dueMinutes(node);
    expect(due).toHaveLength(1);
    expect(due[0]).toBeGreaterThan(-3);
    if (minutes > 100) longest = Math.max(longest, ...due);
  }
  expect(longest).toBe(256);
  gate.admit();
  for (let minutes = 0; minutes < 258; minutes++) await sweep(node, minuteMs);
  expect(await said(node, direct)).toEqual({ [`${first}`]: '…' });
  expect(await dueMinutes(node)).toEqual([]);
});

test('what is stored long after it was listed is listed again', async () => {
  const gate = new StoreGate();
  await using node = await openChatNode({ retention: rulesOf(hour), storeBehind: gate.behind });
  const [ids, direct] = [new Ids(), await directOf(node)];
  await node.erasing.start();
  const held = gate.hold('append');
  const posted = post(node, ids, 'alice', direct, 'late');
  await held.reached;
  for (let minutes = 0; minutes < 70; minutes++) await sweep(node, minuteMs);
  held.release();
  const sequence = await posted;
  for (let minutes = 0; minutes < 10; minutes++) await sweep(node, minuteMs);
  expect(await said(node, direct)).toEqual({ [`${sequence}`]: '…' });
});

test('a thread in which nothing is held any more is listed no more', async () => {
  await using node = await openChatNode({ retention: rulesOf(untilDelivered) });
  const [ids, direct] = [new Ids(), await directOf(node)];
  await meet(node, 'alice/phone', 'bob/phone');
  await node.erasing.start();
  const listed = async (): Promise<number> => {
    let count = 0;
    for await (const page of node.store.due(node.clock.nowMs() + 86_400_000)) count += page.length;
    return count;
  };
  const sequence = await post(node, ids, 'alice', direct, 'one');
  expect(await listed()).toBe(1);
  for (let minutes = 0; minutes < 6; minutes++) await sweep(node, minuteMs);
  expect(await listed()).toBe(1);
  await hold(node, direct, sequence, 'alice/phone', 'bob/phone');
  for (let minutes = 0; minutes < 12; minutes++) await sweep(node, minuteMs);
  expect(await listed()).toBe(0);
});
