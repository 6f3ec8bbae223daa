/** `npm run replay`: see args.ts for what it takes and report.ts for what it says at the end. */
import { readFile } from 'node:fs/promises';
import { startCluster } from '../../platform/cluster.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { type Args, parseCommandLine, usage, UsageError } from './args.ts';
import { Stalled } from './listening.ts';
import { parleyClients } from './parley-client.ts';
import { type FilePlan, planFile } from './plan.ts';
import { Progress } from './progress.ts';
import { exitCode, lastLine } from './report.ts';
import { run } from './run.ts';
import { tokensForTarget } from './token-source.ts';

async function main(args: Args): Promise<number> {
  const plans = await Promise.all(args.files.map(readPlan));
  const sum = (count: (plan: FilePlan) => number): number => plans.reduce((total, plan) => total + count(plan), 0);
  const progress = new Progress(process.stderr, () => performance.now());

  await using stack = new AsyncDisposableStack();
  let platform: Platform | undefined;
  const env = limitsFor(plans);
  if (args.cluster) platform = stack.use(await startCluster({ env })).platform;
  else if (!args.target) platform = stack.use(await startPlatform({ env }));
  const makeClient = parleyClients({
    gateway: platform ? platform.gateway : `${args.target?.host}:${args.target?.port}`,
    token: platform
      ? (user) => platform.token(user)
      : await tokensForTarget(process.env['PARLEY_TOKEN_COMMAND'], process.env['PARLEY_DATA'] ?? 'data'),
    breakable: args.disturb,
  });
  const isPrivate = platform !== undefined;
  const disturbSeed = args.disturb ? args.seed : undefined;
  const running = run(plans, { speed: args.speed, disturbSeed, isPrivate, makeClient, progress });
  const { verdict, ...result } = await Promise.race([running, interrupted(platform)]);

  for (const finding of verdict.findings) console.error(finding);
  if (args.disturb) console.error(`${result.breaks} streams were broken on purpose (seed ${args.seed})`);
  const messages = sum((plan) => plan.messages);
  const skippedLines = sum((plan) => plan.skippedLines);
  console.log(lastLine({ files: plans.length, messages, skippedLines, verdict, ...result }));
  return exitCode(verdict);
}

/** Why there is no verdict, in words. */
class Stopped extends Error {}

/** Rejects with Stopped when the run is to stop: it was told to, or the private platform is gone. */
async function interrupted(platform: Platform | undefined): Promise<never> {
  const stop = Promise.withResolvers<never>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => stop.reject(new Stopped(`stopped by ${signal}`)));
  }
  void platform?.failed.then(({ child }) =>
    stop.reject(new Stopped([`${child.name} ended by itself`, ...child.tail()].join('\n'))),
  );
  return stop.promise;
}

/** Limits are for people: a nick that says in a second what it said in hours is none, and its group may be large. */
function limitsFor(plans: FilePlan[]): Record<string, string> {
  const members = Math.max(1_000, ...plans.map((plan) => plan.users.length + 1));
  const unlimited = String(1_000_000);
  return {
    PARLEY_MEMBER_CAP: String(members),
    PARLEY_LIMIT_SENDS_PER_S: unlimited,
    PARLEY_LIMIT_SENDS_BURST: unlimited,
    PARLEY_LIMIT_OPENS_PER_S: unlimited,
    PARLEY_LIMIT_OPENS_BURST: unlimited,
    PARLEY_LIMIT_CONNECTS_PER_S: unlimited,
  };
}

async function readPlan(path: string): Promise<FilePlan> {
  try {
    return planFile(path, await readFile(path));
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`);
  }
}

async function exitCodeOf(argv: string[]): Promise<number> {
  try {
    const args = parseCommandLine(argv);
    if (args !== 'help') return await main(args);
    console.log(usage);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) console.error(`replay: ${error.message}\n\n${usage}`);
    else console.error('replay:', error instanceof Stopped || error instanceof Stalled ? error.message : error);
    return 2;
  }
}

// Not left to the end of the event loop: after thousands of connections were reset, Node 24 sometimes never finishes
// cleaning up (it spins in Environment::CleanupHandles). Everything was closed and written by now.
process.exit(await exitCodeOf(process.argv.slice(2)));
