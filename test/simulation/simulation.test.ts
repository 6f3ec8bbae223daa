import { expect, it } from 'vitest';
import { describe as describeRun } from './run.ts';
import { simulate } from './simulate.ts';

const seeds = 2_000;

/** The runner's own messages wait for a turn of the event loop, which a run does not give. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

it(`over ${seeds} seeds nothing acknowledged is lost, repeated or reordered, nobody hears what is not theirs, and all come to have the same`, async () => {
  const failed: string[] = [];
  let acknowledged = 0;
  for (let seed = 1; seed <= seeds; seed += 1) {
    const result = await simulate({ seed });
    acknowledged += result.acknowledged;
    if (result.anomalies.length > 0) failed.push(describeRun(result));
    await turn();
  }
  expect(failed.join('\n')).toBe('');
  expect(acknowledged).toBeGreaterThan(seeds * 10);
}, 900_000);

it('a seed gives the same run each time, event for event, and another seed another run', async () => {
  const digests = new Set<string>();
  for (let seed = 1; seed <= 25; seed += 1) {
    const [first, second] = [await simulate({ seed }), await simulate({ seed })];
    expect(second.digest, `seed ${seed}`).toBe(first.digest);
    digests.add(first.digest);
    await turn();
  }
  expect(digests.size).toBe(25);
}, 120_000);
