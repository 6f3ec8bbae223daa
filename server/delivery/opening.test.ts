import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ids, groupOf, post } from '../../test/support/chat-node.ts';
import { type DeliveryNode, openDeliveryNode } from '../../test/support/delivery-node.ts';
import type { UserId } from '../core/ids.ts';

let node: DeliveryNode;
let ids: Ids;

beforeEach(async () => {
  node = await openDeliveryNode();
  ids = new Ids();
});
afterEach(() => node[Symbol.asyncDispose]());

describe('A device that comes back', () => {
  it('takes over from its older session also when the clock was set back meanwhile', async () => {
    const old = await node.live('alice', 'phone');
    node.clock.step(-3_600_000);
    const fresh = await node.live('alice', 'phone');
    expect(fresh.ended).toBeUndefined();
    expect(old.ended?.goodbye.reason).toBe('superseded');
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
