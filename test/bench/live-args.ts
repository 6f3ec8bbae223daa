// What `npm run live -- …` understands.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type ChannelBench, readArgs, sendersFor, UsageError } from './args.ts';

export const liveUsage = `npm run live [-- OPTIONS]        a channel and its listeners, shown once a second; q ends
  --listeners N     who hears it (1000)
  --rate R          comments a second (100)
  --seconds T       for so long (60)
  --class, --max-rate, --size, --slow-readers, --nodes, --direct     as of npm run bench -- fanout --channel
  --target H:P      a platform that runs already, and holds each user to its limits
  --data FOLDER     the data folder of that one, with its dev key (./data)`;

export interface LiveSettings {
  readonly bench: ChannelBench;
  /** A platform that runs; undefined = one of its own. */
  readonly target: { readonly address: string; readonly key: string } | undefined;
}

/** Comments a second that one user may make where limits are as they come. */
const presetPerUser = 2;
const passed = ['listeners', 'rate', 'seconds', 'class', 'max-rate', 'size', 'slow-readers', 'nodes'] as const;

/** @throws UsageError */
export function readLiveArgs(args: readonly string[]): LiveSettings {
  const strings = Object.fromEntries([...passed, 'target', 'data'].map((name) => [name, { type: 'string' }] as const));
  let values: { readonly [name: string]: string | boolean | undefined };
  try {
    values = parseArgs({ args: [...args], options: { ...strings, direct: { type: 'boolean' } } }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const { target, data, direct, seconds = '60', ...rest } = values;
  if (data !== undefined && target === undefined) throw new UsageError('--data is for --target');
  const options = Object.entries({ ...rest, seconds }).map(([name, value]) => `--${name}=${value as string}`);
  const read = readArgs(['fanout', '--channel', '--warm-up=0', ...options, ...(direct === true ? ['--direct'] : [])]);
  const bench = read as ChannelBench;
  if (target === undefined) return { bench, target };
  return {
    bench: { ...bench, senders: sendersFor((bench.rate * 100) / presetPerUser) },
    target: {
      address: target as string,
      key: path.resolve((data as string | undefined) ?? 'data', 'auth/dev-key.json'),
    },
  };
}
