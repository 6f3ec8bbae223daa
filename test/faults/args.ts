import { parseArgs } from 'node:util';
import type { Fault } from './fault.ts';
import { faults } from './faults.ts';

export interface Args {
  readonly seed: number;
  readonly minutes: number;
  readonly faults: readonly Fault[];
  readonly users: number;
  readonly rate: number;
  readonly main: string | undefined;
  readonly old: string | undefined;
  readonly out: string | undefined;
}

export const usage = `npm run faults -- [--seed N] [--minutes M] [--only NAME]… [--users N] [--rate N] [--out FOLDER]

Starts a cluster, lets people talk on it, breaks things, and then checks that nothing was lost, doubled, moved, altered, or
heard by who should not; that positions never went back and presence is right in the end.

  --seed N      which faults come when, and what is said (default 1)
  --minutes M   how long things break (default 10); with 30 or more, every fault comes at least once
  --only NAME   nothing but this fault; may be given more than once
  --users N     with one to three devices each (default 40)
  --rate N      things done a second, by all together (default 100)
  --out FOLDER  where the run keeps its files (default: a new one in the temporary folder, kept if something was found)
  --old REF     the release that old-beside-new puts beside this one (default: the last tag v1.2.3, if there is one)
  --main FILE   the nodes' program (default server/main.ts)

Faults: ${faults.map(({ name }) => name).join(', ')}.

Exits with 0 when nothing was found, 1 when something was, 2 when it could not run.`;

/** What was wrong with the command line, in words for its author. */
export class UsageError extends Error {}

/** @throws UsageError */
export function parseCommandLine(argv: string[]): Args | 'help' {
  const { values } = parse(argv);
  if (values.help) return 'help';
  const only = values.only ?? [];
  const unknown = only.find((name) => !faults.some((fault) => fault.name === name));
  if (unknown !== undefined) throw new UsageError(`there is no fault called ${unknown}`);
  return {
    seed: positive(values.seed, '--seed'),
    minutes: positive(values.minutes, '--minutes'),
    users: positive(values.users, '--users'),
    rate: positive(values.rate, '--rate'),
    faults: only.length === 0 ? faults : faults.filter(({ name }) => only.includes(name)),
    main: values.main,
    old: values.old,
    out: values.out,
  };
}

function parse(args: string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args,
      options: {
        seed: { ...text, default: '1' },
        minutes: { ...text, default: '10' },
        only: { ...text, multiple: true },
        users: { ...text, default: '40' },
        rate: { ...text, default: '100' },
        old: text,
        out: text,
        main: text,
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function positive(value: string, name: string): number {
  const number = Number(value);
  if (!/^\d+(\.\d+)?$/.test(value) || number <= 0)
    throw new UsageError(`${name} must be a number above 0, not "${value}"`);
  return number;
}
