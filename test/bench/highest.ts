// `fanout --channel --highest`: the highest rate that a fresh platform sustains, with nothing lost and in time.
import { type ChannelBench, sendersFor } from './args.ts';
import type { Report } from './report.ts';

/** What a sustained rate keeps to. */
const p99WithinMs = 300;
const publishedShare = 0.98;

/** Whether a run kept its rate: nothing lost or skipped, in time, and published as fast as it was meant to be. */
export function isSustained(report: Report, rate: number): boolean {
  const number = (name: string): number => Number(report[name] ?? Number.NaN);
  return (
    ['lost', 'unacked', 'skipped'].every((name) => number(name) === 0) &&
    number('p99_ms') <= p99WithinMs &&
    number('published_per_s') >= rate * publishedShare
  );
}

/**
 * Doubles from `first` while it is sustained (halves while it is not), then narrows to within a twentieth. Gives the highest that was
 * sustained, or undefined when not even 1 is.
 */
export async function searchHighest(
  first: number,
  isSustainedAt: (rate: number) => Promise<boolean>,
): Promise<number | undefined> {
  let low: number | undefined;
  let high: number | undefined;
  let rate = first;
  while (low === undefined || high === undefined || high - low > low / 20) {
    if (await isSustainedAt(rate)) low = rate;
    else high = rate;
    if (low === undefined) {
      if (rate === 1) return undefined;
      rate = Math.max(1, Math.floor(rate / 2));
    } else if (high === undefined) rate = low * 2;
    else if (high - low <= 1) return low;
    else rate = Math.floor((low + high) / 2);
  }
  return low;
}

export interface HighestOptions {
  readonly bench: ChannelBench;
  readonly run: (bench: ChannelBench) => Promise<Report>;
  readonly say: (line: string) => void;
}

/** The rate, and the bench that measures it. A run that fails does not sustain its rate. */
export async function findHighest({ bench, run, say }: HighestOptions): Promise<ChannelBench> {
  const rate = await searchHighest(bench.rate, async (tried) => {
    const report = await run(atRate(bench, tried)).catch((error: unknown) => {
      say(`${tried}/s: ${(error as Error).message}`);
      return undefined;
    });
    const is = report !== undefined && isSustained(report, tried);
    if (report !== undefined) {
      const { rate_per_s: delivered, p99_ms: p99, lost, skipped } = report;
      say(
        `${tried}/s ${is ? 'is' : 'is not'} sustained: ${delivered as number} deliveries/s, p99 ${p99 as number} ms, ${lost as number} lost, ${skipped as number} skipped`,
      );
    }
    return is;
  });
  if (rate === undefined) throw new Error(`not even one comment a second is sustained by ${bench.listeners} listeners`);
  return { ...atRate(bench, rate), highest: true };
}

function atRate(bench: ChannelBench, rate: number): ChannelBench {
  return { ...bench, rate, senders: Math.max(bench.senders, sendersFor(rate)) };
}
