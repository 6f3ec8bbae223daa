// A Redis Cluster on loopback, made without redis-cli: its way of making one waits for seconds at each step.
import { freePort } from './ports.ts';
import { startRedis } from './redis.ts';
import type { RedisServer } from './redis.ts';
import { until } from './wait.ts';

const slotCount = 16_384;
const withinMs = 15_000;

export interface RedisCluster extends AsyncDisposable {
  readonly masters: readonly RedisServer[];
  /** The replica of each master, in the same order; none when they were not asked for. */
  readonly replicas: readonly RedisServer[];
}

export interface RedisClusterOptions {
  /** Default 3. */
  readonly masters?: number;
  /** Of each master: 0 or 1. Default 1. */
  readonly replicas?: 0 | 1;
  /** Without a word from a master for this long the others promote its replica. Default 1,500. */
  readonly nodeTimeoutMs?: number;
  readonly settings?: Readonly<Record<string, string>>;
  /** The port of 127.0.0.1 that clients and replicas are told of in place of a server's own, as that of a line to it. */
  readonly announce?: (port: number) => Promise<number>;
}

/** Resolves when every slot is served and every replica follows its master. */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const count = options.masters ?? 3;
  const withReplicas = (options.replicas ?? 1) === 1;
  const settings = {
    'cluster-enabled': 'yes',
    'cluster-node-timeout': String(options.nodeTimeoutMs ?? 1_500),
    'cluster-replica-validity-factor': '0',
    'repl-diskless-sync-delay': '0',
    ...options.settings,
  };
  const total = withReplicas ? count * 2 : count;
  const servers: RedisServer[] = [];
  const busPorts: string[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  };
  try {
    for (let index = 0; index < total; index++) {
      const busPort = String(await freePort());
      const port = await freePort();
      const announced = options.announce === undefined ? {} : announcement(await options.announce(port), busPort);
      const server = await startRedis({ port, settings: { ...settings, 'cluster-port': busPort, ...announced } });
      servers.push(server);
      busPorts.push(busPort);
      await server.call('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
      const [first, firstBus] = [servers[0], busPorts[0]];
      if (first === undefined || firstBus === undefined || first === server) continue;
      await server.call('CLUSTER', 'MEET', first.host, String(first.port), firstBus);
    }
    const masters = servers.slice(0, count);
    for (const [index, master] of masters.entries()) {
      const first = Math.floor((index * slotCount) / count);
      const last = Math.floor(((index + 1) * slotCount) / count) - 1;
      await master.call('CLUSTER', 'ADDSLOTSRANGE', String(first), String(last));
    }
    await until(() => agree(servers, total, false), { what: 'the Redis Cluster to agree', withinMs });
    const replicas = servers.slice(count);
    for (const [index, replica] of replicas.entries()) {
      await replica.call('CLUSTER', 'REPLICATE', String(await masters[index]?.call('CLUSTER', 'MYID')));
    }
    for (const replica of replicas) await until(() => follows(replica), { what: 'a replica to follow', withinMs });
    await until(() => agree(servers, total, withReplicas), {
      what: 'the Redis Cluster to know its replicas',
      withinMs,
    });
    return { masters, replicas, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function announcement(port: number, busPort: string): Readonly<Record<string, string>> {
  return {
    'cluster-announce-ip': '127.0.0.1',
    'cluster-announce-port': String(port),
    'cluster-announce-bus-port': busPort,
  };
}

/** Whether every node knows all others, who serves each slot and, if asked, the replica of each master. */
async function agree(servers: readonly RedisServer[], total: number, withReplicas: boolean): Promise<true | undefined> {
  for (const server of servers) {
    const info = String(await server.call('CLUSTER', 'INFO'));
    if (!/cluster_state:ok\r/.test(info) || !info.includes(`cluster_known_nodes:${total}\r`)) return undefined;
    const ranges = (await server.call('CLUSTER', 'SLOTS')) as unknown[][];
    if (withReplicas && ranges.some((range) => range.length < 4)) return undefined;
  }
  return true;
}

async function follows(replica: RedisServer): Promise<true | undefined> {
  const info = String(await replica.call('INFO', 'replication'));
  return info.includes('role:slave\r') && info.includes('master_link_status:up\r') ? true : undefined;
}
