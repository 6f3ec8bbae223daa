import { parseArgs } from 'node:util';

export interface Args {
  /** How many times faster than the log; Infinity = as fast as it goes. */
  speed: number;
  disturb: boolean;
  /** Decides which streams break, when and how. */
  seed: number;
  /** The private platform is a cluster: three nodes, Redis Cluster, Cassandra. */
  cluster: boolean;
  /** A running platform; undefined = a private one for this run. */
  target: { host: string; port: number } | undefined;
  files: string[];
}

export const usage = `npm run replay -- [--speed N|max] [--disturb] [--seed N] [--cluster | --target HOST:PORT] FILE…

Plays IRC logs as real conversations: a group per file, a client per nick, all through the gateway. Then checks that
everybody heard everything, once, in order and unaltered.

  --speed N|max        N times as fast as the log's own clock; max (default): as fast as it goes
  --disturb            break and reopen streams at random while it plays
  --seed N             the random numbers of --disturb (default 1)
  --cluster            play on three nodes with a Redis Cluster and a Cassandra, all started for this run
  --target HOST:PORT   play on a running platform. Tokens come from the command in PARLEY_TOKEN_COMMAND, run with the
                       user id as last argument; without it, from the dev key that npm start keeps in ./data.
                       Default: one node, started for this run and gone after it

  npm run replay -- --disturb test/replay/excerpt/ubuntu.txt

Exits with 0 when nothing was lost, duplicated, reordered or altered, 1 when something was, 2 when it could not run.`;

/** What was wrong with the command line, in words for its author. */
export class UsageError extends Error {}

export function parseCommandLine(argv: string[]): Args | 'help' {
  const { values, positionals } = parse(argv);
  if (values.help) return 'help';
  if (positionals.length === 0) {
    throw new UsageError('Name at least one log, for instance test/replay/excerpt/ubuntu.txt');
  }
  const twice = positionals.find((file, index) => positionals.indexOf(file) !== index);
  if (twice !== undefined) throw new UsageError(`${twice} is named twice`);
  if (values.cluster && values.target !== undefined) {
    throw new UsageError('--cluster starts a platform, --target names one: not both');
  }
  return {
    cluster: values.cluster,
    speed: parseSpeed(values.speed),
    disturb: values.disturb,
    seed: parseSeed(values.seed),
    target: values.target === undefined ? undefined : parseTarget(values.target),
    files: positionals,
  };
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        speed: { type: 'string', default: 'max' },
        disturb: { type: 'boolean', default: false },
        seed: { type: 'string', default: '1' },
        target: { type: 'string' },
        cluster: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function parseSpeed(text: string): number {
  if (text === 'max') return Infinity;
  const speed = Number(text);
  if (text.trim() !== '' && Number.isFinite(speed) && speed > 0) return speed;
  throw new UsageError(`--speed takes a number above 0 or max, not ${JSON.stringify(text)}`);
}

function parseSeed(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`--seed takes a whole number from 0 to 999999999, not ${JSON.stringify(text)}`);
}

function parseTarget(text: string): { host: string; port: number } {
  const found = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+):(\d{1,5})$/.exec(text);
  const port = Number(found?.[2]);
  if (found?.[1] !== undefined && port >= 1 && port <= 65_535) return { host: found[1], port };
  throw new UsageError(`--target takes HOST:PORT, for instance 127.0.0.1:8080, not ${JSON.stringify(text)}`);
}
