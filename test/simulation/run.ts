// `node test/simulation/run.ts --seed N [--trace]` replays one run; `--from N --count M` makes many.
import { parseArgs } from 'node:util';
import { type RunResult, simulate } from './simulate.ts';

/** What replays a run exactly. */
export function replayOf(seed: number): string {
  return `node test/simulation/run.ts --seed ${seed} --trace`;
}

/** A run that showed something, as people read it. */
export function describe({ seed, anomalies }: RunResult): string {
  const shown = anomalies.slice(0, 12).map((anomaly) => `  ${anomaly}`);
  return [`seed ${seed}: ${anomalies.length} anomalies; ${replayOf(seed)}`, ...shown].join('\n');
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      trace: { type: 'boolean', default: false },
      from: { type: 'string', default: '1' },
      count: { type: 'string', default: '100' },
    },
  });
  const from = Number(values.seed ?? values.from);
  const count = values.seed === undefined ? Number(values.count) : 1;
  const startMs = performance.now();
  let [failed, lines, acknowledged, latestMs] = [0, 0, 0, 0];
  for (let seed = from; seed < from + count; seed += 1) {
    const result = await simulate(values.trace ? { seed, print: (line) => console.log(line) } : { seed });
    lines += result.lines;
    acknowledged += result.acknowledged;
    latestMs = Math.max(latestMs, result.convergedMs);
    if (count === 1) console.log(`digest ${result.digest}, ${result.actions} actions`);
    if (result.anomalies.length === 0) continue;
    failed += 1;
    console.log(describe(result));
  }
  const took = `${Math.round(performance.now() - startMs)}ms`;
  const happened = `events=${lines} acknowledged=${acknowledged} latest=${latestMs}ms`;
  console.log(`simulate: from=${from} seeds=${count} ${happened} took=${took} failed=${failed}`);
  process.exitCode = failed === 0 ? 0 : 1;
}

if (import.meta.main) await main();
