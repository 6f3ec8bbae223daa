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

const usage = `npm run simulate -- [--seed N [--trace] | --from N --count M]
  --seed N     one run; --trace prints all that happens in it
  --from N     M runs from this seed on (1)
  --count M    how many (100)`;

function asked() {
  const text = { type: 'string' } as const;
  const options = { seed: text, trace: { type: 'boolean', default: false }, from: text, count: text } as const;
  const { values } = parseArgs({ options });
  const whole = (name: 'seed' | 'from' | 'count', fallback: number): number => {
    const value = values[name] ?? String(fallback);
    if (!/^\d{1,15}$/.test(value)) throw new Error(`--${name} is a whole number, not "${value}"`);
    return Number(value);
  };
  const from = values.seed === undefined ? whole('from', 1) : whole('seed', 1);
  return { from, count: values.seed === undefined ? whole('count', 100) : 1, trace: values.trace };
}

async function main({ from, count, trace }: ReturnType<typeof asked>): Promise<void> {
  const startMs = performance.now();
  let [failed, lines, acknowledged, latestMs] = [0, 0, 0, 0];
  for (let seed = from; seed < from + count; seed += 1) {
    const result = await simulate(trace ? { seed, print: (line) => console.log(line) } : { seed });
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

/** Undefined: it was said what is wrong. */
function understood(): ReturnType<typeof asked> | undefined {
  try {
    return asked();
  } catch (error) {
    console.error(`simulate: ${(error as Error).message}\n\n${usage}`);
    process.exitCode = 2;
    return undefined;
  }
}

if (import.meta.main) {
  const wish = understood();
  if (wish !== undefined) await main(wish);
}
