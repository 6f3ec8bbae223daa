import { type Entry, emptyBody, type Head, sizeOfEntry } from '../../core/entry.ts';
import { Refusal, throwIfAborted } from '../../core/errors.ts';
import type { LogId } from '../../core/ids.ts';
import type { Range } from '../store.ts';
import type { Database } from './database.ts';
import { decodeEntry } from './entry-codec.ts';
import { keys } from './keys.ts';

const defaultMaxBytes = 1024 * 1024;
/** Up to this many entries are read on this thread: they are most likely in memory, and a hop costs more than they do. */
const entriesReadNow = 4;
/** Up to this many are asked for by key, more by an iterator, which is dearer to begin. */
const entriesReadByKey = 16;

/** Sequences have no holes: a range is known before anything is read. */
export async function readEntries(
  database: Database,
  log: LogId,
  head: Head,
  range: Range,
  signal?: AbortSignal,
): Promise<Entry[]> {
  let first = Number(range.after) + 1;
  let last = Number(range.upTo < head.sequence ? range.upTo : head.sequence);
  if (range.fromEnd === true) first = Math.max(first, last - range.limit + 1);
  else last = Math.min(last, first + range.limit - 1);
  if (first > last) return [];

  const found: Entry[] = [];
  const maxBytes = range.maxBytes ?? defaultMaxBytes;
  let bytes = 0;
  const take = (sequence: number, value: Buffer | undefined): boolean => {
    if (value === undefined) throw missing(log, sequence);
    const entry = decodeEntry(value, sequence);
    bytes += sizeOfEntry(entry);
    if (bytes > maxBytes && found.length > 0) return false;
    found.push(entry);
    return true;
  };
  const reverse = range.fromEnd === true;
  let next = reverse ? last : first;
  const step = reverse ? -1 : 1;
  if (last - first < entriesReadByKey) {
    const sequences = Array.from({ length: last - first + 1 }, (_, at) => next + at * step);
    const wanted = sequences.map((sequence) => keys.entry(log, sequence));
    const values =
      wanted.length <= entriesReadNow
        ? await Promise.all(wanted.map((key) => database.get(key)))
        : await database.getMany(wanted);
    for (let at = 0; at < sequences.length; at++) if (!take(sequences[at] ?? 0, values[at])) break;
  } else {
    let whole = false;
    await database.scan(
      { gte: keys.entry(log, first), lte: keys.entry(log, last), reverse },
      (key, value) => {
        const expected = keys.entry(log, next);
        if (key !== expected) throw missing(log, next);
        if (!take(next, value)) {
          whole = true;
          return false;
        }
        next += step;
        return true;
      },
      signal,
    );
    if (!whole && next !== (reverse ? first - 1 : last + 1)) throw missing(log, next);
  }
  if (reverse) found.reverse();
  throwIfAborted(signal);
  return withEditBodies(database, log, found);
}

/** An edit has a body only while it is the one that holds; the body stands in the message. */
async function withEditBodies(database: Database, log: LogId, found: Entry[]): Promise<Entry[]> {
  if (!found.some(({ change }) => change.kind === 'message-edited')) return found;
  const edits = found.flatMap((entry, at) =>
    entry.change.kind === 'message-edited' ? [{ at, entry, target: entry.change.target }] : [],
  );
  const values = await database.getMany(edits.map(({ target }) => keys.entry(log, Number(target))));
  edits.forEach(({ at, entry, target }, index) => {
    const bytes = values[index];
    const message = bytes === undefined ? undefined : decodeEntry(bytes, Number(target)).change;
    const holds =
      message?.kind === 'message' && message.editSequence === entry.sequence && message.deleteSequence === 0n;
    const body = holds ? message.body : emptyBody;
    found[at] = { ...entry, change: { kind: 'message-edited', target, body } };
  });
  return found;
}

function missing(log: LogId, sequence: number): Refusal {
  const cause = new Error(`entry ${sequence} of log ${log} is not there`);
  return new Refusal('STORE_UNAVAILABLE', "the store's files are damaged: restore a backup", { cause });
}
