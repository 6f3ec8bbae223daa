import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ids, groupOf, post } from '../../test/support/chat-node.ts';
import { type DeliveryNode, openDeliveryNode, turns } from '../../test/support/delivery-node.ts';
import { StoreGate } from '../../test/support/store-gate.ts';

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
