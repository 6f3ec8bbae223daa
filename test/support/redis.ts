// Real Redis for a test: started on free ports, ended with it.
import { randomUUID } from 'node:crypto';
import { systemClock } from '../../server/core/clock.ts';
import { RedisBus } from '../../server/bus/redis.ts';
import type { RedisSettings } from '../../server/redis/settings.ts';
import { Shards } from '../../server/redis/shards.ts';
import { type RedisServer, startRedis } from '../../platform/redis.ts';
import { type RedisCluster, type RedisClusterOptions, startRedisCluster } from '../../platform/redis-cluster.ts';

/** A deployment of Redis and how to reach it. */
export interface TestRedis extends AsyncDisposable {
  readonly settings: RedisSettings;
  /** Masters first, then the replica of each in the same order. */
  readonly servers: readonly RedisServer[];
}

export async function oneRedis(settings: Readonly<Record<string, string>> = {}): Promise<TestRedis> {
  const server = await startRedis({ settings });
  return {
    settings: { nodes: [server], cluster: false },
    servers: [server],
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Three masters, each with a replica unless told otherwise. Two are told to who connects: one may be down. */
export async function clusterOfRedis(options: RedisClusterOptions = {}): Promise<TestRedis> {
  const cluster: RedisCluster = await startRedisCluster(options);
  return {
    settings: { nodes: cluster.masters.slice(0, 2), cluster: true },
    servers: [...cluster.masters, ...cluster.replicas],
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

/** Buses of nodes of one deployment that no other test shares. */
export async function busesOn(redis: TestRedis, count: number): Promise<RedisBus[]> {
  const prefix = newPrefix();
  const buses = Array.from(
    { length: count },
    () => new RedisBus({ settings: redis.settings, clock: systemClock, prefix }),
  );
  await Promise.all(buses.map((bus) => bus.ready()));
  return buses;
}

export function newPrefix(): string {
  return `test-${randomUUID()}:`;
}

export async function disposeAll(all: readonly AsyncDisposable[]): Promise<void> {
  await Promise.all(all.map((one) => one[Symbol.asyncDispose]()));
}

/** The Redis side of a registry, reached already. */
export async function shardsOn(redis: TestRedis): Promise<Shards> {
  const shards = new Shards({ settings: redis.settings, clock: systemClock, name: 'parley-test' });
  await shards.ready();
  return shards;
}
