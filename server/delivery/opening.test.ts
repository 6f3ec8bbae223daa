import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ids, callerOf, groupOf, openChatNode, post } from '../../test/support/chat-node.ts';
import { type DeliveryNode, openDeliveryNode, turns } from '../../test/support/delivery-node.ts';
import { StoreGate } from '../../test/support/store-gate.ts';
import { topicOf } from '../bus/bus.ts';
import type { Retention } from '../core/entry.ts';
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

const add = (threadId: ThreadId, user: string): Promise<bigint> =>
  node.chat.groups.add(callerOf('alice'), threadId, ids.next(), [user as UserId]);
const remove = (threadId: ThreadId, user: string): Promise<bigint> =>
  node.chat.groups.remove(callerOf('alice'), threadId, ids.next(), user as UserId);

describe('A device that comes back', () => {
  it('takes over from its older session also when the clock was set back meanwhile', async () => {
    const old = await node.live('alice', 'phone');
    node.clock.step(-3_600_000);
    const fresh = await node.live('alice', 'phone');
    expect(fresh.ended).toBeUndefined();
    expect(old.ended?.goodbye.reason).toBe('superseded');
  });
});

describe('A device that lacks much', () => {
  it('is caught up once it was told as much as the window takes, however fast it acknowledges', async () => {
    await using strict = await openDeliveryNode({ session: { windowEntries: 8 }, storeBehind: gate.behind });
    const threads: ThreadId[] = [];
    for (let at = 0; at < 6; at += 1) {
      const threadId = await groupOf(strict, ids, 'alice', ['bob']);
      for (let n = 0; n < 4; n += 1) await post(strict, ids, 'alice', threadId, 'said');
      threads.push(threadId);
    }
    let held = gate.hold('entries');
    const bob = strict.open('bob', 'phone', { positions: new Map(threads.map((threadId) => [threadId, 1n])) });
    const caughtUp = bob.until(() => bob.all('caughtUp').length > 0);
    while (bob.all('caughtUp').length === 0) {
      // Before anything more is read, all that was told is acknowledged: the window is never full.
      await Promise.race([held.reached, caughtUp]);
      await turns();
      for (const { threadId, entries } of bob.all('entriesAppended')) {
        await bob.session.acknowledge(threadId as ThreadId, entries.at(-1)?.sequence ?? 0n);
      }
      const next = gate.hold('entries');
      held.release();
      held = next;
    }
    expect(bob.all('entriesAppended').flatMap(({ entries }) => entries)).toHaveLength(8);
    expect(bob.all('headsChanged').flatMap(({ heads }) => heads)).toHaveLength(6);
    expect(bob.all('skipped')).toEqual([]);
  });
});

describe('A device that opens as its user is removed and comes in again', () => {
  it('hears nothing of what was said meanwhile', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    await post(node, ids, 'alice', threadId, 'before');
    const old = await node.live('bob', 'phone');
    await old.session.acknowledge(threadId, 2n);
    const heads = gate.hold('heads');
    const fresh = node.open('bob', 'phone', { handOver: true });
    await heads.reached;
    // The inbox was read: there he is a member still. His device hears of the removal, and says so.
    await remove(threadId, 'bob');
    await old.until(() => old.log(threadId).includes('3'));
    await old.session.acknowledge(threadId, 3n);
    await post(node, ids, 'alice', threadId, 'not for him');
    const row = gate.hold('inboxRow');
    heads.release();
    await row.reached;
    await add(threadId, 'bob');
    row.release();
    await fresh.opened;
    await fresh.until(() => fresh.log(threadId).includes('5'));
    expect(fresh.log(threadId)).toEqual(['5']);
  });
});

describe('A device that opens where much was left out', () => {
  const untilDelivered: Retention = { mode: 'until-delivered', durationS: 0 };

  it('is told what waits for it, also by a node that kept what the thread was before it had such a rule', async () => {
    await using strict = await openDeliveryNode({ session: { backfillEntries: 2 } });
    await using other = await openChatNode({ shared: strict });
    const threadId = await groupOf(other, ids, 'alice', ['bob']);
    const plain = await groupOf(other, ids, 'alice', ['bob']);
    for (const each of [threadId, plain]) await strict.views.get(each);
    await other.chat.retention.set(callerOf('alice'), threadId, untilDelivered);
    for (const each of [threadId, plain]) for (let n = 0; n < 4; n += 1) await post(other, ids, 'alice', each, 'said');
    const bob = await strict.live('bob');
    const told = bob.all('skipped').map(({ what, heldUntilAcknowledged }) => [what?.value, heldUntilAcknowledged]);
    expect(Object.fromEntries(told)).toEqual({ [threadId]: true, [plain]: false });
  });

  it('is told that it may wait for it where the node knows nothing of what is left out', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    const bob = await node.live('bob');
    bob.session.feeds.tellSkip({ threadId, from: 1n, to: 1n }, 'window-full');
    bob.session.feeds.tellSkip({ threadId, from: 2n, to: 9n }, 'window-full');
    await bob.until(() => bob.all('skipped').length > 1);
    expect(bob.all('skipped')).toMatchObject([{ heldUntilAcknowledged: false }, { heldUntilAcknowledged: true }]);
  });
});

describe('A device that comes back with a resume token', () => {
  it('is told what it lacks also when the clock was set back before that was appended', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    await post(node, ids, 'alice', threadId, 'one');
    node.clock.turn(3_600_000);
    const before = await node.live('bob');
    await before.session.acknowledge(threadId, 2n);
    before.break();
    const [caughtUp] = before.all('caughtUp');
    node.clock.step(-1_800_000);
    await post(node, ids, 'alice', threadId, 'two');
    node.clock.turn(3_600_000);
    const bob = await node.live('bob', 'd1', { resumeToken: caughtUp?.resumeToken ?? Buffer.alloc(0) });
    expect(bob.all('welcome')[0]?.resumed).toBe(true);
    expect(bob.log(threadId)).toEqual(['3']);
  });

  it.each([
    ['another life of the store', 1n],
    ['a life of which the token does not say, since the own log was empty', 0n],
  ])('of %s is not believed what it holds', async (_, epoch) => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    await post(node, ids, 'alice', threadId, 'one');
    const who = { userId: 'bob' as UserId, deviceId: 'd1' as DeviceId };
    const place = { ...who, userSequence: 9n, inboxMs: 0, groupsMs: 0, epoch, madeMs: node.clock.nowMs() };
    const resumeToken = node.delivery.resumeTokens.make(place);
    const bob = await node.live('bob', 'd1', { resumeToken, positions: new Map([[threadId, 50n]]) });
    expect(bob.all('welcome')[0]?.resumed).toBe(false);
    expect(bob.log(threadId)).toEqual(['1', '2']);
    await node.receipts.settled();
    expect(await node.store.devicePositions('bob' as UserId, 'd1' as DeviceId, [threadId])).toEqual([0n]);
  });

  it.each([
    ['is expired', (madeMs: number) => madeMs - 31 * 86_400_000, (token: Buffer) => token],
    [
      'was signed by another deployment',
      (madeMs: number) => madeMs,
      (token: Buffer) => token.fill(7, token.length - 16),
    ],
  ])('with a token that %s is not believed what it holds: it may be of another life', async (_, at, of) => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    await post(node, ids, 'alice', threadId, 'one');
    const who = { userId: 'bob' as UserId, deviceId: 'd1' as DeviceId };
    const { epoch } = node.store;
    const place = { ...who, userSequence: 9n, inboxMs: 0, groupsMs: 0, epoch, madeMs: at(node.clock.nowMs()) };
    const resumeToken = of(Buffer.from(node.delivery.resumeTokens.make(place)));
    const bob = await node.live('bob', 'd1', { resumeToken, positions: new Map([[threadId, 50n]]) });
    expect(bob.all('welcome')[0]?.resumed).toBe(false);
    expect(bob.log(threadId)).toEqual(['1', '2']);
    await node.receipts.settled();
    expect(await node.store.devicePositions('bob' as UserId, 'd1' as DeviceId, [threadId])).toEqual([0n]);
  });

  it('is told of a new thread of which nothing reached it, however long ago that was made', async () => {
    await groupOf(node, ids, 'alice', ['bob']);
    const before = await node.live('bob');
    node.bus.publish = () => Promise.resolve();
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    Reflect.deleteProperty(node.bus, 'publish');
    node.clock.turn(59_000);
    const token = before.session.makeToken();
    before.break();
    const bob = await node.live('bob', 'd1', { resumeToken: token });
    expect(bob.all('welcome')[0]?.resumed).toBe(true);
    expect(bob.log(threadId)).toEqual(['1']);
  });

  it('is told nothing that was said after its user was removed, not even by an edit', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    for (const text of ['one', 'two', 'three']) await post(node, ids, 'alice', threadId, text);
    const removed = await remove(threadId, 'bob');
    for (const sequence of [2n, 4n]) {
      const target = { threadId, clientMessageId: ids.next(), sequence };
      const body = { content: { text: 'secret' }, mentions: [], attachments: [] };
      await node.chat.messages.edit(callerOf('alice'), target, body);
    }
    for (const positions of [new Map([[threadId, 1n]]), new Map([[threadId, 3n]])]) {
      const bob = await node.live('bob', `d${positions.get(threadId)}`, { positions });
      expect(bob.log(threadId).at(-1)).toBe(String(removed));
      const told = bob.all('entriesAppended').flatMap(({ entries }) => entries);
      expect(
        JSON.stringify(told, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)),
      ).not.toMatch(/secret/);
    }
  });

  it('is told nothing of a thread in which nothing happened', async () => {
    const { threadId, token } = await quietThread();
    const bob = await node.live('bob', 'd1', { resumeToken: token });
    expect([bob.all('headsChanged'), bob.log(threadId)]).toEqual([[], []]);
  });
});

describe('Sessions of one device that open at once', () => {
  it('leave one in the registry, and nobody there once that has ended', async () => {
    const devices = Array.from({ length: 10 }, () => node.open('alice', 'phone'));
    await Promise.allSettled(devices.map((device) => device.opened));
    const left = devices.filter((device) => device.ended === undefined);
    expect(left).toHaveLength(1);
    expect(await node.registry.locate('alice' as UserId)).toHaveLength(1);
    left[0]?.break();
    expect(await node.registry.locate('alice' as UserId)).toEqual([]);
    expect(node.hub.topics).toBe(0);
  });
});

describe('A stream that breaks as the last of what it lacks is read', () => {
  it('stays ended, and the older one that it was to take over from lives on', async () => {
    const old = await node.live('bob', 'phone');
    const heads = gate.hold('heads');
    const fresh = node.open('bob', 'phone', { handOver: true });
    await heads.reached;
    fresh.session.hearInterruption(topicOf.user('bob' as UserId));
    const head = gate.hold('head');
    heads.release();
    await head.reached;
    fresh.break();
    head.release();
    await fresh.opened;
    await turns();
    expect(fresh.session.phase).toBe('ended');
    expect(old.ended).toBeUndefined();
  });
});

describe('What happens while a session opens', () => {
  it('is told from the first entry on, of a thread that stood still before', async () => {
    const { threadId, token } = await quietThread();
    const held = gate.hold('devicePositions');
    const bob = node.open('bob', 'd1', { resumeToken: token });
    await held.reached;
    for (const text of ['one', 'two', 'three']) await post(node, ids, 'alice', threadId, text);
    held.release();
    await bob.opened;
    await bob.until(() => bob.all('caughtUp').length > 0);
    expect(bob.log(threadId)).toEqual(['3', '4', '5']);
  });

  it('is told whole of a group that its user comes into', async () => {
    const threadId = await groupOf(node, ids, 'alice');
    const held = gate.hold('heads');
    const bob = node.open('bob');
    await held.reached;
    await post(node, ids, 'alice', threadId, 'not for bob');
    await add(threadId, 'bob');
    await post(node, ids, 'alice', threadId, 'before he hears the group');
    held.release();
    await bob.opened;
    await bob.until(() => bob.all('caughtUp').length > 0);
    expect(bob.log(threadId)).toEqual(['3', '4']);
    await post(node, ids, 'alice', threadId, 'live');
    await bob.until(() => bob.log(threadId).includes('5'));
    expect(bob.log(threadId)).toEqual(['3', '4', '5']);
  });

  it('ends with the removal, for who is removed after the threads were listed', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    const held = gate.hold('heads');
    const bob = node.open('bob');
    // The inbox was read; where its groups stand is read once they are heard.
    await held.reached;
    await remove(threadId, 'bob');
    await post(node, ids, 'alice', threadId, 'not for bob');
    held.release();
    await bob.opened;
    await bob.until(() => bob.all('caughtUp').length > 0);
    expect(bob.log(threadId)).toEqual(['1', '2']);
    const [head] = bob.all('headsChanged').flatMap(({ heads }) => heads);
    expect(head?.sequence ?? 2n).toBeLessThanOrEqual(2n);
  });

  it('leaves out what was said while its user was out of a group', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    const held = gate.hold('devicePositions');
    const bob = node.open('bob');
    await held.reached;
    await remove(threadId, 'bob');
    await post(node, ids, 'alice', threadId, 'not for bob');
    await add(threadId, 'bob');
    await post(node, ids, 'alice', threadId, 'for bob');
    held.release();
    await bob.opened;
    await bob.until(() => bob.all('caughtUp').length > 0);
    expect(bob.log(threadId)).toEqual(['1', '2', '4', '5']);
  });
});

/** A thread in which nothing happened for long before bob's device was last told. */
async function quietThread(): Promise<{ threadId: ThreadId; token: Uint8Array }> {
  const threadId = await groupOf(node, ids, 'alice', ['bob']);
  await post(node, ids, 'alice', threadId, 'long ago');
  node.clock.turn(60_000);
  const before = await node.live('bob');
  await before.session.acknowledge(threadId, 2n);
  node.clock.turn(1_000);
  before.break();
  return { threadId, token: before.all('caughtUp')[0]?.resumeToken ?? Buffer.alloc(0) };
}
