import { afterAll, beforeAll, describe } from 'vitest';
import { MemoryBus } from '../../server/bus/memory.ts';
import { RedisRegistry } from '../../server/presence/redis.ts';
import { HandClock } from '../support/clock.ts';
import { clusterOfRedis, disposeAll, newPrefix, oneRedis, shardsOn, type TestRedis } from '../support/redis.ts';
import { isSkipped } from '../support/skip.ts';
import { newTemporaryStore } from '../support/temporary-store.ts';
import { registryContract, type RegistryNodes } from './registry.ts';

/** Two nodes over one store and one bus; their time is turned by hand, that of Redis is not. */
async function nodesOn(redis: TestRedis): Promise<RegistryNodes> {
  const clock = new HandClock();
  const bus = new MemoryBus();
  const kept = await newTemporaryStore({ clock });
  const prefix = newPrefix();
  const open = async (nodeId: string): Promise<RedisRegistry> => {
    const shards = await shardsOn(redis);
    return new RedisRegistry({ clock, bus, shards, store: kept.store, nodeId, prefix, settleMs: 0 });
  };
  const nodes = [await open('n1'), await open('n2')] as const;
  const settle = (): Promise<unknown> => Promise.all(nodes.map((node) => node.settled()));
  await settle();
  return {
    here: nodes[0],
    there: nodes[1],
    bus,
    nowMs: () => clock.nowMs(),
    async pass(ms) {
      // No faster than the nodes can follow: to them a lease that is not refreshed in time is over.
      for (let passedMs = 0; passedMs < ms; passedMs += 1_000) {
        clock.turn(Math.min(1_000, ms - passedMs));
        await settle();
      }
    },
    async [Symbol.asyncDispose]() {
      await disposeAll(nodes);
      await kept[Symbol.asyncDispose]();
    },
  };
}

function contractOn(name: string, start: () => Promise<TestRedis>): void {
  describe(name, () => {
    let redis: TestRedis;
    beforeAll(async () => {
      redis = await start();
    });
    afterAll(() => redis[Symbol.asyncDispose]());
    registryContract('the registry', () => nodesOn(redis));
  });
}

if (!isSkipped('redis')) {
  contractOn('on one Redis', () => oneRedis());
  contractOn('on a Redis Cluster', () => clusterOfRedis({ replicas: 0 }));
}
