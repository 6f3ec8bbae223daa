// `npm run live`: a channel that many hear, shown once a second, until its time is over or `q` or Ctrl-C ends it. On a terminal a
// dashboard, elsewhere a line a second. Exit codes: 0 all was accounted for, 1 something failed or was lost, 2 wrong options.
import { UsageError } from './args.ts';
import { buildGenerator, generate, type Progress, type Target } from './generator.ts';
import { type LiveSettings, liveUsage, readLiveArgs } from './live-args.ts';
import { dashboardOf, lineOf, type LiveState, nothingYet, ratesOf, type ServerLoad } from './live-screen.ts';
import { withParley } from './parley.ts';
import { medians, type Report, table } from './report.ts';
import { LoadWatch } from './server-load.ts';

const isTerminal = process.stdout.isTTY && process.stdin.isTTY;
const say = (line: string): void => void process.stderr.write(`${line}\n`);

if (process.argv.includes('--help')) {
  process.stdout.write(`${liveUsage}\n`);
} else {
  try {
    const settings = readLiveArgs(process.argv.slice(2));
    process.exitCode = (await run(settings)) ? 0 : 1;
  } catch (error) {
    const isUsage = error instanceof UsageError;
    say(`live: ${(error as Error).message}${isUsage ? `\n\n${liveUsage}` : ''}`);
    process.exitCode = isUsage ? 2 : 1;
  }
}

/** Whether nothing was lost. */
async function run({ bench, target }: LiveSettings): Promise<boolean> {
  say('building the load generator, opening the listeners …');
  const binary = await buildGenerator();
  const ending = new AbortController();
  using _ = endOnWish(ending);
  const watched = async (to: Target, metrics: readonly string[]): Promise<Report> => {
    const watch = new LoadWatch(to.processes, metrics);
    const show = showing(bench);
    await watch.look();
    const onProgress = (progress: Progress): void => void watch.look().then((load) => show(progress, load));
    return generate(binary, bench, to, { onProgress, signal: ending.signal });
  };
  const running =
    target === undefined
      ? // The dashboard alone asks for metrics: each question begins the time anew that the next is told of.
        withParley(bench, ({ metrics = [], ...own }) => watched(own, metrics))
      : watched({ carrier: 'parley', ...target, processes: [] }, []);
  const report = await running.catch((error: unknown) => {
    // Whoever ends it before all are there has lost nothing.
    if (ending.signal.aborted) return undefined;
    throw error;
  });
  if (report === undefined) return true;
  process.stdout.write(`\n${table(medians([report]), undefined)}\n`);
  return Number(report['lost']) + Number(report['unacked']) === 0;
}

/** `q`, Ctrl-C or a signal; the terminal is as before when it is disposed. */
function endOnWish(ending: AbortController): Disposable {
  const end = (): void => ending.abort();
  const onKey = (key: Buffer): void => {
    // In raw mode the terminal sends Ctrl-C as a letter.
    if (key.includes(3) || key.includes('q')) end();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
  if (isTerminal) process.stdin.setRawMode(true).on('data', onKey);
  return {
    [Symbol.dispose]() {
      if (isTerminal) process.stdin.setRawMode(false).off('data', onKey).pause();
    },
  };
}

function showing(bench: LiveSettings['bench']): (progress: Progress, load: ServerLoad) => void {
  const beganMs = performance.now();
  let firstMs = 0;
  let before = nothingYet;
  let beforeMs = beganMs;
  let mostPerS = 0;
  return (now, load) => {
    const nowMs = performance.now();
    // The first word comes a second after the first comment.
    if (firstMs === 0) [firstMs, beforeMs] = [nowMs - 1000, nowMs - 1000];
    const state: LiveState = {
      listeners: bench.listeners,
      rate: bench.rate,
      class: bench.class,
      passedS: (nowMs - firstMs) / 1000,
      seconds: bench.seconds,
      now,
      before,
      betweenS: (nowMs - beforeMs) / 1000,
      load,
    };
    [before, beforeMs] = [now, nowMs];
    mostPerS = Math.max(mostPerS, ratesOf(state).deliveredPerS);
    if (isTerminal) process.stdout.write(`\u001B[H\u001B[2J${dashboardOf(state, mostPerS)}\n\n  q  ends it\n`);
    else process.stdout.write(`${lineOf(state)}\n`);
  };
}
