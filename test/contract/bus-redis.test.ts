import { isSkipped } from '../support/skip.ts';
import { busesOn, clusterOfRedis, disposeAll, oneRedis, type TestRedis } from '../support/redis.ts';
import { busContract, type BusNodes } from './bus.ts';

async function nodesOn(redis: TestRedis): Promise<BusNodes> {
  const buses = await busesOn(redis, 2);
  const [here, there] = buses;
  if (here === undefined || there === undefined) throw new Error('two buses were asked for');
  return { here, there, [Symbol.asyncDispose]: () => disposeAll([...buses, redis]) };
}

if (!isSkipped('redis')) {
  busContract('the bus on one Redis', async () => nodesOn(await oneRedis()));
  busContract('the bus on a Redis Cluster', async () => nodesOn(await clusterOfRedis({ replicas: 0 })));
}
