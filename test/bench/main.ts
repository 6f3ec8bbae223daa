// `npm run bench -- connections | fanout | pairs | append | away | web | report`: see README.md. The last line is one JSON object.
import path from 'node:path';
import { appendUsage, benchAppend } from './append.ts';
import { readBenches, usage, UsageError } from './args.ts';
import type { Bench } from './args.ts';
import { runBesideChannel } from './beside.ts';
import { awayUsage, benchAway } from './away.ts';
import { buildGenerator } from './generator.ts';
import { findHighest } from './highest.ts';
import { runOnParley } from './parley.ts';
import { installPeer, type PeerPrograms } from './peer-install.ts';
import { runOnPeer } from './peer.ts';
import { describeProfile } from './profile.ts';
import { medians, ratios, table } from './report.ts';
import type { Report } from './report.ts';
import { writePage } from './report-file.ts';
import { benchWeb, webUsage } from './web.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);

if (process.argv.includes('--help')) {
  process.stdout.write(`${appendUsage}\n\n${awayUsage}\n\n${webUsage}\n\n${usage}\n`);
} else {
  const args = process.argv.slice(2);
  try {
    if (args[0] === 'append') await benchAppend(args.slice(1));
    else if (args[0] === 'away') await benchAway(args.slice(1));
    else if (args[0] === 'web') await benchWeb(args.slice(1));
    else if (args[0] === 'report') say(`the report is in ${await writePage(args.slice(1))}`);
    else await main(readBenches(args));
  } catch (error) {
    const usages = { append: appendUsage, away: awayUsage, web: webUsage }[args[0] ?? ''] ?? usage;
    const words = error instanceof UsageError ? `${error.message}\n\n${usages}` : (error as Error).message;
    say(`bench: ${words}`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

async function main(benches: readonly Bench[]): Promise<void> {
  const binary = await buildGenerator();
  const programs = benches.some(({ peer }) => peer) ? installPeer() : undefined;
  for (const asked of benches) {
    const isSearch = asked.bench === 'channel' && asked.highest;
    const run = (bench: Bench): Promise<Report> => runOnParley(binary, bench);
    await measure(binary, isSearch ? await findHighest({ bench: asked, run, say }) : asked, programs);
  }
}

async function measure(binary: string, bench: Bench, programs: PeerPrograms | undefined): Promise<void> {
  const parley: Report[] = [];
  const peer: Report[] = [];
  for (let run = 1; run <= bench.runs; run += 1) {
    // Side by side, so that both meet the same noise.
    say(`run ${run} of ${bench.runs}: Parley`);
    parley.push(await runOne(binary, bench));
    if (programs === undefined) continue;
    say(`run ${run} of ${bench.runs}: socket.io`);
    peer.push(await runOnPeer(binary, bench, programs));
  }
  const ours = medians(parley);
  const theirs = programs === undefined ? undefined : medians(peer);
  const { bench: name, peer: _, cpuProf: __, nodeFlags: ___, ...settings } = bench;
  process.stdout.write(`\n${table(ours, theirs)}\n\n`);
  if (bench.cpuProf !== undefined) say(`${describeProfile(path.resolve(bench.cpuProf), 25)}\n`);
  const report = {
    bench: name,
    ...snakeCased(settings),
    ...ours,
    ...(theirs === undefined ? {} : { peer: { name: 'socketio', ...theirs }, ratio_to_peer: ratios(parley, peer) }),
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  if (lostSomething(ours)) {
    say('bench: something was lost, see the table');
    process.exitCode = 1;
  }
}

function runOne(binary: string, bench: Bench): Promise<Report> {
  if (bench.bench !== 'pairs' || bench.besideRate === undefined) return runOnParley(binary, bench);
  return runBesideChannel(binary, bench, bench.besideRate);
}

/** `thinkMs` → `think_ms`, as the measured numbers are named. */
function snakeCased(settings: object): Report {
  const names = Object.entries(settings).map(([name, value]) => [
    name.replaceAll(/[A-Z]/g, (c) => `_${c.toLowerCase()}`),
    value,
  ]);
  return Object.fromEntries(names) as Report;
}

/** A run in which something was lost has measured nothing worth having. */
function lostSomething(report: Report): boolean {
  const bad = ['lost', 'unacked', 'unsettled', 'duplicated', 'expired', 'slow_disconnects'];
  return bad.some((name) => Number(report[name] ?? 0) > 0);
}
