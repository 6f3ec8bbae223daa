// `npm run faults`: see args.ts.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseCommandLine, usage, UsageError } from './args.ts';
import { olderRelease } from './older-release.ts';
import { countsLine, findingLines, injectedLine, lastLine } from './report.ts';
import { runFaults } from './run.ts';

const calmS = 20;
/** In a run of so many minutes every fault comes at least once, if need be in some more. */
const wholeMinutes = 30;

async function main(): Promise<number> {
  const args = parseCommandLine(process.argv.slice(2));
  if (args === 'help') {
    console.log(usage);
    return 0;
  }
  const folder = path.resolve(args.out ?? (await mkdtemp(path.join(tmpdir(), 'parley-faults-'))));
  const { main, old, ...rest } = args;
  const oldMain = await olderRelease(old, path.join(folder, 'older'));
  const eachOnce = args.minutes >= wholeMinutes;
  const say = (line: string): void => console.log(line);
  const programs = { ...(main === undefined ? {} : { main }), ...(oldMain === undefined ? {} : { oldMain }) };
  const run = await runFaults({ ...rest, ...programs, folder, eachOnce, calmS, pace: 1, say });
  const found = findingLines(run);
  if (found.length > 0) await writeFile(path.join(folder, 'anomalies.txt'), `${found.join('\n')}\n`);
  else if (args.out === undefined) await rm(folder, { recursive: true, force: true });
  for (const line of found.slice(0, 40)) console.log(line);
  if (found.length > 0) console.log(`all of it is in ${folder}: anomalies.txt, history.jsonl, cluster/log`);
  console.log(injectedLine(run));
  console.log(countsLine(run));
  console.log(lastLine(args, run));
  return run.tally.total === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\n\n${usage}` : error);
  process.exitCode = 2;
}
