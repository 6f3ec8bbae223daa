// npm run soak:notifications [-- embedded|redis]: 100,000 notifications with the workers killed, dead tokens, an overloaded push service and one that asks to
// be left alone. Prints what was seen; ends with 1 when something was lost, doubled or too fast.
import { oneRedis } from '../support/redis.ts';
import { runSoak } from './soak-run.ts';

const wish = process.argv[2];
let failed = false;
for (const kind of ['embedded', 'redis']) {
  if (wish !== undefined && wish !== kind) continue;
  const redis = kind === 'redis' ? await oneRedis() : undefined;
  const onProgress = (line: string): void => console.log(`${kind}: ${line}`);
  const options = { notifications: 100_000, perS: 1_200, killEveryMs: 8_000, onProgress };
  const report = await runSoak(redis === undefined ? options : { ...options, redis });
  await redis?.[Symbol.asyncDispose]();
  console.log(JSON.stringify({ kind, ...report }, undefined, 2));
  failed ||= report.problems.length > 0 || report.taken !== report.expected;
}
process.exit(failed ? 1 : 0);
