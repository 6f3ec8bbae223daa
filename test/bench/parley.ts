// One run on a fresh Parley.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type Cluster, startCluster } from '../../platform/cluster.ts';
import { type Platform, type PlatformOptions, startPlatform } from '../../platform/platform.ts';
import type { Bench } from './args.ts';
import { generate, type Target } from './generator.ts';
import type { Report } from './report.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** No rate limit is what a bench is about, and a group of its size must be allowed. */
function environmentOf(bench: Bench): Record<string, string> {
  const most = '1000000';
  const hasChannel = bench.bench === 'channel' || (bench.bench === 'pairs' && bench.besideRate !== undefined);
  return {
    PARLEY_LIMIT_SENDS_PER_S: most,
    PARLEY_LIMIT_SENDS_BURST: most,
    PARLEY_LIMIT_OPENS_PER_S: most,
    PARLEY_LIMIT_OPENS_BURST: most,
    PARLEY_LIMIT_CONNECTS_PER_S: most,
    ...(bench.bench === 'fanout' ? { PARLEY_MEMBER_CAP: String(bench.listeners + bench.senders + 1) } : {}),
    ...(hasChannel ? { PARLEY_LIMIT_COMMENTS_PER_S: most, PARLEY_LIMIT_CHANNEL_COMMENTS_PER_S: most } : {}),
  };
}

/**
 * Starts a platform with ports and folders of its own, does the work, stops it. The data lies beside the cache, on the
 * disk of the checkout: a folder for temporary files may be memory, where an fsync costs nothing.
 */
export async function withParley<T>(bench: Bench, work: (target: Target) => Promise<T>): Promise<T> {
  mkdirSync(path.join(root, '.cache/bench'), { recursive: true });
  const dataDir = mkdtempSync(path.join(root, '.cache/bench/data-'));
  const profiles = bench.cpuProf === undefined ? undefined : path.resolve(bench.cpuProf);
  try {
    await using started = await start(bench, {
      dataDir,
      direct: bench.direct,
      env: environmentOf(bench),
      nodeFlags: [...bench.nodeFlags, ...(profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`])],
    });
    const { platform } = started;
    const failed = platform.failed.then(({ child }) => {
      throw new Error([`${child.name} ended during the bench:`, ...child.tail()].join('\n  '));
    });
    const target: Target = {
      carrier: 'parley',
      address: platform.gateway,
      key: path.join(dataDir, 'auth/dev-key.json'),
      processes: processesOf(started),
      metrics: platform.nodes.map((node) => node.metrics),
    };
    return await Promise.race([work(target), failed]);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** One run of a bench. */
export function runOnParley(binary: string, bench: Bench): Promise<Report> {
  return withParley(bench, (target) => generate(binary, bench, target));
}

type Started = AsyncDisposable & { readonly platform: Platform } & Partial<Pick<Cluster, 'cassandra' | 'redis'>>;

async function start({ cluster, nodes }: Bench, options: PlatformOptions): Promise<Started> {
  if (cluster !== undefined) return startCluster({ ...options, nodes: nodes ?? 3, commitLog: cluster });
  // Nodes hear each other through Redis, which is for nodes that share a store.
  if (nodes !== undefined && nodes > 1) return startCluster({ ...options, nodes, redis: 'one' });
  const platform = await startPlatform(options);
  return { platform, [Symbol.asyncDispose]: () => platform.stop() };
}

function processesOf({ platform, cassandra, redis }: Started): [name: string, pid: number][] {
  const servers = redis === undefined ? [] : [...redis.masters, ...redis.replicas];
  return [
    ...platform.nodes.map((node): [string, number] => ['node', node.pid]),
    ...(platform.envoy === undefined ? [] : [['envoy', platform.envoy.pid] as [string, number]]),
    ...servers.map((server): [string, number] => ['redis', server.child.pid]),
    ...(cassandra?.nodes ?? []).map((node): [string, number] => ['cassandra', node.pid ?? 0]),
  ];
}
