import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ids, callerOf, groupOf, post, reasonOf } from '../../test/support/chat-node.ts';
import { type DeliveryNode, openDeliveryNode } from '../../test/support/delivery-node.ts';
import { HandClock } from '../../test/support/clock.ts';
import { StoreGate } from '../../test/support/store-gate.ts';
import type { Change } from '../core/entry.ts';
import { noDevice, threadLog, type ThreadId, type UserId } from '../core/ids.ts';
import type { Store } from '../store/store.ts';
import { Company } from './company.ts';
import type { AppendOutcome } from './draft.ts';

let node: DeliveryNode;
let gate: StoreGate;
let ids: Ids;
let threadId: ThreadId;

beforeEach(async () => {
  gate = new StoreGate();
  node = await openDeliveryNode({ storeBehind: gate.behind });
  ids = new Ids();
  threadId = await groupOf(node, ids, 'alice', ['bob']);
});
afterEach(() => node[Symbol.asyncDispose]());

function send(from: string, text: string, clientMessageId = ids.next()): Promise<AppendOutcome> {
  return node.chat.sendMessage.send(callerOf(from), {
    threadId,
    clientMessageId,
    knownHead: 1n,
    expectedSequence: undefined,
    replyTo: 0n,
    body: { content: { text }, mentions: [], attachments: [] },
  });
}

describe('What waits for one thread', () => {
  it('is appended in the order of the calls, each once', async () => {
    const sent = await Promise.all(Array.from({ length: 300 }, (_, n) => send('alice', `m${n}`)));
    expect(sent.map(({ sequence }) => sequence)).toEqual(sent.map((_, n) => BigInt(n + 2)));
  });

  it('is taken whole, however large the messages are together', async () => {
    const text = 'x'.repeat(65_000);
    const sent = await Promise.all(Array.from({ length: 40 }, () => send('alice', text)));
    expect(sent.map(({ sequence }) => sequence)).toEqual(sent.map((_, n) => BigInt(n + 2)));
  });
});

describe('Two people who write at the same time, where a commit takes long', () => {
  it('have a commit each at first, and then one together', async () => {
    let commits = 0;
    // Its own clock stands still: who waits, waits for the other.
    const company = new Company(new HandClock());
    const storeBehind = (store: Store): Store =>
      new Proxy(store, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (name !== 'append') return typeof value === 'function' ? value.bind(target) : value;
          return async (...given: Parameters<Store['append']>) => {
            const result = await target.append(...given);
            commits += 1;
            slow.clock.turn(100);
            return result;
          };
        },
      });
    await using slow = await openDeliveryNode({ storeBehind, appender: { company } });
    const group = await groupOf(slow, ids, 'alice', ['bob']);
    const both = (): Promise<bigint[]> =>
      Promise.all(['alice', 'bob'].map((from) => post(slow, ids, from, group, 'hello')));
    const before = commits;
    await both();
    expect(commits - before).toBe(2);
    expect(await both()).toEqual([4n, 5n]);
    expect(commits - before).toBe(3);
  });
});

describe('A request that the store cannot put', () => {
  it('fails alone, and those who waited with it are taken in their order', async () => {
    const first = send('alice', 'zero');
    const broken = node.appender.append(threadId, {
      senderId: 'alice' as UserId,
      clientMessageId: '',
      fingerprint: '',
      knownHead: 0n,
      build: (_, next) => {
        const change = { kind: 'message-deleted', target: next + 5n } as const;
        return [{ senderId: 'alice' as UserId, deviceId: noDevice, clientMessageId: '', fingerprint: '', change }];
      },
    });
    const failed = expect(broken).rejects.toThrow(RangeError);
    // All wait behind the first, which is under way.
    const sent = await Promise.all([first, ...['one', 'two', 'three'].map((text) => send('bob', text))]);
    await failed;
    expect(sent.map(({ sequence }) => sequence)).toEqual([2n, 3n, 4n, 5n]);
  });
});

describe('A send that is repeated', () => {
  it('moves the read position of its author, which may not have been moved before', async () => {
    // As of a node that died between the append and the reply.
    const { receipts } = node;
    receipts.sent = () => Promise.resolve();
    const { sequence } = await send('alice', 'one', 'the-id');
    Reflect.deleteProperty(receipts, 'sent');
    await send('alice', 'one', 'the-id');
    await receipts.settled();
    expect((await node.store.positionsOf('alice' as UserId, [threadId]))[0]?.read).toBe(sequence);
  });

  it('gets the first sequence, and reaches those whom the first one did not', async () => {
    await send('alice', 'before');
    const bob = await node.live('bob');
    await bob.until(() => bob.log(threadId).includes('2'));
    // Taken, but its node died before it could tell.
    node.bus.publish = () => Promise.resolve();
    const first = await send('alice', 'one', 'the-id');
    Reflect.deleteProperty(node.bus, 'publish');
    const again = await send('alice', 'one', 'the-id');
    expect(again).toEqual({ ...first, duplicate: true });
    await bob.until(() => bob.log(threadId).includes('3'));
    expect(bob.log(threadId)).toEqual(['1', '2', '3']);
  });

  it('of a change of members reaches those whom the first one did not, too', async () => {
    const carol = await node.live('carol');
    const request = { requestId: 'the-group', name: 'tea', members: ['carol' as UserId], historyForNewMembers: false };
    // Made, but its node died before it could tell.
    node.bus.publish = () => Promise.resolve();
    const group = await node.chat.openThread.group(callerOf('alice'), request);
    Reflect.deleteProperty(node.bus, 'publish');
    expect(carol.log(group)).toEqual([]);
    expect(await node.chat.openThread.group(callerOf('alice'), request)).toBe(group);
    await carol.until(() => carol.log(group).includes('1'));
  });

  it('with other content under the same id is refused, and nothing of it is appended', async () => {
    await send('alice', 'one', 'the-id');
    expect(await reasonOf(send('alice', 'two', 'the-id'))).toBe('ID_REUSED');
    expect((await send('alice', 'three')).sequence).toBe(3n);
  });

  it('is answered also to who was removed meanwhile', async () => {
    const first = await send('bob', 'one', 'the-id');
    await node.chat.groups.remove(callerOf('alice'), threadId, ids.next(), 'bob' as UserId);
    expect(await send('bob', 'one', 'the-id')).toEqual({ ...first, duplicate: true });
    expect(await reasonOf(send('bob', 'two', 'other-id'))).toBe('THREAD_NOT_FOUND');
  });

  it('at the same time as the first, and among others, is appended once', async () => {
    const sent = await Promise.all(['a', 'b', 'a', 'c', 'a'].map((id) => send('alice', id, id)));
    expect(sent.map(({ sequence }) => sequence)).toEqual([2n, 3n, 2n, 4n, 2n]);
    expect(sent.map(({ duplicate }) => duplicate)).toEqual([false, false, true, false, true]);
  });
});

describe('What is judged by the members', () => {
  it('is judged by those at its place: a send behind the sender’s removal is refused', async () => {
    const sends = Array.from({ length: 20 }, (_, n) => reasonOf(send('bob', `m${n}`)));
    const removed = node.chat.groups.remove(callerOf('alice'), threadId, 'r', 'bob' as UserId);
    for (let n = 0; n < 20; n += 1) sends.push(reasonOf(send('bob', `m${n}`)));
    await removed;
    await Promise.all(sends);
    expect(await reasonOf(send('bob', 'late'))).toBe('THREAD_NOT_FOUND');
    const entries = await node.store.entries(threadLog(threadId), { after: 0n, upTo: 100n, limit: 100 });
    const removal = entries.findIndex(({ change }) => change.kind === 'member-removed');
    expect(entries.slice(removal).some(({ senderId }) => senderId === 'bob')).toBe(false);
  });

  it('goes on when the store could not take what came before', async () => {
    gate.refuse('append');
    expect(await reasonOf(send('alice', 'one', 'the-id'))).toBe('STORE_UNAVAILABLE');
    gate.admit();
    expect((await send('alice', 'one', 'the-id')).sequence).toBe(2n);
  });

  it('by a view that is behind is judged again by the present one', async () => {
    await appendElsewhere({ kind: 'member-removed', userId: 'bob' as UserId });
    expect(await reasonOf(send('bob', 'one'))).toBe('THREAD_NOT_FOUND');
    expect((await send('alice', 'one')).sequence).toBe(3n);
  });

  it('is refused by the present view only: one that is behind does not know who was added, or what was said', async () => {
    await send('alice', 'one');
    await appendElsewhere({ kind: 'member-added', userId: 'carol' as UserId, role: 'member' });
    expect((await send('carol', 'two')).sequence).toBe(4n);
    const content = { content: { text: 'said elsewhere' }, mentions: [], attachments: [] };
    await appendElsewhere({ kind: 'message', replyTo: 0n, body: content, editSequence: 0n, deleteSequence: 0n });
    const reaction = { threadId, clientMessageId: ids.next(), sequence: 5n };
    expect(await node.chat.messages.react(callerOf('bob'), reaction, '👍', false)).toBe(6n);
  });

  it('is not refused for good where it cannot be said whether that is right', async () => {
    gate.refuse('head');
    expect(await reasonOf(send('mallory', 'one'))).toBe('STORE_UNAVAILABLE');
    gate.admit();
    expect(await reasonOf(send('mallory', 'one'))).toBe('THREAD_NOT_FOUND');
  });
});

/** Another node appends: this one is not told. */
async function appendElsewhere(change: Change): Promise<void> {
  const log = threadLog(threadId);
  const entry = { senderId: 'alice' as UserId, deviceId: noDevice, clientMessageId: '', fingerprint: '', change };
  await node.store.append(log, { expected: await node.store.head(log), entries: [entry], nowMs: 0, inbox: [] });
}
