// What `npm run bench -- …` understands.
import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';

interface Common {
  /** To the node itself, without Envoy. */
  readonly direct: boolean;
  /** Three nodes on a Redis Cluster and one Cassandra, which syncs its commit log so; undefined = one node on the embedded store. */
  readonly cluster: 'periodic' | 'group' | undefined;
  /** Whole runs, each on a fresh platform; the report has their medians. */
  readonly runs: number;
  /** Measured time of a run. */
  readonly seconds: number;
  /** Time before it that is not measured. */
  readonly warmUpS: number;
  /** The same work on socket.io too. */
  readonly peer: boolean;
  /** Where the node's CPU profiles go. */
  readonly cpuProf: string | undefined;
  /** More options of Node for the node process, to compare them. */
  readonly nodeFlags: readonly string[];
  /** Bytes of a message. */
  readonly sizeBytes: number;
}

export interface PairsBench extends Common {
  readonly bench: 'pairs';
  readonly pairs: number;
  readonly thinkMs: number;
  /** none; sdk: read positions go out with the acks, at most one a second; each: after every message. */
  readonly receipts: 'none' | 'sdk' | 'each';
}

export interface FanoutBench extends Common {
  readonly bench: 'fanout';
  readonly listeners: number;
  readonly senders: number;
  /** Messages a second. */
  readonly rate: number;
}

export interface ConnectionsBench extends Common {
  readonly bench: 'connections';
  readonly streams: number;
  readonly streamsPerConnection: number;
}

export type Bench = PairsBench | FanoutBench | ConnectionsBench;

/** Something that the caller of the bench has to put right. */
export class UsageError extends Error {}

export const usage = `npm run bench -- connections [--streams N] [--streams-per-connection N]
npm run bench -- fanout [--listeners N] [--rate R] [--senders N] [--size BYTES]
npm run bench -- pairs [--pairs P] [--think MS] [--receipts | --receipts-each] [--size BYTES]

  --seconds T     measured time of a run (pairs, fanout 20; connections 60)
  --warm-up T     seconds before it (3)
  --runs N        whole runs, each on a fresh platform; the report has the medians (1)
  --direct        to the node itself, without Envoy
  --cluster       three nodes on a Redis Cluster (six processes) and one Cassandra, all on this machine
  --commit-log M  with --cluster: how Cassandra syncs, group (default: what was acknowledged outlives kill -9) or periodic
  --peer socketio the same work on socket.io with its Redis adapter, run by run beside Parley's
  --cpu-prof DIR  CPU profiles of the node
  --node-flags "--A --B"  more options of Node for the node process
test/bench/README.md says what is measured and how.`;

const options = {
  direct: { type: 'boolean' },
  cluster: { type: 'boolean' },
  'commit-log': { type: 'string' },
  runs: { type: 'string' },
  seconds: { type: 'string' },
  'warm-up': { type: 'string' },
  peer: { type: 'string' },
  'cpu-prof': { type: 'string' },
  'node-flags': { type: 'string' },
  size: { type: 'string' },
  pairs: { type: 'string' },
  think: { type: 'string' },
  receipts: { type: 'boolean' },
  'receipts-each': { type: 'boolean' },
  listeners: { type: 'string' },
  senders: { type: 'string' },
  rate: { type: 'string' },
  streams: { type: 'string' },
  'streams-per-connection': { type: 'string' },
} as const satisfies ParseArgsConfig['options'];

type Values = ReturnType<typeof parse>['values'];
type Name = keyof typeof options;

const common: readonly Name[] = [
  'direct',
  'cluster',
  'commit-log',
  'runs',
  'seconds',
  'warm-up',
  'peer',
  'cpu-prof',
  'node-flags',
];
const own: Record<Bench['bench'], readonly Name[]> = {
  connections: ['streams', 'streams-per-connection'],
  fanout: ['listeners', 'senders', 'rate', 'size'],
  pairs: ['pairs', 'think', 'receipts', 'receipts-each', 'size'],
};

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** @throws UsageError */
export function readArgs(args: readonly string[]): Bench {
  const { values, positionals } = parse(args);
  const [bench, ...rest] = positionals;
  if (bench === undefined) throw new UsageError('which bench? connections, fanout or pairs');
  if (bench !== 'connections' && bench !== 'fanout' && bench !== 'pairs') {
    throw new UsageError(`no bench is called "${bench}": connections, fanout or pairs`);
  }
  if (rest.length > 0) throw new UsageError(`"${rest.join(' ')}" after ${bench} means nothing`);
  for (const name of Object.keys(values) as Name[]) {
    if (!common.includes(name) && !own[bench].includes(name)) {
      throw new UsageError(`--${name} is not for ${bench}; it takes --${[...own[bench], ...common].join(', --')}`);
    }
  }
  if (values.peer !== undefined && values.peer !== 'socketio') {
    throw new UsageError(`no peer is called "${values.peer}": socketio`);
  }
  const shared: Common = {
    direct: values.direct ?? false,
    cluster: readCluster(values),
    runs: number(values, 'runs', 1, 1, 100),
    seconds: number(values, 'seconds', bench === 'connections' ? 60 : 20, 1, 3600),
    warmUpS: number(values, 'warm-up', 3, 0, 600),
    peer: values.peer !== undefined,
    cpuProf: values['cpu-prof'],
    nodeFlags: values['node-flags']?.split(' ').filter((flag) => flag !== '') ?? [],
    sizeBytes: number(values, 'size', 300, 32, 65_536),
  };
  if (bench === 'pairs') return readPairs(values, shared);
  if (bench === 'fanout') return readFanout(values, shared);
  return readConnections(values, shared);
}

function readCluster(values: Values): Common['cluster'] {
  const mode = values['commit-log'] ?? 'group';
  if (mode !== 'group' && mode !== 'periodic')
    throw new UsageError(`--commit-log takes group or periodic, not "${mode}"`);
  if (values.cluster === true) return mode;
  if (values['commit-log'] !== undefined) throw new UsageError('--commit-log is for --cluster');
  return undefined;
}

function readPairs(values: Values, shared: Common): PairsBench {
  if (values.receipts === true && values['receipts-each'] === true) {
    throw new UsageError('--receipts or --receipts-each, not both');
  }
  return {
    ...shared,
    bench: 'pairs',
    pairs: number(values, 'pairs', 100, 1, 9_000),
    thinkMs: number(values, 'think', 0, 0, 600_000),
    receipts: values['receipts-each'] === true ? 'each' : values.receipts === true ? 'sdk' : 'none',
  };
}

function readFanout(values: Values, shared: Common): FanoutBench {
  const rate = number(values, 'rate', 100, 1, 100_000);
  return {
    ...shared,
    bench: 'fanout',
    rate,
    listeners: number(values, 'listeners', 1000, 1, 19_000),
    senders: number(values, 'senders', Math.ceil(rate / 100), 1, 1000),
  };
}

function readConnections(values: Values, shared: Common): ConnectionsBench {
  const streamsPerConnection = number(values, 'streams-per-connection', shared.direct ? 1000 : 1, 1, 100_000);
  return {
    ...shared,
    bench: 'connections',
    streamsPerConnection,
    // Each connection is an open file of Envoy or the node, of which there are 20,000 on the machines this is run on.
    streams: number(values, 'streams', 10_000, 1, 19_000 * streamsPerConnection),
  };
}

function number(values: Values, name: Name, fallback: number, min: number, max: number): number {
  const value = values[name];
  if (value === undefined) return fallback;
  const read = Number(value);
  if (typeof value !== 'string' || !/^\d+$/.test(value) || read < min || read > max) {
    throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, not "${value}"`);
  }
  return read;
}
