import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { systemClock } from '../../server/core/clock.ts';
import { RedisQueue } from '../../server/notify/redis.ts';
import { clusterOfRedis, disposeAll, newPrefix, oneRedis, shardsOn, type TestRedis } from '../support/redis.ts';
import { isSkipped, needs } from '../support/skip.ts';
import { nextOf, notifyQueueContract, push, type QueueAtHand, smallBounds } from './notify-queue.ts';

async function queueOn(redis: TestRedis, nodeId: string, prefix: string): Promise<RedisQueue> {
  const shards = await shardsOn(redis);
  const onProblem = (problem: Error): void => {
    throw problem;
  };
  return new RedisQueue({ ...smallBounds, shards, nodeId, prefix, onProblem });
}

async function open(redis: TestRedis): Promise<QueueAtHand> {
  const prefix = newPrefix();
  const [here, there] = [await queueOn(redis, 'n1', prefix), await queueOn(redis, 'n2', prefix)];
  // Redis has its own time.
  const pass = (ms: number): Promise<void> => delay(ms);
  return { here, there, clock: systemClock, pass, [Symbol.asyncDispose]: () => disposeAll([here, there, redis]) };
}

if (!isSkipped('redis')) {
  notifyQueueContract('the queue of notifications on one Redis', async () => open(await oneRedis()));
  notifyQueueContract('the queue of notifications on a Redis Cluster', async () =>
    open(await clusterOfRedis({ replicas: 0 })),
  );
}

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
