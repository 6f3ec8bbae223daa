import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PresenceState } from '#proto/parley/v1/presence.ts';
import { Ids, callerOf, groupOf, post } from '../../test/support/chat-node.ts';
import { type DeliveryNode, openDeliveryNode, turns } from '../../test/support/delivery-node.ts';
import { StoreGate } from '../../test/support/store-gate.ts';
import type { UserId } from '../core/ids.ts';

let node: DeliveryNode;
let gate: StoreGate;
let ids: Ids;

beforeEach(async () => {
  gate = new StoreGate();
  node = await openDeliveryNode({ storeBehind: gate.behind });
  ids = new Ids();
});
afterEach(() => node[Symbol.asyncDispose]());

describe('A thread that is put on screen', () => {
  it('leaves nothing behind when the stream breaks before it is', async () => {
    const threadId = await groupOf(node, ids, 'alice');
    const alice = await node.live('alice');
    const subscribed = alice.session.subscribe(threadId);
    alice.break();
    await subscribed;
    expect(node.hub.topics).toBe(0);
  });

  it('leaves nothing behind when the stream breaks while its receipts are read', async () => {
    const threadId = await groupOf(node, ids, 'alice');
    const alice = await node.live('alice');
    const held = gate.hold('positions');
    const subscribed = alice.session.subscribe(threadId);
    await held.reached;
    alice.break();
    held.release();
    await subscribed;
    expect(node.hub.topics).toBe(0);
  });

  it('is off it again when it was taken off before it was shown', async () => {
    const threadId = await groupOf(node, ids, 'alice');
    const alice = await node.live('alice');
    const subscribed = alice.session.subscribe(threadId);
    alice.session.unsubscribe(threadId);
    await subscribed;
    expect(alice.session.onScreen(threadId)).toBe(false);
    alice.break();
    expect(node.hub.topics).toBe(0);
  });

  it('can be put there again after the store could not be read', async () => {
    const threadId = await groupOf(node, ids, 'alice');
    const alice = await node.live('alice');
    gate.refuse('positions');
    await expect(alice.session.subscribe(threadId)).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
    expect(alice.session.onScreen(threadId)).toBe(false);
    gate.admit();
    await alice.session.subscribe(threadId);
    expect(alice.session.onScreen(threadId)).toBe(true);
  });

  it('is told of what was missed of a group that was not heard', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    const bob = await node.live('bob');
    bob.session.feeds.forgetGroup(threadId);
    await post(node, ids, 'alice', threadId, 'missed');
    await turns();
    expect(bob.log(threadId)).toEqual(['1']);
    await bob.session.subscribe(threadId);
    await bob.until(() => bob.log(threadId).includes('2'));
  });
});

describe('Whose presence is watched', () => {
  it('is told as it is, also when they come while it is being read', async () => {
    await groupOf(node, ids, 'alice', ['bob']);
    const alice = await node.live('alice');
    // What was read says that he is away; before it is told he comes.
    const read = Promise.withResolvers<void>();
    const told = Promise.withResolvers<void>();
    const get = node.registry.get.bind(node.registry);
    node.registry.get = async (asked) => {
      const presences = await get(asked);
      read.resolve();
      await told.promise;
      return presences;
    };
    const watched = alice.session.watchPresence(['bob' as UserId]);
    await read.promise;
    await node.live('bob');
    await alice.until(() => alice.all('presenceChanged').length > 0);
    told.resolve();
    await watched;
    await turns();
    const states = alice.all('presenceChanged').flatMap(({ presences }) => presences.map(({ state }) => state));
    expect(states).toEqual([PresenceState.PRESENCE_STATE_ONLINE]);
  });

  it('is told the newest, though whether it may be seen takes longer to know for what came first', async () => {
    await groupOf(node, ids, 'alice', ['bob']);
    const alice = await node.live('alice');
    await alice.session.watchPresence(['bob' as UserId]);
    node.policy.forget();
    const before = alice.all('presenceChanged').length;
    const held = gate.hold('row');
    const bob = await node.live('bob');
    await held.reached;
    // The second event is judged at once, while the first still waits.
    bob.session.end('heartbeat-missed', '');
    await turns();
    held.release();
    await turns();
    const states = alice
      .all('presenceChanged')
      .slice(before)
      .flatMap(({ presences }) => presences.map(({ state }) => state));
    expect(states.at(-1)).toBe(PresenceState.PRESENCE_STATE_OFFLINE);
  });
});

describe('Sessions', () => {
  it('hear what they sent themselves without asking for a Reply', async () => {
    const threadId = await groupOf(node, ids, 'alice');
    const alice = await node.live('alice');
    const { sessionId } = alice.session.identity;
    const sent = { threadId, knownHead: 1n, expectedSequence: undefined, replyTo: 0n } as const;
    const body = { content: { text: 'hello' }, mentions: [], attachments: [] };
    await node.chat.sendMessage.send(callerOf('alice', { sessionId }), { ...sent, clientMessageId: 'a', body });
    await node.chat.sendMessage.send(callerOf('alice'), { ...sent, clientMessageId: 'b', body });
    await alice.until(() => alice.log(threadId).includes('3'));
    expect(alice.log(threadId)).toEqual(['1', '3']);
  });

  it('says goodbye amid a burst that was not taken yet, and not to one that is frozen', async () => {
    const [alice, bob] = [await node.live('alice'), await node.live('bob')];
    node.clock.turn(1_000);
    for (const device of [alice, bob]) {
      device.freeze();
      device.session.heartbeat(true);
    }
    await turns();
    alice.session.end('superseded', '');
    node.clock.turn(1_000);
    bob.session.end('superseded', '');
    for (const device of [alice, bob]) device.thaw();
    expect([alice, bob].map(({ destroyed }) => destroyed)).toEqual([false, true]);
    expect([alice, bob].map((device) => device.all('goodbye').length)).toEqual([1, 0]);
  });
});
