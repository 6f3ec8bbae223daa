// What `npm run bench -- …` understands.
import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';

interface Common {
  /** To the node itself, without Envoy. */
  readonly direct: boolean;
  /** Three nodes on a Redis Cluster and one Cassandra, which syncs its commit log so; undefined = one node on the embedded store. */
  readonly cluster: 'periodic' | 'group' | undefined;
  /** Node processes; undefined = one, or three of a cluster. Several without `cluster` share a lone Redis and a Cassandra. */
  readonly nodes: number | undefined;
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
  /** Comments a second of a channel that goes on beside it; undefined = none. */
  readonly besideRate: number | undefined;
  readonly channelListeners: number;
}

export interface FanoutBench extends Common {
  readonly bench: 'fanout';
  readonly listeners: number;
  readonly senders: number;
  /** Messages a second. */
  readonly rate: number;
  /** Listeners acknowledge. */
  readonly acks: boolean;
}

/** `fanout --channel`. */
export interface ChannelBench extends Common {
  readonly bench: 'channel';
  readonly listeners: number;
  readonly senders: number;
  /** Comments a second. */
  readonly rate: number;
  readonly class: 'everything' | 'sampled' | 'latest';
  /** Comments a second of a sample; 0 = the server's preset. */
  readonly maxRate: number;
  /** Share of the listeners that read one message a second. */
  readonly slowReaders: number;
  /** Looks for the highest rate that is sustained, from `rate` on. */
  readonly highest: boolean;
}

export interface ConnectionsBench extends Common {
  readonly bench: 'connections';
  readonly streams: number;
  readonly streamsPerConnection: number;
}

export type Bench = PairsBench | FanoutBench | ChannelBench | ConnectionsBench;

/** Something that the caller of the bench has to put right. */
export class UsageError extends Error {}

export const usage = `npm run bench -- connections [--streams N] [--streams-per-connection N]
npm run bench -- fanout [--listeners N] [--rate R] [--senders N] [--size BYTES]
npm run bench -- fanout --channel [--class everything|sampled|latest] [--max-rate R] [--slow-readers SHARE] [--highest] …
npm run bench -- pairs [--pairs P] [--think MS] [--receipts | --receipts-each] [--size BYTES] [--beside-channel R [--channel-listeners N]]
npm run bench -- report FILE … [--out FILE]     the results that runs have printed, as a page

  --listeners, --rate and --size of fanout take several values, as 100,400: each is a run of its own, with a line of JSON

  --seconds T     measured time of a run (pairs, fanout 20; connections 60)
  --warm-up T     seconds before it (3)
  --runs N        whole runs, each on a fresh platform; the report has the medians (1)
  --direct        to the node itself, without Envoy
  --cluster       three nodes on a Redis Cluster (six processes) and one Cassandra, all on this machine
  --nodes N       so many nodes: without --cluster, on one Redis and one Cassandra
  --commit-log M  with --cluster: how Cassandra syncs, group (default: what was acknowledged outlives kill -9) or periodic
  --peer socketio the same work on socket.io with its Redis adapter, run by run beside Parley's
  --cpu-prof DIR  CPU profiles of the node
  --node-flags "--A --B"  more options of Node for the node process
test/bench/README.md says what is measured and how.`;

const options = {
  direct: { type: 'boolean' },
  cluster: { type: 'boolean' },
  'commit-log': { type: 'string' },
  nodes: { type: 'string' },
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
  channel: { type: 'boolean' },
  class: { type: 'string' },
  'max-rate': { type: 'string' },
  'slow-readers': { type: 'string' },
  highest: { type: 'boolean' },
  'beside-channel': { type: 'string' },
  'channel-listeners': { type: 'string' },
  streams: { type: 'string' },
  'streams-per-connection': { type: 'string' },
} as const satisfies ParseArgsConfig['options'];

type Values = ReturnType<typeof parse>['values'];
type Name = keyof typeof options;

const common: readonly Name[] = [
  'direct',
  'cluster',
  'commit-log',
  'nodes',
  'runs',
  'seconds',
  'warm-up',
  'peer',
  'cpu-prof',
  'node-flags',
];
const ofChannels: readonly Name[] = ['class', 'max-rate', 'slow-readers', 'highest'];
const own = {
  connections: ['streams', 'streams-per-connection'],
  fanout: ['listeners', 'senders', 'rate', 'size', 'channel', ...ofChannels],
  pairs: ['pairs', 'think', 'receipts', 'receipts-each', 'size', 'beside-channel', 'channel-listeners'],
} satisfies Record<string, readonly Name[]>;
const several: readonly Name[] = ['listeners', 'rate', 'size'];

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** One bench for each combination of the values of `fanout` that are lists. @throws UsageError */
export function readBenches(args: readonly string[]): Bench[] {
  const { values, positionals } = parse(args);
  let all: Values[] = [values];
  for (const name of positionals[0] === 'fanout' ? several : []) {
    const list = String(values[name] ?? '').split(',');
    if (list.length > 1) all = all.flatMap((each) => list.map((value) => ({ ...each, [name]: value })));
  }
  return all.map((each) => readValues(each, positionals));
}

/** @throws UsageError */
export function readArgs(args: readonly string[]): Bench {
  const { values, positionals } = parse(args);
  return readValues(values, positionals);
}

function readValues(values: Values, positionals: readonly string[]): Bench {
  const [bench, ...rest] = positionals;
  if (bench === undefined) throw new UsageError('which bench? connections, fanout, pairs, append, away, web or report');
  if (bench !== 'connections' && bench !== 'fanout' && bench !== 'pairs') {
    throw new UsageError(`no bench is called "${bench}": connections, fanout or pairs`);
  }
  if (rest.length > 0) throw new UsageError(`"${rest.join(' ')}" after ${bench} means nothing`);
  const allowed: readonly Name[] = [...own[bench], ...common];
  for (const name of Object.keys(values) as Name[]) {
    if (!allowed.includes(name)) {
      throw new UsageError(`--${name} is not for ${bench}; it takes --${allowed.join(', --')}`);
    }
    if (ofChannels.includes(name) && values.channel !== true) throw new UsageError(`--${name} is for fanout --channel`);
  }
  if (values.peer !== undefined && values.peer !== 'socketio') {
    throw new UsageError(`no peer is called "${values.peer}": socketio`);
  }
  const shared: Common = {
    direct: values.direct ?? false,
    cluster: readCluster(values),
    nodes: values.nodes === undefined ? undefined : number(values, 'nodes', 1, 1, 9),
    runs: number(values, 'runs', 1, 1, 100),
    seconds: number(values, 'seconds', bench === 'connections' ? 60 : 20, 1, 3600),
    warmUpS: number(values, 'warm-up', 3, 0, 600),
    peer: values.peer !== undefined,
    cpuProf: values['cpu-prof'],
    nodeFlags: values['node-flags']?.split(' ').filter((flag) => flag !== '') ?? [],
    sizeBytes: number(values, 'size', 300, 32, 65_536),
  };
  if (bench === 'pairs') return readPairs(values, shared);
  if (values.channel === true) return readChannel(values, shared);
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
    besideRate: values['beside-channel'] === undefined ? undefined : number(values, 'beside-channel', 1, 1, 100_000),
    channelListeners: readChannelListeners(values),
  };
}

function readChannelListeners(values: Values): number {
  if (values['channel-listeners'] !== undefined && values['beside-channel'] === undefined) {
    throw new UsageError('--channel-listeners is for --beside-channel');
  }
  return number(values, 'channel-listeners', 1000, 1, 19_000);
}

function readFanout(values: Values, shared: Common): FanoutBench {
  return { ...shared, bench: 'fanout', ...readAudience(values), acks: true };
}

function readAudience(values: Values): Pick<FanoutBench, 'rate' | 'listeners' | 'senders'> {
  const rate = number(values, 'rate', 100, 1, 100_000);
  return {
    rate,
    listeners: number(values, 'listeners', 1000, 1, 19_000),
    senders: number(values, 'senders', sendersFor(rate), 1, 1000),
  };
}

/** One user may not send faster than this. */
export function sendersFor(rate: number): number {
  return Math.min(Math.ceil(rate / 100), 1000);
}

function readChannel(values: Values, shared: Common): ChannelBench {
  const kind = values.class ?? 'everything';
  if (kind !== 'everything' && kind !== 'sampled' && kind !== 'latest') {
    throw new UsageError(`--class takes everything, sampled or latest, not "${kind}"`);
  }
  if (values['max-rate'] !== undefined && kind !== 'sampled') throw new UsageError('--max-rate is for --class sampled');
  const slowReaders = Number(values['slow-readers'] ?? 0);
  if (!(slowReaders >= 0 && slowReaders < 1)) {
    throw new UsageError(`--slow-readers takes a share from 0 to below 1, not "${values['slow-readers']}"`);
  }
  if (shared.sizeBytes > 2000) throw new UsageError('a comment has at most 2000 bytes: --size');
  return {
    ...shared,
    bench: 'channel',
    ...readAudience(values),
    class: kind,
    maxRate: number(values, 'max-rate', 0, 1, 100),
    slowReaders,
    highest: values.highest ?? false,
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
