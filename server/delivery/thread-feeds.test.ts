import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ids, callerOf, groupOf, post } from '../../test/support/chat-node.ts';
import { type DeliveryNode, type Device, openDeliveryNode, turns } from '../../test/support/delivery-node.ts';
import { StoreGate } from '../../test/support/store-gate.ts';
import type { ThreadId, UserId } from '../core/ids.ts';
import { RetentionRules } from '../core/retention.ts';

let node: DeliveryNode;
let gate: StoreGate;
let ids: Ids;

beforeEach(async () => {
  gate = new StoreGate();
  node = await openDeliveryNode({ storeBehind: gate.behind });
  ids = new Ids();
});
afterEach(() => node[Symbol.asyncDispose]());

const add = (threadId: ThreadId, ...users: string[]): Promise<bigint> =>
  node.chat.groups.add(callerOf('alice'), threadId, ids.next(), users as UserId[]);
const remove = (threadId: ThreadId, user: string): Promise<bigint> =>
  node.chat.groups.remove(callerOf('alice'), threadId, ids.next(), user as UserId);

/** Listeners of a group so many that its events wait for one another. */
async function crowd(threadId: ThreadId): Promise<Device[]> {
  const names = Array.from({ length: 40 }, (_, n) => `listener-${n}`);
  await add(threadId, ...names);
  return Promise.all(names.map((name) => node.live(name)));
}

describe('A member of a group', () => {
  it('hears each entry once and in order', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    const bob = await node.live('bob');
    for (let n = 0; n < 20; n += 1) await post(node, ids, 'alice', threadId, `m${n}`);
    await bob.until(() => bob.log(threadId).includes('21'));
    expect(bob.log(threadId)).toEqual(Array.from({ length: 21 }, (_, n) => String(n + 1)));
  });

  it('hears their own removal last', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    const bob = await node.live('bob');
    await remove(threadId, 'bob');
    await post(node, ids, 'alice', threadId, 'not for bob');
    await bob.until(() => bob.log(threadId).includes('2'));
    await turns();
    expect(bob.log(threadId)).toEqual(['1', '2']);
  });

  it('does not hear what was said while they were out, also when all of it reaches the node as one batch', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    const listeners = await crowd(threadId);
    const bob = await node.live('bob');
    node.clock.turn(200);
    await bob.until(() => bob.log(threadId).includes('41'));
    await post(node, ids, 'alice', threadId, 'begins the tick');
    await remove(threadId, 'bob');
    await post(node, ids, 'alice', threadId, 'not for bob');
    await add(threadId, 'bob');
    await post(node, ids, 'alice', threadId, 'for bob again');
    node.clock.turn(200);
    await bob.until(() => bob.log(threadId).includes('46'));
    await turns();
    expect(bob.log(threadId).slice(41)).toEqual(['42', '43', '45', '46']);
    expect(listeners[0]?.log(threadId).slice(-3)).toEqual(['44', '45', '46']);
  });

  it('who comes in with others hears nothing of before their own entry', async () => {
    const threadId = await groupOf(node, ids, 'alice');
    const bob = await node.live('bob');
    await add(threadId, 'aaron', 'bob', 'carol');
    await bob.until(() => bob.log(threadId).includes('4'));
    expect(bob.log(threadId)).toEqual(['3', '4']);
  });

  it('hears what is said right after they came in', async () => {
    const threadId = await groupOf(node, ids, 'alice');
    const bob = await node.live('bob');
    const added = add(threadId, 'bob');
    await bob.until(() => bob.log(threadId).length > 0);
    await post(node, ids, 'alice', threadId, 'welcome');
    await added;
    await bob.until(() => bob.log(threadId).includes('3'));
    expect(bob.log(threadId)).toEqual(['2', '3']);
  });

  it('is told of what could not be read as skipped', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    const bob = await node.live('bob');
    await post(node, ids, 'alice', threadId, 'heard');
    await bob.until(() => bob.log(threadId).includes('2'));
    // An event that is lost on its way.
    node.bus.publish = () => Promise.resolve();
    await post(node, ids, 'alice', threadId, 'lost');
    await post(node, ids, 'alice', threadId, 'lost');
    Reflect.deleteProperty(node.bus, 'publish');
    gate.refuse('entries');
    await post(node, ids, 'alice', threadId, 'heard');
    await bob.until(() => bob.log(threadId).length > 2);
    gate.admit();
    await post(node, ids, 'alice', threadId, 'heard');
    await bob.until(() => bob.log(threadId).includes('6'));
    expect(bob.log(threadId)).toEqual(['1', '2', '3-5', '6']);
    expect(bob.all('skipped').map((skipped) => skipped.heldUntilAcknowledged)).toEqual([false]);
  });

  it('is told with what is skipped that it goes once it is acknowledged, where a thread keeps it no longer', async () => {
    const untilDelivered = new RetentionRules({ mode: 'until-delivered', durationS: 0 }, 0);
    await using strict = await openDeliveryNode({ retention: untilDelivered, session: { windowEntries: 4 } });
    const threadId = await groupOf(strict, ids, 'alice', ['bob']);
    const bob = await strict.live('bob');
    for (let n = 0; n < 6; n += 1) await post(strict, ids, 'alice', threadId, 'said');
    await bob.until(() => bob.log(threadId).includes('4'));
    await bob.session.acknowledge(threadId, 4n);
    await bob.until(() => bob.all('skipped').length > 0);
    expect(bob.all('skipped')).toMatchObject([{ from: 5n, heldUntilAcknowledged: true }]);
  });
});

describe('A member of more groups than are heard at once', () => {
  it('hears of all of them: of the most recent at once, of the others within two minutes', async () => {
    const threads: ThreadId[] = [];
    for (let n = 0; n < 103; n += 1) {
      threads.push(await groupOf(node, ids, 'alice', ['bob']));
      node.clock.turn(10);
    }
    const bob = await node.live('bob');
    const [oldest, second, third] = threads as [ThreadId, ThreadId, ThreadId];
    const busiest = threads[3] as ThreadId;
    await post(node, ids, 'alice', busiest, 'heard at once');
    await bob.until(() => bob.log(busiest).includes('2'));
    for (const threadId of [oldest, second, third]) await post(node, ids, 'alice', threadId, 'not heard');
    for (let n = 0; n < 4; n += 1) {
      node.clock.turn(25_000);
      bob.session.heartbeat(true);
    }
    for (const threadId of [oldest, second, third]) await bob.until(() => bob.log(threadId).includes('2'));
    // They took the places of those that were silent.
    for (const threadId of [oldest, second, third, busiest]) await post(node, ids, 'alice', threadId, 'heard at once');
    for (const threadId of [oldest, second, third, busiest]) await bob.until(() => bob.log(threadId).includes('3'));
  });
});
