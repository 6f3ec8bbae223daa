// A whole cluster on this machine: Redis, Cassandra, nodes and Envoy, started and stopped as one thing. Used by
// `npm run cluster`, the fault runs, the replay, the bench and the tests. It needs about 3 GiB of memory.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import type { Backends } from './backends.ts';
import { type Cassandra, type CassandraOptions, startCassandra } from './cassandra.ts';
import { type Platform, type PlatformOptions, startPlatform } from './platform.ts';
import { startRedisCluster } from './redis-cluster.ts';
import { type RedisServer, startRedis } from './redis.ts';

export interface ClusterOptions extends Omit<PlatformOptions, 'backends'> {
  /** Processes of Cassandra. Default 1. */
  readonly cassandra?: 1 | 3;
  /** A Cassandra that stands already and is left standing, in place of one of the cluster's own. */
  readonly standing?: Backends['cassandra'];
  /** Default `group`: what was acknowledged outlives kill -9. */
  readonly commitLog?: CassandraOptions['commitLog'];
  /** Of the cluster's own Cassandra. Default false: see there. */
  readonly isShortLived?: boolean;
  /** Default a Redis Cluster of three masters with a replica each; `one`: a lone Redis. */
  readonly redis?: 'cluster' | 'one';
  /** Of the Redis Cluster: see RedisClusterOptions. */
  readonly announceRedis?: (port: number) => Promise<number>;
  /** Told what is being started. */
  readonly onProgress?: (what: string) => void;
}

export interface Cluster extends AsyncDisposable {
  readonly platform: Platform;
  /** Without `nodes` when it stood already. */
  readonly cassandra: Cassandra;
  readonly redis: { readonly masters: readonly RedisServer[]; readonly replicas: readonly RedisServer[] };
  stop(): Promise<void>;
}

/** Resolves when clients can call `platform.gateway`. Leaves no process when it throws. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const {
    cassandra: count = 1,
    standing,
    commitLog,
    isShortLived = false,
    redis: kind = 'cluster',
    announceRedis,
    onProgress,
    ...ofPlatform
  } = options;
  installParts();
  const started: AsyncDisposable[] = [];
  const stop = async (): Promise<void> => {
    for (const one of started.toReversed()) await one[Symbol.asyncDispose]();
  };
  const kept = async <T extends AsyncDisposable>(starting: Promise<T>): Promise<T> => {
    const one = await starting;
    started.push(one);
    return one;
  };
  const startOwn = (): Promise<Cassandra> => {
    onProgress?.(count === 1 ? 'Cassandra' : 'Cassandra: three nodes, one after the other');
    return startCassandra({
      nodes: count,
      isShortLived,
      ...(commitLog === undefined ? {} : { commitLog }),
      ...(options.dataDir === undefined ? {} : { folder: path.resolve(options.dataDir, 'cassandra') }),
    });
  };
  try {
    onProgress?.(kind === 'one' ? 'Redis' : 'Redis Cluster: three masters, a replica each');
    const redis =
      kind === 'one'
        ? { masters: [await kept(startRedis())], replicas: [] }
        : await kept(
            startRedisCluster({
              nodeTimeoutMs: 5_000,
              ...(announceRedis === undefined ? {} : { announce: announceRedis }),
            }),
          );
    const cassandra = standing === undefined ? await kept(startOwn()) : leftStanding(standing);
    onProgress?.(`${options.nodes ?? 3} nodes and Envoy`);
    const platform = await kept(
      startPlatform({
        nodes: 3,
        ...ofPlatform,
        backends: {
          cassandra: standing ?? { contactPoints: cassandra.contactPoints, dataCenter: cassandra.dataCenter },
          redis: {
            nodes: redis.masters.map(({ host, port }) => `${host}:${port}`),
            cluster: kind === 'cluster',
          },
        },
      }),
    );
    return { platform, cassandra, redis, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function leftStanding({ contactPoints, dataCenter }: Backends['cassandra']): Cassandra {
  const leave = (): Promise<void> => Promise.resolve();
  return { contactPoints, dataCenter, nodes: [], stop: leave, [Symbol.asyncDispose]: leave };
}

/** What a lone node does without, Cassandra above all, is installed when it is first needed. */
function installParts(): void {
  const installer = path.join(import.meta.dirname, 'install.mjs');
  try {
    execFileSync(process.execPath, [installer, '--cluster'], { stdio: ['ignore', 2, 2] });
  } catch (error) {
    throw new Error('what a cluster stands on is not complete: see the lines above', { cause: error });
  }
}
