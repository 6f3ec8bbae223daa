// What each process of a cluster on this machine does just now, and how it looks on a terminal.
import { readFile } from 'node:fs/promises';
import type { Cluster } from './cluster.ts';
import { type ProcessStat, readStat } from './proc.ts';
import type { RedisServer } from './redis.ts';

/** One process. */
export interface PartStatus {
  readonly name: string;
  readonly address: string;
  readonly pid: number | undefined;
  /** In a word or a few: ready, draining, master, replica, gone by SIGKILL. */
  readonly state: string;
  /** It does what it is there for. */
  readonly isWell: boolean;
  /** CPU seconds since it began; undefined when it is gone. */
  readonly cpuS: number | undefined;
  readonly memoryMib: number | undefined;
  /** Nodes only. */
  readonly node?: NodeFigures;
}

export interface NodeFigures {
  readonly sessions: number;
  readonly topics: number;
  /** Unary calls answered since it began. */
  readonly calls: number;
  /** Topics that are owed what Redis did not take. */
  readonly owed: number;
}

const answerWithinMs = 800;

/** Asks every process; takes a second at most. */
export function statusOf({ platform, redis, cassandra }: Cluster): Promise<PartStatus[]> {
  const nodes = platform.nodes.map(async (node) => {
    const [ready, figures] = await Promise.all([textOf(node.metrics, 'readyz'), textOf(node.metrics, 'metrics')]);
    const isRunning = node.isRunning;
    const state = isRunning ? (ready?.trim() ?? 'does not answer') : 'gone';
    const well = isRunning && state === 'ready';
    const one = await part(`node ${node.id}`, node.address, isRunning ? node.pid : undefined, state, well);
    return figures === undefined ? one : { ...one, node: readFigures(figures) };
  });
  const servers = [...redis.masters, ...redis.replicas].map(async (server) => {
    const { pid, state, isWell } = await redisState(server);
    return part('redis', `${server.host}:${server.port}`, pid, state, isWell);
  });
  const stores = cassandra.nodes.map((node) =>
    part('cassandra', node.address, node.pid, node.pid === undefined ? 'gone' : 'up', node.pid !== undefined),
  );
  const { envoy } = platform;
  const isGone = envoy?.child.ending !== undefined;
  const gateway =
    envoy === undefined
      ? []
      : [part('envoy', envoy.gateway, isGone ? undefined : envoy.pid, isGone ? 'gone' : 'up', !isGone)];
  return Promise.all([...nodes, ...gateway, ...servers, ...stores]);
}

/** A table as wide as it needs; CPU as percent of a core since `before`, `passedS` ago. */
export function tableOf(parts: readonly PartStatus[], before: readonly PartStatus[], passedS: number): string {
  const rows = parts.map(({ name, address, pid, state, cpuS, memoryMib, node }, at) => {
    const was = before[at]?.pid === pid ? before[at] : undefined;
    const percent = cpuS === undefined || was?.cpuS === undefined ? undefined : ((cpuS - was.cpuS) / passedS) * 100;
    const calls = node === undefined || was?.node === undefined ? undefined : (node.calls - was.node.calls) / passedS;
    return [
      name,
      address,
      String(pid ?? '-'),
      state,
      percent === undefined ? '-' : String(Math.round(percent)),
      memoryMib === undefined ? '-' : String(Math.round(memoryMib)),
      String(node?.sessions ?? ''),
      String(node?.topics ?? ''),
      calls === undefined ? '' : String(Math.round(calls)),
      String(node?.owed ?? ''),
    ];
  });
  const all = [
    ['process', 'address', 'pid', 'state', 'CPU %', 'MiB', 'sessions', 'topics', 'calls/s', 'owed'],
    ...rows,
  ];
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const isNumber = (column: number): boolean => column === 2 || column > 3;
  return all
    .map((row) =>
      row
        .map((cell, column) =>
          isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function readFigures(text: string): NodeFigures {
  const sum = (name: string): number => {
    let total = 0;
    for (const [, value] of text.matchAll(new RegExp(String.raw`^${name}(?:\{.*\})? (\S+)$`, 'gm')))
      total += Number(value);
    return total;
  };
  return {
    sessions: sum('parley_sessions'),
    topics: sum('parley_topics'),
    calls: sum('parley_calls_total'),
    owed: sum('parley_publish_owed'),
  };
}

async function redisState(server: RedisServer): Promise<{ pid: number | undefined; state: string; isWell: boolean }> {
  const { ending, pid } = server.child;
  if (ending !== undefined) return { pid: undefined, state: 'gone', isWell: false };
  const info = await within(server.call('INFO', 'replication'));
  if (typeof info !== 'string') return { pid, state: 'does not answer', isWell: false };
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1] ?? '';
  if (field('role') === 'master') return { pid, state: 'master', isWell: true };
  const follows = field('master_link_status') === 'up';
  return { pid, state: `${follows ? 'replica' : 'replica, cut off'} of ${field('master_port')}`, isWell: follows };
}

async function part(
  name: string,
  address: string,
  pid: number | undefined,
  state: string,
  isWell: boolean,
): Promise<PartStatus> {
  const used = pid === undefined ? undefined : await usedBy(pid);
  return { name, address, pid, state, isWell, cpuS: used?.cpuS, memoryMib: used?.residentMib };
}

/** Undefined where there is no /proc, or no such process any more. */
async function usedBy(pid: number): Promise<ProcessStat | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  return readStat(stat);
}

async function textOf(address: string, path: string): Promise<string | undefined> {
  const answer = await within(fetch(`http://${address}/${path}`));
  return answer?.text().catch(() => undefined);
}

/** Undefined when it fails, or takes too long. */
async function within<T>(asking: Promise<T>): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), answerWithinMs);
  const answer = await Promise.race([asking.catch(() => undefined), late.promise]);
  clearTimeout(timer);
  return answer;
}
