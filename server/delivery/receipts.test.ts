import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ids, callerOf, groupOf, post, reasonOf } from '../../test/support/chat-node.ts';
import { type DeliveryNode, openDeliveryNode, turns } from '../../test/support/delivery-node.ts';
import { StoreGate } from '../../test/support/store-gate.ts';
import { topicOf } from '../bus/bus.ts';
import type { BusEvent } from '../core/event.ts';
import type { DeviceId, ThreadId, UserId } from '../core/ids.ts';

let node: DeliveryNode;
let gate: StoreGate;
let ids: Ids;

beforeEach(async () => {
  gate = new StoreGate();
  node = await openDeliveryNode({ storeBehind: gate.behind });
  ids = new Ids();
});
afterEach(() => node[Symbol.asyncDispose]());

const readOf = async (user: string, threadId: ThreadId): Promise<bigint> => {
  await node.receipts.settled();
  const [position] = await node.store.positionsOf(user as UserId, [threadId]);
  return position?.read ?? 0n;
};

function send(from: string, threadId: ThreadId, knownHead: bigint): Promise<{ sequence: bigint }> {
  return node.chat.sendMessage.send(callerOf(from), {
    threadId,
    clientMessageId: ids.next(),
    knownHead,
    expectedSequence: undefined,
    replyTo: 0n,
    body: { content: { text: 'hello' }, mentions: [], attachments: [] },
  });
}

describe('The read position of an author', () => {
  it('moves with what they send, as far as all between is their own or was known to them', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    for (let n = 0; n < 3; n += 1) await send('alice', threadId, 1n);
    expect(await readOf('alice', threadId)).toBe(4n);
    await send('bob', threadId, 4n);
    await send('alice', threadId, 4n);
    expect(await readOf('alice', threadId)).toBe(4n);
    await send('alice', threadId, 6n);
    expect(await readOf('alice', threadId)).toBe(7n);
  });

  it('moves past what is no message: who begins a thread and writes at once has nothing unread', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    await send('alice', threadId, 0n);
    await expect.poll(() => readOf('alice', threadId)).toBe(2n);
    await send('bob', threadId, 0n);
    await turns();
    expect(await readOf('bob', threadId)).toBe(0n);
  });

  it('moves also while the one before is being stored', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    await send('alice', threadId, 1n);
    await turns();
    const held = gate.hold('advance');
    node.clock.turn(300);
    await held.reached;
    await send('alice', threadId, 1n);
    await send('alice', threadId, 1n);
    await turns();
    held.release();
    expect(await readOf('alice', threadId)).toBe(4n);
  });
});

describe('Positions', () => {
  it('are told only once they are stored, the highest of each, and never fall', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    for (let n = 0; n < 5; n += 1) await post(node, ids, 'alice', threadId, `m${n}`);
    const heard = await listen(topicOf.user('bob' as UserId));
    node.receipts.advanceRead('bob' as UserId, threadId, 3n);
    node.receipts.advanceRead('bob' as UserId, threadId, 2n);
    const held = gate.hold('advance');
    node.clock.turn(300);
    await held.reached;
    expect(heard).toEqual([]);
    held.release();
    await node.receipts.settled();
    node.receipts.advanceRead('bob' as UserId, threadId, 2n);
    node.receipts.advanceDelivered('bob' as UserId, 'd1' as DeviceId, threadId, 4n);
    node.clock.turn(300);
    await node.receipts.settled();
    const told = heard.flatMap((event) => (event.type === 'positions' ? event.positions : []));
    expect(told.map(({ delivered, read }) => [delivered, read])).toEqual([
      [0n, 3n],
      [4n, 3n],
    ]);
  });

  it("are told soon after silence, and then once a second for a user's thread, or sooner where an answer waits for it", async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    for (let n = 0; n < 9; n += 1) await post(node, ids, 'alice', threadId, `m${n}`);
    const heard = await listen(topicOf.user('bob' as UserId));
    const told = (): bigint[] =>
      heard.flatMap((event) => (event.type === 'positions' ? event.positions.map(({ read }) => read) : []));
    const read = (sequence: bigint): void => node.receipts.advanceRead('bob' as UserId, threadId, sequence);
    const until = async (sequence: bigint): Promise<void> => {
      while (told().at(-1) !== sequence) await turns();
    };
    read(2n);
    node.clock.turn(250);
    await until(2n);
    for (const sequence of [3n, 4n, 5n]) {
      read(sequence);
      node.clock.turn(250);
      await turns();
    }
    node.clock.turn(250);
    await until(5n);
    expect(told()).toEqual([2n, 5n]);
    read(6n);
    const stored = node.receipts.stored('bob' as UserId, threadId);
    node.clock.turn(250);
    await stored;
    await until(6n);
  });

  it('reach the devices of each user as their own alone, however many of a group moved at once', async () => {
    const names = Array.from({ length: 20 }, (_, n) => `member-${n}`);
    const threadId = await groupOf(node, ids, 'alice', names);
    const heard = await listen(topicOf.user('member-7' as UserId));
    for (const name of names) node.receipts.advanceRead(name as UserId, threadId, 1n);
    node.clock.turn(300);
    await node.receipts.settled();
    const told = heard.flatMap((event) =>
      event.type === 'positions' ? [event.positions.map(({ userId }) => userId)] : [],
    );
    expect(told).toEqual([['member-7']]);
  });

  it('are answered for only when the store has them, and stored once it can', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    const positions = [{ threadId, upTo: 1n }];
    gate.refuse('advance');
    expect(await reasonOf(node.chat.positions.markRead(callerOf('bob'), positions))).toBe('STORE_UNAVAILABLE');
    gate.admit();
    node.clock.turn(300);
    expect(await readOf('bob', threadId)).toBe(1n);
  });
});

describe('What a device is told of positions', () => {
  it('counts for who was removed only what they may know of', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    await post(node, ids, 'alice', threadId, 'one');
    await node.chat.groups.remove(callerOf('alice'), threadId, ids.next(), 'bob' as UserId);
    for (let n = 0; n < 5; n += 1) await post(node, ids, 'alice', threadId, 'not for bob');
    const bob = await node.live('bob');
    await node.chat.positions.markRead(callerOf('bob'), [{ threadId, upTo: 1n }]);
    await bob.until(() => bob.all('readAdvanced').length > 0);
    expect(bob.all('readAdvanced')[0]).toMatchObject({ readSequence: 1n, unreadCount: 1n });
  });

  it('reaches it also while it opens', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    await post(node, ids, 'alice', threadId, 'one');
    const entries = gate.hold('entries');
    const bob = node.open('bob');
    await entries.reached;
    await node.chat.positions.markRead(callerOf('bob'), [{ threadId, upTo: 2n }]);
    entries.release();
    await bob.opened;
    await bob.until(() => bob.all('readAdvanced').length > 0);
    expect(bob.all('readAdvanced')[0]).toMatchObject({ readSequence: 2n, unreadCount: 0n });
  });
});

describe('The counts of a group', () => {
  it('leave out the reading of who reads privately, also what was read before anybody looked', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob', 'carol']);
    await post(node, ids, 'alice', threadId, 'one');
    await readPrivately('bob');
    for (const user of ['bob', 'carol']) await node.chat.positions.markRead(callerOf(user), [{ threadId, upTo: 2n }]);
    expect(await countsOf('alice', threadId)).toEqual([{ sequence: 2n, deliveredCount: 0, readCount: 1 }]);
  });

  it('tell nothing of reading to who reads privately', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    await post(node, ids, 'alice', threadId, 'one');
    await readPrivately('alice');
    await node.chat.positions.markRead(callerOf('bob'), [{ threadId, upTo: 2n }]);
    expect(await countsOf('alice', threadId)).toEqual([{ sequence: 2n, deliveredCount: 0, readCount: 0 }]);
  });

  async function readPrivately(user: string): Promise<void> {
    const settings = { directPolicy: 'anyone', readPrivately: true, hidePresence: false } as const;
    await node.chat.account.setSettings(callerOf(user), settings);
  }

  async function countsOf(user: string, threadId: ThreadId): Promise<unknown> {
    const device = await node.live(user);
    await device.session.subscribe(threadId);
    node.clock.turn(1_000);
    await device.until(() => device.all('receiptCounts').length > 0);
    return device.all('receiptCounts')[0]?.counts;
  }
});

async function listen(topic: Parameters<typeof node.bus.subscribe>[0]): Promise<BusEvent[]> {
  const heard: BusEvent[] = [];
  await node.bus.subscribe(topic, (event) => void heard.push(event));
  return heard;
}

describe('What was handed over', () => {
  it('is waited for until the store has it, also when that refuses it at first', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    const stored: string[] = [];
    node.receipts.advanceRead('bob' as UserId, threadId, 1n);
    const done = node.receipts.stored('bob' as UserId, threadId).then(() => stored.push('bob'));
    gate.refuse('advance');
    await node.clock.turnSlowly(300);
    expect(stored).toEqual([]);
    gate.admit();
    await node.clock.turnSlowly(300);
    await done;
    expect(await readOf('bob', threadId)).toBe(1n);
    await node.receipts.stored('bob' as UserId, threadId);
  });

  it('is answered for also to who asks while it is being told', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    const held = gate.hold('row');
    node.receipts.advanceRead('bob' as UserId, threadId, 1n);
    const settled = node.receipts.settled();
    // What is told of a reader depends on their settings.
    await held.reached;
    const done = node.receipts.stored('bob' as UserId, threadId);
    held.release();
    await done;
    await settled;
  });
});
