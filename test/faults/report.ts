// What a fault run says at its end. Other programs read the last line and the exit code: their form is fixed.
import { anomalies, type Finding, type Tally } from './tally.ts';
import { clockTime, type FaultRun } from './run.ts';

export function lastLine({ seed, minutes }: { seed: number; minutes: number }, run: FaultRun): string {
  const injected = [...run.injected.values()].reduce((sum, count) => sum + count, 0);
  return (
    `faults: seed=${seed} minutes=${minutes} injected=${injected} operations=${run.operations} ` +
    `acknowledged=${run.acknowledged} anomalies=${run.tally.total}`
  );
}

/** By name and count. */
export function countsLine({ deliveries, tally }: FaultRun): string {
  const counts = Object.keys(anomalies).map((name) => `${name}=${tally.counts[name as keyof typeof anomalies]}`);
  return `deliveries=${deliveries} ${counts.join(' ')}`;
}

export function injectedLine({ injected }: FaultRun): string {
  return [...injected].map(([name, count]) => `${name}=${count}`).join(' ');
}

export function findingLines(tally: Tally): string[] {
  return tally.findings.map(({ anomaly, atMs, text }: Finding) => `${clockTime(atMs)}  ${anomaly}: ${text}`);
}
