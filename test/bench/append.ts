// `npm run bench -- append`: what an append to Cassandra costs beside a plain insert, measured in one run on one fresh
// node. Nothing of Parley but its store is in between, and the node's CPU is shared with it.
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from 'cassandra-driver';
import { startCassandra } from '../../platform/cassandra.ts';
import { systemClock } from '../../server/core/clock.ts';
import { openCassandraStore } from '../../server/store/cassandra/store.ts';
import { type AppendWork, inFlight, measureAll } from './append-work.ts';
import { UsageError } from './args.ts';
import { flat, medians, type Report } from './report.ts';

export const appendUsage = `npm run bench -- append [--seconds T] [--runs N] [--cassandra 1|3] [--group] [--pages] [--size BYTES]

  --group         with a commit log that is synced before the answer, beside the periodic one
  --pages         how long a page of ten takes in a thread of 300,000 entries and in one of ten`;

const keyspace = 'bench';

interface AppendBench extends AppendWork {
  readonly runs: number;
  readonly nodes: 1 | 3;
  readonly group: boolean;
}

export async function benchAppend(args: readonly string[]): Promise<void> {
  const bench = readArgs(args);
  const runs: Report[] = [];
  for (let run = 1; run <= bench.runs; run++) {
    const parts: Report[] = [];
    for (const commitLog of bench.group ? (['periodic', 'group'] as const) : (['periodic'] as const)) {
      process.stderr.write(`run ${run} of ${bench.runs}: commit log ${commitLog}\n`);
      parts.push(named(await runOnFreshNode(bench, commitLog), commitLog === 'periodic' ? '' : 'group_sync_'));
    }
    runs.push(Object.assign({}, ...parts) as Report);
  }
  const report = medians(runs);
  const rows = Object.entries(flat(report));
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
  process.stdout.write(`\n${lines.join('\n')}\n\n`);
  const { seconds, nodes, sizeBytes } = bench;
  const settings = { seconds, runs: bench.runs, nodes, size_bytes: sizeBytes, in_flight: inFlight };
  process.stdout.write(`${JSON.stringify({ bench: 'append', ...settings, ...report })}\n`);
}

function readArgs(args: readonly string[]): AppendBench {
  const options = {
    seconds: { type: 'string' },
    runs: { type: 'string' },
    cassandra: { type: 'string' },
    size: { type: 'string' },
    group: { type: 'boolean' },
    pages: { type: 'boolean' },
  } as const;
  try {
    const { values } = parseArgs({ args: [...args], options });
    const whole = (name: 'seconds' | 'runs' | 'cassandra' | 'size', preset: number): number => {
      const value = Number(values[name] ?? preset);
      if (!Number.isInteger(value) || value < 1) throw new UsageError(`--${name} takes a whole number above 0`);
      return value;
    };
    const nodes = whole('cassandra', 1);
    if (nodes !== 1 && nodes !== 3) throw new UsageError('--cassandra takes 1 or 3');
    return {
      seconds: whole('seconds', 10),
      runs: whole('runs', 1),
      nodes,
      sizeBytes: whole('size', 300),
      group: values.group ?? false,
      pages: values.pages ?? false,
    };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message);
  }
}

function named(report: Report, prefix: string): Report {
  return Object.fromEntries(Object.entries(report).map(([name, value]) => [prefix + name, value]));
}

async function runOnFreshNode(bench: AppendBench, commitLog: 'periodic' | 'group'): Promise<Report> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-bench-append-'));
  const cassandra = await startCassandra({
    folder,
    commitLog,
    nodes: bench.nodes,
    heapMb: bench.nodes === 1 ? 1024 : 512,
  });
  try {
    const options = { contactPoints: cassandra.contactPoints, localDataCenter: cassandra.dataCenter, keyspace };
    const store = await openCassandraStore({ ...options, clock: systemClock });
    const client = new Client({ ...options, contactPoints: [...options.contactPoints] });
    try {
      return await measureAll(bench, cassandra, store, client);
    } finally {
      await client.shutdown();
      await store[Symbol.asyncDispose]();
    }
  } finally {
    await cassandra.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
