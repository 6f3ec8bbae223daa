// Whether a store holds what it promised, and is of one piece: rows, heads, ids and inbox are what the log says.
import { expect } from 'vitest';
import { changesMembers, type Entry, isMessage } from '../../server/core/entry.ts';
import { type ThreadId, threadLog } from '../../server/core/ids.ts';
import { type Row, rowsOf } from '../../server/core/rows.ts';
import type { Store } from '../../server/store/store.ts';
import { type Promised, textOfId, writer } from './store-child.ts';

/** The whole lines of an output; a last one that was cut off by a kill is none. */
export function promisesOf(output: string): Promised[] {
  return output
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Promised);
}

/** @throws what vitest throws, when something promised is missing or the store contradicts itself */
export async function checkStore(
  store: Store,
  threads: readonly ThreadId[],
  promised: readonly Promised[],
): Promise<void> {
  for (const thread of threads) {
    const entries = await readAll(store, thread);
    checkPromises(thread, entries, promised);
    await checkIds(store, thread, entries);
    checkBodies(entries);
    await checkHead(store, thread, entries);
    await checkRows(store, thread, entries);
    const read = promised.flatMap((one) => ('read' in one && one.thread === thread ? [BigInt(one.read)] : [])).at(-1);
    if (read === undefined) continue;
    const [position] = await store.positionsOf(writer, [thread]);
    expect(position?.read).toBeGreaterThanOrEqual(read);
  }
}

async function readAll(store: Store, thread: ThreadId): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (;;) {
    const more = await store.entries(threadLog(thread), {
      after: BigInt(entries.length),
      upTo: 1n << 40n,
      limit: 1_000,
    });
    if (more.length === 0) return entries;
    entries.push(...more);
    expect(entries.at(-1)?.sequence).toBe(BigInt(entries.length));
  }
}

function checkPromises(thread: ThreadId, entries: readonly Entry[], promised: readonly Promised[]): void {
  const missing = promised.filter(
    (one) => 'id' in one && one.thread === thread && entries[Number(one.sequence) - 1]?.clientMessageId !== one.id,
  );
  expect(missing).toEqual([]);
}

async function checkIds(store: Store, thread: ThreadId, entries: readonly Entry[]): Promise<void> {
  expect(new Set(entries.map((entry) => entry.clientMessageId)).size).toBe(entries.length);
  for (const entry of entries.slice(-50)) {
    const found = await store.duplicate(threadLog(thread), writer, entry.clientMessageId, 0n);
    expect(found).toMatchObject({ sequence: entry.sequence, ordinal: entry.ordinal, fingerprint: 'f' });
  }
}

function checkBodies(entries: readonly Entry[]): void {
  const edits = new Map<bigint, Entry>();
  const deletes = new Map<bigint, bigint>();
  for (const { sequence, change, ...rest } of entries) {
    if (change.kind === 'message-deleted' && !deletes.has(change.target)) deletes.set(change.target, sequence);
    if (change.kind === 'message-edited' && !deletes.has(change.target))
      edits.set(change.target, { sequence, change, ...rest });
  }
  for (const { sequence, clientMessageId, change } of entries) {
    if (change.kind !== 'message') continue;
    const edit = edits.get(sequence);
    expect(change.deleteSequence).toBe(deletes.get(sequence) ?? 0n);
    expect(change.editSequence).toBe(edit?.sequence ?? 0n);
    const { content } = change.body;
    if (change.deleteSequence !== 0n) expect(content).toBeUndefined();
    else expect(content).toEqual({ text: textOfId(edit?.clientMessageId ?? clientMessageId) });
  }
}

async function checkHead(store: Store, thread: ThreadId, entries: readonly Entry[]): Promise<void> {
  const head = await store.head(threadLog(thread));
  const last = entries.at(-1);
  expect(head?.sequence).toBe(last?.sequence);
  if (last === undefined || head === undefined) return;
  expect(head).toMatchObject({
    ordinal: BigInt(entries.filter((entry) => isMessage(entry.change)).length),
    membersSequence: entries.findLast((entry) => changesMembers(entry.change))?.sequence ?? 0n,
    activityMs: last.createTimeMs,
  });
  expect(await store.inboxRow(writer, thread)).toMatchObject({ sequence: head.sequence, ordinal: head.ordinal });
  const changed = await store.inbox(writer, head.activityMs);
  expect(changed.map((row) => row.threadId)).toContain(thread);
}

async function checkRows(store: Store, thread: ThreadId, entries: readonly Entry[]): Promise<void> {
  const rows = new Map<string, Row>();
  for (const entry of entries) for (const row of rowsOf(entry, (key) => rows.get(key))) rows.set(row.key, row);
  const kept = await store.rows(threadLog(thread), { prefix: '', limit: 5_000 });
  expect(new Map(kept.map((row) => [row.key, row]))).toEqual(rows);
}
