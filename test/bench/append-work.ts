// What the append bench does on one node, and how it counts.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Client } from 'cassandra-driver';
import type { Cassandra } from '../../platform/cassandra.ts';
import { readStat } from '../../platform/proc.ts';
import { emptyBody, type Head, type NewEntry } from '../../server/core/entry.ts';
import { type LogId, type ThreadId, threadLog, type UserId } from '../../server/core/ids.ts';
import type { Store } from '../../server/store/store.ts';
import type { Report } from './report.ts';

/** Requests on their way at a time, as many threads. */
export const inFlight = 64;
const pagedEntries = 300_000;

export interface AppendWork {
  /** Measured time of each part. */
  readonly seconds: number;
  readonly pages: boolean;
  readonly sizeBytes: number;
}

export async function measureAll(
  bench: AppendWork,
  cassandra: Cassandra,
  store: Store,
  client: Client,
): Promise<Report> {
  const measure = (name: string, each: number, work: () => Promise<unknown>, atOnce = inFlight): Promise<Rates> =>
    measureRate(cassandra, { name, seconds: bench.seconds, each, work, atOnce });
  await client.execute(
    'CREATE TABLE plain (log text, sequence bigint, entry blob, body blob, PRIMARY KEY (log, sequence))',
  );
  const body = Buffer.alloc(bench.sizeBytes, 120);
  const insert = 'INSERT INTO plain (log, sequence, entry, body) VALUES (?, ?, ?, ?)';
  let inserted = 0;
  const plainOptions = { prepare: true, consistency: 6 };
  const plain = (): Promise<unknown> =>
    client.execute(insert, [`log ${inserted % 1_000}`, ++inserted, body.subarray(0, 60), body], plainOptions);

  // A JVM that has just started is several times slower.
  for (let round = 1; round <= 2; round++) {
    await measure('warm-up: plain inserts', 1, plain);
    await measure('warm-up: one message a commit', 1, appender(store, 1, bench.sizeBytes));
    await measure('warm-up: 20 messages a commit', 20, appender(store, 20, bench.sizeBytes));
  }
  const inserts = await measure('plain inserts', 1, plain);
  const one = await measure('one message a commit', 1, appender(store, 1, bench.sizeBytes));
  const twenty = await measure('20 messages a commit', 20, appender(store, 20, bench.sizeBytes));
  const hot20 = await measure('one hot thread, 20 a commit', 20, appender(store, 20, bench.sizeBytes), 1);
  const hot128 = await measure('one hot thread, 128 a commit', 128, appender(store, 128, bench.sizeBytes), 1);
  const again = await measure('plain inserts', 1, plain);
  const insertsPerS = (inserts.perS + again.perS) / 2;
  return {
    plain_inserts_per_s: insertsPerS,
    one_per_commit_messages_per_s: one.perS,
    one_per_commit_cost_in_inserts: insertsPerS / one.perS,
    twenty_per_commit_messages_per_s: twenty.perS,
    twenty_per_commit_commits_per_s: twenty.perS / 20,
    twenty_per_commit_cost_in_inserts: insertsPerS / (twenty.perS / 20),
    hot_thread_20_messages_per_s: hot20.perS,
    hot_thread_messages_per_s: hot128.perS,
    hot_thread_commit_ms: 1000 / (hot128.perS / 128),
    cassandra_cpu_s_per_million: cpuOf({ inserts, one, twenty, hot20, hot128 }, 'cassandra'),
    store_cpu_s_per_million: cpuOf({ inserts, one, twenty, hot20, hot128 }, 'store'),
    ...(bench.pages ? await measurePages(store, bench.sizeBytes) : {}),
  };
}

interface Rates {
  /** Messages or inserts a second. */
  readonly perS: number;
  /** CPU seconds per million of them: of Cassandra, and of this process, which is the store and the bench. */
  readonly cassandra: number;
  readonly store: number;
}

function cpuOf(
  rates: Readonly<Record<string, Rates>>,
  whose: 'cassandra' | 'store',
): { readonly [name: string]: number } {
  return Object.fromEntries(Object.entries(rates).map(([name, rate]) => [name, rate[whose]]));
}

interface Measured {
  readonly name: string;
  readonly seconds: number;
  /** Messages of one piece of work. */
  readonly each: number;
  readonly work: () => Promise<unknown>;
  readonly atOnce: number;
}

async function measureRate(cassandra: Cassandra, { name, seconds, each, work, atOnce }: Measured): Promise<Rates> {
  const cpuBefore = await cpuSeconds(cassandra);
  const ownBefore = process.cpuUsage();
  const began = performance.now();
  const endMs = began + seconds * 1000;
  let done = 0;
  const one = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await work();
      done += each;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  const perS = done / ((performance.now() - began) / 1000);
  const millions = done / 1e6;
  const own = process.cpuUsage(ownBefore);
  const cpu = ((await cpuSeconds(cassandra)) - cpuBefore) / millions;
  process.stderr.write(`  ${name}: ${perS.toFixed(0)}/s, ${cpu.toFixed(0)} CPU s of Cassandra per million\n`);
  return { perS, cassandra: cpu, store: (own.user + own.system) / 1e6 / millions };
}

/** User and system time of the node processes; a clock tick is 10 ms. */
async function cpuSeconds(cassandra: Cassandra): Promise<number> {
  let seconds = 0;
  for (const { pid } of cassandra.nodes) seconds += readStat(await readFile(`/proc/${pid}/stat`, 'utf8')).cpuS;
  return seconds;
}

/** Each caller at a time has a thread of its own and appends to it without a pause. */
function appender(store: Store, each: number, sizeBytes: number): () => Promise<void> {
  const free: { readonly log: LogId; head: Head | undefined }[] = [];
  return async () => {
    const thread = free.pop() ?? { log: newLog(), head: undefined };
    thread.head = await appendMessages(store, thread.log, thread.head, each, sizeBytes);
    free.push(thread);
  };
}

async function appendMessages(
  store: Store,
  log: LogId,
  head: Head | undefined,
  count: number,
  sizeBytes: number,
): Promise<Head> {
  const entries = Array.from({ length: count }, () => message(sizeBytes));
  const knownHeads = entries.map(() => head?.sequence ?? 0n);
  const result = await store.append(log, { expected: head, entries, knownHeads, nowMs: Date.now(), inbox: [] });
  if (result.outcome !== 'appended') throw new Error(`an append of the bench was a ${result.outcome}`);
  return result.head;
}

function message(sizeBytes: number): NewEntry {
  return {
    senderId: 'bench' as UserId,
    deviceId: '' as NewEntry['deviceId'],
    clientMessageId: randomUUID(),
    fingerprint: 'bench',
    change: {
      kind: 'message',
      replyTo: 0n,
      body: { ...emptyBody, content: { text: 'x'.repeat(sizeBytes) } },
      editSequence: 0n,
      deleteSequence: 0n,
    },
  };
}

function newLog(): LogId {
  return threadLog(`g_${randomUUID()}` as ThreadId);
}

async function measurePages(store: Store, sizeBytes: number): Promise<Report> {
  const long = newLog();
  let head: Head | undefined;
  while (Number(head?.sequence ?? 0n) < pagedEntries) head = await appendMessages(store, long, head, 250, sizeBytes);
  const short = newLog();
  await appendMessages(store, short, undefined, 10, sizeBytes);
  const page = async (log: LogId, upTo: number): Promise<number> => {
    const began = performance.now();
    const range = { after: 0n, upTo: BigInt(upTo), limit: 10, fromEnd: true };
    if ((await store.entries(log, range)).length !== 10) throw new Error('a page of the bench was not whole');
    return performance.now() - began;
  };
  const [longMs, shortMs]: [number[], number[]] = [[], []];
  for (let at = 0; at < 2_000; at++) {
    // Spread over the whole thread: a stride that meets every part of it.
    longMs.push(await page(long, 10 + ((at * 7_919 * 37) % (pagedEntries - 10))));
    shortMs.push(await page(short, 10));
  }
  const at = (values: number[], share: number): number =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0;
  return {
    page_of_300k_p50_ms: at(longMs, 0.5),
    page_of_300k_p99_ms: at(longMs, 0.99),
    page_of_10_p50_ms: at(shortMs, 0.5),
    page_of_10_p99_ms: at(shortMs, 0.99),
  };
}
