// `pairs --beside-channel`: chat alone, then on a fresh platform beside a channel that goes on all the while.
import { type ChannelBench, type PairsBench, sendersFor } from './args.ts';
import { generate } from './generator.ts';
import { runOnParley, withParley } from './parley.ts';
import { flat, type Report } from './report.ts';

/** A generous bound on signing the pairs in. */
const openingS = 60;

/** The pairs beside the channel; what they were alone; how much more that is. */
export async function runBesideChannel(binary: string, bench: PairsBench, rate: number): Promise<Report> {
  const alone = await runOnParley(binary, { ...bench, besideRate: undefined });
  const { beside, channel } = await withParley(bench, async (target) => {
    const ending = new AbortController();
    const { promise: going, resolve: isGoing } = Promise.withResolvers<void>();
    const last = { delivered: 0, p99_ms: 0, published: 0, skipped: 0, atMs: 0 };
    let first: typeof last | undefined;
    const run = generate(binary, channelOf(bench, rate), target, {
      signal: ending.signal,
      onProgress(progress) {
        Object.assign(last, progress, { atMs: performance.now() });
        first ??= { ...last };
        isGoing();
      },
    });
    const failed = run.then(
      () => Promise.reject(new Error('the channel ended before the pairs')),
      (error: unknown) => Promise.reject(error as Error),
    );
    failed.catch(() => {});
    try {
      await Promise.race([going, failed]);
      const pairs = await Promise.race([generate(binary, bench, target), failed]);
      const seconds = (last.atMs - (first?.atMs ?? 0)) / 1000;
      return {
        beside: pairs,
        channel: {
          per_s: (last.delivered - (first?.delivered ?? 0)) / seconds,
          p99_ms: last.p99_ms,
          skipped: last.skipped,
        },
      };
    } finally {
      ending.abort();
    }
  });
  return { ...beside, channel, ...compared(alone, beside) };
}

function compared(alone: Report, beside: Report): Report {
  const names = ['rate_per_s', 'p50_ms', 'p99_ms'];
  const [was, is] = [flat(alone), flat(beside)];
  return {
    alone: Object.fromEntries(names.map((name) => [name, was[name] ?? Number.NaN])),
    ratio_to_alone: Object.fromEntries(
      names.map((name) => [name, (is[name] ?? Number.NaN) / (was[name] ?? Number.NaN)]),
    ),
  };
}

function channelOf(bench: PairsBench, rate: number): ChannelBench {
  const { pairs: _, thinkMs: __, receipts: ___, besideRate: ____, channelListeners, ...shared } = bench;
  return {
    ...shared,
    bench: 'channel',
    listeners: channelListeners,
    senders: sendersFor(rate),
    rate,
    class: 'everything',
    maxRate: 0,
    slowReaders: 0,
    highest: false,
    warmUpS: 0,
    seconds: bench.seconds + bench.warmUpS + openingS,
  };
}
