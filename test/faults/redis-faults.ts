// What happens to the servers of the Redis Cluster. Whose turn it is as a master is asked of them: it changes.
import type { RedisServer } from '../../platform/redis.ts';
import { until } from '../../platform/wait.ts';
import { type Fault, last, oneOf, type Scene } from './fault.ts';

const place = 'redis';
const promoteWithinMs = 15_000;

async function roleOf(server: RedisServer): Promise<string> {
  const role = (await server.call('ROLE').catch(() => ['none'])) as string[];
  return role[0] ?? 'none';
}

async function anyOf(scene: Scene, role: 'master' | 'slave'): Promise<RedisServer> {
  const found: RedisServer[] = [];
  for (const server of scene.rig.redis) if ((await roleOf(server)) === role) found.push(server);
  return oneOf(scene, found);
}

async function kill(scene: Scene, server: RedisServer): Promise<void> {
  scene.note(`kills the Redis on ${server.port}`);
  await server.kill();
  await last(scene, 1, 25);
  await server.restart();
}

async function pause(scene: Scene, server: RedisServer): Promise<void> {
  scene.note(`stops the Redis on ${server.port}`);
  server.pause();
  try {
    await last(scene, 5, 40);
  } finally {
    server.resume();
  }
}

export const redisFaults: readonly Fault[] = [
  { name: 'redis-master-kill', place, run: async (scene) => kill(scene, await anyOf(scene, 'master')) },
  { name: 'redis-replica-kill', place, run: async (scene) => kill(scene, await anyOf(scene, 'slave')) },
  { name: 'redis-master-pause', place, run: async (scene) => pause(scene, await anyOf(scene, 'master')) },
  { name: 'redis-replica-pause', place, run: async (scene) => pause(scene, await anyOf(scene, 'slave')) },
  {
    name: 'redis-promote',
    place,
    async run(scene) {
      const replica = await anyOf(scene, 'slave');
      scene.note(`promotes the Redis on ${replica.port}`);
      await replica.call('CLUSTER', 'FAILOVER');
      const isPromoted = async (): Promise<true | undefined> => (await roleOf(replica)) === 'master' || undefined;
      await until(isPromoted, { what: 'the replica to be promoted', withinMs: promoteWithinMs, everyMs: 100 });
    },
  },
  {
    name: 'flushall',
    place,
    async run(scene) {
      scene.note('flushes every Redis');
      for (const server of scene.rig.redis) {
        if ((await roleOf(server)) === 'master') await server.call('FLUSHALL');
      }
      await last(scene, 1, 5);
    },
  },
];
