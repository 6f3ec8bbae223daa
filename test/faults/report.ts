// What a fault run says at its end. Other programs read the last line and the exit code: their form is fixed.
import { clockTime, type FaultRun, type Injected } from './run.ts';
import { anomalies, type Anomaly } from './tally.ts';

const anomalyNames = Object.keys(anomalies) as Anomaly[];

export function lastLine({ seed, minutes }: { seed: number; minutes: number }, run: FaultRun): string {
  const injected = run.injected.reduce((sum, { names }) => sum + names.length, 0);
  return (
    `faults: seed=${seed} minutes=${minutes} injected=${injected} operations=${run.operations} ` +
    `acknowledged=${run.acknowledged} anomalies=${run.tally.total}`
  );
}

/** By name and count. */
export function countsLine({ deliveries, tally }: FaultRun): string {
  return [`deliveries=${deliveries}`, ...anomalyNames.map((name) => `${name}=${tally.counts[name]}`)].join(' ');
}

export function injectedLine({ injected }: FaultRun): string {
  const counts = Map.groupBy(
    injected.flatMap(({ names }) => names),
    (name) => name,
  );
  return [...counts].map(([name, { length }]) => `${name}=${length}`).join(' ');
}

/** Each with the time since the run began, and what was broken then or last. */
export function findingLines({ tally, injected }: FaultRun): string[] {
  return tally.findings.map(
    ({ anomaly, atMs, text }) => `${clockTime(atMs)}  ${anomaly}: ${text} (${whatWasBroken(injected, atMs)})`,
  );
}

function whatWasBroken(injected: readonly Injected[], atMs: number): string {
  const last = injected.findLast(({ fromMs }) => fromMs <= atMs);
  if (last === undefined) return 'before the first fault';
  const names = last.names.join(' and ');
  if (atMs <= last.toMs) return `${Math.round((atMs - last.fromMs) / 1000)} s into ${names}`;
  return `${Math.round((atMs - last.toMs) / 1000)} s after ${names}`;
}
