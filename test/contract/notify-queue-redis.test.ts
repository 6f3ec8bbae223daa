import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../server/core/clock.ts';
import { RedisQueue } from '../../server/notify/redis.ts';
import { clusterOfRedis, disposeAll, newPrefix, oneRedis, shardsOn, type TestRedis } from '../support/redis.ts';
import { isSkipped, needs } from '../support/skip.ts';
import type { UserId } from '../../server/core/ids.ts';
import { nextOf, notifyQueueContract, push, threadA, type QueueAtHand, smallBounds } from './notify-queue.ts';

function throws(problem: Error): void {
  throw problem;
}

async function queueOn(
  redis: TestRedis,
  nodeId: string,
  prefix: string,
  onProblem: (problem: Error) => void,
): Promise<RedisQueue> {
  const shards = await shardsOn(redis);
  return new RedisQueue({ ...smallBounds, shards, nodeId, prefix, onProblem });
}

async function open(redis: TestRedis, onProblem: (problem: Error) => void = throws): Promise<QueueAtHand> {
  const prefix = newPrefix();
  const [here, there] = [await queueOn(redis, 'n1', prefix, onProblem), await queueOn(redis, 'n2', prefix, onProblem)];
  // Redis has its own time.
  const pass = (ms: number): Promise<void> => delay(ms);
  return { here, there, clock: systemClock, pass, [Symbol.asyncDispose]: () => disposeAll([here, there]) };
}

/** One Redis for all tests: each has a prefix of its own. */
function contractOn(name: string, start: () => Promise<TestRedis>): void {
  describe(name, () => {
    let redis: TestRedis;
    beforeAll(async () => {
      redis = await start();
    });
    afterAll(() => redis[Symbol.asyncDispose]());
    notifyQueueContract('the queue of notifications', () => open(redis));
  });
}

if (!isSkipped('redis')) {
  contractOn('on one Redis', () => oneRedis());
  contractOn('on a Redis Cluster', () => clusterOfRedis({ replicas: 0 }));
}

needs('redis')('the queue of notifications on a Redis Cluster that has lost a master', () => {
  test('hands out what the others have, and takes and tells what is theirs', async () => {
    await using redis = await clusterOfRedis({ replicas: 0 });
    await using at = await open(redis, () => undefined);
    const users = Array.from({ length: 64 }, (_, index) => `u${index}` as UserId);
    await at.here.put(users.map((user) => push(1n, 0, user)));
    await redis.servers[0]?.kill();
    expect((await at.here.take(1_000)).length).toBeGreaterThan(users.length / 4);
    const dueIn = await at.there.put(users.map((user) => push(2n, 0, user)));
    expect(dueIn).toContain(undefined);
    expect(dueIn.filter((ms) => ms !== undefined).length).toBeGreaterThan(users.length / 4);
    const notified = await at.there.notified(threadA, users);
    expect(notified).toContain(undefined);
    expect(notified.filter((of) => of !== undefined).length).toBeGreaterThan(users.length / 4);
  });
});

needs('redis')('the queue of notifications on a Redis that keeps its data', () => {
  test('has what waits and what a worker had after it was killed', async () => {
    await using redis = await oneRedis({ appendonly: 'yes', appendfsync: 'always' });
    await using at = await open(redis);
    await at.here.put([push(1n), push(2n, 60_000, 'bob' as never)]);
    await nextOf(at, at.here);
    await redis.servers[0]?.kill();
    await redis.servers[0]?.restart();
    await expect.poll(() => at.there.counts().catch(() => undefined)).toEqual({ looks: 0, waiting: 2, dead: 0 });
    expect(await nextOf(at, at.there)).toMatchObject([{ upTo: 1n }]);
  });
});
