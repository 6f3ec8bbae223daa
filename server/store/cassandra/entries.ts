import { highest } from '../../core/highest.ts';
import { type Change, type Entry, emptyBody, sizeOfEntry } from '../../core/entry.ts';
import type { LogId } from '../../core/ids.ts';
import type { Range } from '../store.ts';
import { bucketOf, firstBucketOf, isFull } from './buckets.ts';
import { unpackBody } from './codec.ts';
import type { EntryRow, EntryRows } from './entry-rows.ts';
import { Hole } from './failures.ts';
import { closingHoles } from './holes.ts';
import { inParallel } from './parallel.ts';

const defaultMaxBytes = 1024 * 1024;
/** Entries asked for first: a page of a person's history. From then on as many as their size says will fit. */
const firstChunk = 100;
const bodiesAtOnce = 32;
/** An edit may be replaced between the reads of a message and of the edit that it names; several times in a row hardly. */
const rereads = 8;

/**
 * The entries of a range that does not reach above the head when it is read from the end. `known`: up to where there are
 * entries for certain.
 */
export function readEntries(
  rows: EntryRows,
  log: LogId,
  range: Range & { readonly known: bigint },
  signal?: AbortSignal,
): Promise<Entry[]> {
  return closingHoles(rows, () => read(rows, log, range, signal));
}

async function read(
  rows: EntryRows,
  log: LogId,
  range: Range & { readonly known: bigint },
  signal?: AbortSignal,
): Promise<Entry[]> {
  const reverse = range.fromEnd === true;
  const wanted = BigInt(range.limit) - 1n;
  const lowest = range.after + 1n;
  const first = reverse ? highest(lowest, range.upTo - wanted) : lowest;
  const last = reverse ? range.upTo : -highest(-range.upTo, -(lowest + wanted));
  const maxBytes = range.maxBytes ?? defaultMaxBytes;
  const found: Entry[] = [];
  let bytes = 0;
  const { known } = range;
  const chunks = chunksOf(rows, log, { first, last, known, reverse, signal, room: () => maxBytes - bytes });
  for await (const chunk of chunks) {
    for (const entry of await withBodies(rows, log, chunk, signal)) {
      const size = sizeOfEntry(entry);
      if (bytes + size > maxBytes && found.length > 0) return inOrder(found, reverse);
      bytes += size;
      found.push(entry);
    }
  }
  return inOrder(found, reverse);
}

function inOrder(found: Entry[], reverse: boolean): Entry[] {
  return reverse ? found.reverse() : found;
}

interface Walk {
  readonly first: bigint;
  readonly last: bigint;
  readonly known: bigint;
  readonly reverse: boolean;
  readonly signal: AbortSignal | undefined;
  /** Bytes that are still wanted. */
  readonly room: () => number;
}

/** Bucket after bucket, in pieces of about the size that is wanted. Ascending it ends at the head by itself. */
async function* chunksOf(rows: EntryRows, log: LogId, walk: Walk): AsyncGenerator<EntryRow[]> {
  const { first, last, known, reverse, signal, room } = walk;
  const step = reverse ? -1n : 1n;
  let next = reverse ? last : first;
  let bucket = reverse ? bucketOf(last) : firstBucketOf(first);
  const end = (): bigint => (reverse ? firstBucketOf(next) : bucketOf(next));
  let limit = firstChunk;
  while (first <= last && next >= first && next <= last) {
    const span = reverse ? { first, last: next } : { first: next, last };
    const chunk = await rows.span(log, bucket, { ...span, limit, reverse }, signal);
    if (chunk.length === 0) {
      if (bucket === end()) {
        if (reverse || next <= known) throw new Hole(log, next);
        return;
      }
      bucket += step;
      continue;
    }
    for (const row of chunk) {
      if (row.sequence !== next) throw new Hole(log, next);
      next += step;
    }
    yield chunk;
    if (chunk.length < limit) {
      if (!reverse && !isFull(bucket, next - 1n)) {
        if (next <= last && next <= known) throw new Hole(log, next);
        return;
      }
      bucket += step;
    }
    limit = chunkLimit(chunk, room());
  }
}

function chunkLimit(chunk: readonly EntryRow[], room: number): number {
  const average = chunk.reduce((sum, row) => sum + 200 + row.body.length, 0) / chunk.length;
  return Math.max(16, Math.min(1_000, Math.ceil(room / average)));
}

/** A message that was edited has its body in the edit that holds. */
async function withBodies(
  rows: EntryRows,
  log: LogId,
  chunk: readonly EntryRow[],
  signal: AbortSignal | undefined,
): Promise<Entry[]> {
  const known = new Map(chunk.map((row) => [row.sequence, row]));
  return inParallel(chunk, bodiesAtOnce, async (row) => {
    if (row.change.kind !== 'message' || row.editSequence === 0n || row.deleteSequence !== 0n) return entryOf(row);
    let message = row;
    let edit = known.get(row.editSequence);
    for (let tries = 0; tries < rereads; tries++) {
      edit ??= await rows.one(log, message.editSequence, signal);
      if (edit !== undefined && (edit.body.length > 0 || edit.erased)) return entryOf(message, edit);
      edit = undefined;
      message = (await rows.one(log, row.sequence, signal)) ?? message;
      if (message.deleteSequence !== 0n) return entryOf(message);
    }
    throw new Hole(log, message.editSequence);
  });
}

/** `holding`: where its body stands. */
function entryOf(row: EntryRow, holding = row): Entry {
  const { sequence, ordinal, senderId, deviceId, clientMessageId, createTimeMs } = row;
  const entry = { sequence, ordinal, senderId, deviceId, clientMessageId, createTimeMs };
  return { ...entry, change: changeOf(row, holding) };
}

function changeOf({ change, editSequence, deleteSequence }: EntryRow, { body, erased }: EntryRow): Change {
  if (change.kind === 'message-edited') return { ...change, body: unpackBody(body) };
  if (change.kind !== 'message') return change;
  if (erased && deleteSequence === 0n) return { ...change, body: emptyBody, editSequence, deleteSequence, erased };
  const present = deleteSequence === 0n ? unpackBody(body) : emptyBody;
  return { ...change, body: present, editSequence, deleteSequence };
}
