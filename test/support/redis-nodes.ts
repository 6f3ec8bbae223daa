// Nodes of one deployment in this process: with a store in common, and Redis for what is live. The nodes' time is turned by
// hand; that of Redis and of the connections to it is not.
import { RedisBus } from '../../server/bus/redis.ts';
import { RedisCommentLog } from '../../server/comments/redis.ts';
import { systemClock } from '../../server/core/clock.ts';
import { HeadCheck } from '../../server/delivery/head-check.ts';
import { RedisRegistry } from '../../server/presence/redis.ts';
import type { Store } from '../../server/store/store.ts';
import { HandClock } from './clock.ts';
import { type DeliveryNode, type Device, openDeliveryNode } from './delivery-node.ts';
import { newPrefix, shardsOn, type TestRedis } from './redis.ts';
import { newTemporaryStore } from './temporary-store.ts';

export interface RedisNodes extends AsyncDisposable {
  readonly nodes: readonly DeliveryNode[];
  readonly store: Store;
  readonly clock: HandClock;
  /** A device of a user, live on a node; it sends its heartbeats while the clock is turned. */
  live(node: DeliveryNode, userId: string): Promise<Device>;
  /** Turns the clock until it holds, for at most so many ms of it; fails the test otherwise. Redis has less time for it: a twentieth. */
  passUntil(holds: () => boolean, withinMs: number): Promise<void>;
}

export async function openRedisNodes(redis: TestRedis, count: number): Promise<RedisNodes> {
  const clock = new HandClock();
  const kept = await newTemporaryStore({ clock });
  const prefix = newPrefix();
  const made: AsyncDisposable[] = [kept];
  const nodes: DeliveryNode[] = [];
  const devices: Device[] = [];
  for (let index = 0; index < count; index++) {
    const bus = new RedisBus({ settings: redis.settings, clock: systemClock, prefix });
    await bus.ready();
    const shards = await shardsOn(redis);
    const { store } = kept;
    const registry = new RedisRegistry({ clock, bus, shards, store, nodeId: `n${index}`, prefix, settleMs: 0 });
    const comments = new RedisCommentLog({ shards: await shardsOn(redis), nodeId: `n${index}`, prefix });
    const node = await openDeliveryNode({ shared: { clock, store, bus, registry, comments } });
    const heads = new HeadCheck({ bus, hub: node.hub, store, registry, clock });
    nodes.push(node);
    made.unshift(node, { [Symbol.asyncDispose]: async () => heads[Symbol.dispose]() }, registry, comments, bus);
  }
  return {
    nodes,
    store: kept.store,
    clock,
    async live(node, userId) {
      const device = await node.live(userId);
      devices.push(device);
      return device;
    },
    async passUntil(holds, withinMs) {
      for (let passedMs = 0; !holds(); passedMs += 100) {
        if (passedMs >= withinMs) throw new Error(`it does not hold after ${withinMs} ms`);
        clock.turn(100);
        if (passedMs % 20_000 === 0) for (const { session } of devices) session.heartbeat(true);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    async [Symbol.asyncDispose]() {
      for (const one of made) await one[Symbol.asyncDispose]();
    },
  };
}
