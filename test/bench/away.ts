// `npm run bench -- away`: a device that was away for 30 days comes back to 5,000 threads with 200,000 new messages, beside one that was away for
// an hour and one that is new.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startCluster } from '../../platform/cluster.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { systemClock } from '../../server/core/clock.ts';
import { openCassandraStore } from '../../server/store/cassandra/store.ts';
import { openEmbeddedStore } from '../../server/store/embedded/store.ts';
import type { Store } from '../../server/store/store.ts';
import { openCountedStore } from '../support/cassandra-counted.ts';
import { HandClock } from '../support/clock.ts';
import { openCountedEmbeddedStore } from '../support/embedded-counted.ts';
import { UsageError } from './args.ts';
import { type Absence, absences, type Away, type AwayInbox, user, writeInbox } from './away-inbox.ts';
import { openOver, openThrough } from './away-opening.ts';
import { describeProfile } from './profile.ts';
import { medians, type Report, table } from './report.ts';

export const awayUsage = `npm run bench -- away [--threads N] [--messages N] [--runs N] [--cluster] [--cpu-prof DIR]
  --threads N     threads of the user (5000)
  --messages N    new messages in each (40)
  --runs N        devices of each kind that come back, one after the other (5)
  --cluster       a node on Cassandra and a Redis Cluster instead of one on the embedded store
  --cpu-prof DIR  CPU profile of the node on the embedded store`;

/** A device is usable within this, however long it was away. */
const floorMs = 2_000;
const root = path.resolve(import.meta.dirname, '../..');
const say = (line: string): void => void process.stderr.write(`${line}\n`);

interface Settings {
  readonly threads: number;
  readonly messages: number;
  readonly runs: number;
  readonly cluster: boolean;
  readonly cpuProf: string | undefined;
}

/** What is read from the store when a device comes back. */
interface Reads {
  readonly reads: number;
  readonly rows: number;
  readonly bytes?: number;
}

export async function benchAway(args: readonly string[]): Promise<void> {
  const settings = readArgs(args);
  mkdirSync(path.join(root, '.cache/bench'), { recursive: true });
  const dataDir = mkdtempSync(path.join(root, '.cache/bench/data-'));
  try {
    const report = settings.cluster ? await onCluster(settings, dataDir) : await onEmbedded(settings, dataDir);
    process.stdout.write(`\n${table(report, undefined)}\n\n`);
    if (settings.cpuProf !== undefined) say(`${describeProfile(path.resolve(settings.cpuProf), 25)}\n`);
    const { cpuProf: _, ...shown } = settings;
    process.stdout.write(`${JSON.stringify({ bench: 'away', ...shown, ...report })}\n`);
    const slowest = Math.max(...absences.map((absence) => Number(report[`${absence}_usable_ms_max`])));
    if (slowest <= floorMs) return;
    say(`bench: a device was usable after ${Math.round(slowest)} ms only`);
    process.exitCode = 1;
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function readArgs(args: readonly string[]): Settings {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { threads: text, messages: text, runs: text, cluster: { type: 'boolean' }, 'cpu-prof': text },
    });
    const whole = (name: 'threads' | 'messages' | 'runs', preset: number): number => {
      const value = Number(values[name] ?? preset);
      if (!Number.isInteger(value) || value < 1) throw new UsageError(`--${name} takes a whole number above 0`);
      return value;
    };
    return {
      threads: whole('threads', 5_000),
      messages: whole('messages', 40),
      runs: whole('runs', 5),
      cluster: values.cluster ?? false,
      cpuProf: values['cpu-prof'],
    };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message);
  }
}

async function onEmbedded(settings: Settings, dataDir: string): Promise<Report> {
  const folder = path.join(dataDir, 'store');
  const devices = await (async () => {
    await using store = await openEmbeddedStore({ folder, clock: systemClock });
    return await write(store, settings);
  })();
  const report = await (async () => {
    const profile =
      settings.cpuProf === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${path.resolve(settings.cpuProf)}`];
    await using platform = await startPlatform({ dataDir, env, nodeFlags: profile });
    return await measure(platform, devices);
  })();
  await using counted = await openCountedEmbeddedStore(folder, new HandClock(Date.now()));
  return { ...report, ...(await readsOf(devices, (away) => counted.during(() => openOver(counted.store, away)))) };
}

async function onCluster(settings: Settings, dataDir: string): Promise<Report> {
  await using cluster = await startCluster({ dataDir, env, nodes: 1, commitLog: 'periodic' });
  const { contactPoints, dataCenter: localDataCenter } = cluster.cassandra;
  const options = { contactPoints, localDataCenter, keyspace: 'parley', clock: systemClock };
  const devices = await (async () => {
    await using store = await openCassandraStore(options);
    return await write(store, settings);
  })();
  const report = await measure(cluster.platform, devices);
  await using counted = await openCountedStore(options);
  const count = async (away: Away): Promise<Reads> => {
    const all = await counted.during(() => openOver(counted.store, away));
    const reads = all.filter(({ query }) => query.startsWith('SELECT'));
    return { reads: reads.length, rows: reads.reduce((sum, { rows }) => sum + rows, 0) };
  };
  return { ...report, ...(await readsOf(devices, count)) };
}

const env = { PARLEY_LIMIT_OPENS_PER_S: '1000000', PARLEY_LIMIT_OPENS_BURST: '1000000' };

type Devices = ReadonlyMap<Absence, readonly Away[]>;

/** One more than come back through the gateway: that one's reads are counted. */
async function write(store: Store, { threads, messages, runs }: Settings): Promise<Devices> {
  say(`writing ${threads} threads with ${messages} messages each`);
  const inbox: AwayInbox = await writeInbox(store, threads, messages, systemClock.nowMs());
  const devices = new Map<Absence, Away[]>();
  for (const absence of absences) {
    const made: Away[] = [];
    for (let run = 0; run <= runs; run += 1) made.push(await inbox.device(absence, String(run)));
    devices.set(absence, made);
  }
  return devices;
}

async function measure(platform: Platform, devices: Devices): Promise<Report> {
  const report: { [name: string]: Report[string] } = {};
  for (const [absence, all] of devices) {
    const openings = [];
    for (const away of all.slice(1)) {
      say(`device ${away.deviceId} comes back`);
      openings.push(await openThrough(platform.gateway, () => platform.token(user), away));
    }
    for (const [name, value] of Object.entries(medians(openings.map((one) => ({ ...one }))))) {
      report[`${absence}_${name}`] = value;
    }
    report[`${absence}_usable_ms_max`] = Math.round(Math.max(...openings.map((one) => one.usable_ms)));
  }
  return report;
}

async function readsOf(devices: Devices, count: (away: Away) => Promise<Reads>): Promise<Report> {
  const report: { [name: string]: number } = {};
  for (const [absence, [away]] of devices) {
    if (away === undefined) continue;
    const { reads, rows, bytes } = await count(away);
    report[`${absence}_store_reads`] = reads;
    report[`${absence}_store_rows`] = rows;
    if (bytes !== undefined) report[`${absence}_store_bytes`] = bytes;
  }
  return report;
}
