import { changesMembers, type Entry, isMessage, type NewEntry } from '../../core/entry.ts';
import type { LogId } from '../../core/ids.ts';
import type { Append, InboxUpdate } from '../store.ts';
import { bucketOf, isFull } from './buckets.ts';
import type { EntryDraft, OldChange } from './changes.ts';
import { planChanges } from './changes.ts';
import { packEntry } from './codec.ts';
import type { EntryRows } from './entry-rows.ts';
import { isPlain } from './inbox.ts';
import type { LogHead } from './log-state.ts';

const maxBytes = 1024 * 1024;

/** An append as it will be written, if the log is where it expects it. */
export interface Plan {
  readonly log: LogId;
  /** Undefined = the log has no entries. */
  readonly before: LogHead | undefined;
  readonly head: LogHead;
  readonly drafts: readonly EntryDraft[];
  /** Entries of before, in the same bucket, that it changes. */
  readonly changes: readonly OldChange[];
  /** Inbox changes beside being raised. */
  readonly inbox: readonly InboxUpdate[];
  readonly fingerprints: readonly string[];
  readonly isHinted: readonly boolean[];
  readonly hasEffects: boolean;
}

/** The bucket that the entries behind a head go to. */
export function nextBucket(head: LogHead | undefined): bigint {
  if (head === undefined) return 0n;
  return isFull(head.bucket, head.sequence) ? bucketOf(head.sequence + 1n) : head.bucket;
}

/** Whether an append may have to write outside its partition, or to read what such writes have left. */
export function mayHaveEffects({ entries, inbox }: Append): boolean {
  return entries.some((entry) => !isMessage(entry.change)) || !inbox.every(isPlain);
}

/** @throws RangeError for what only a mistake of the caller brings about */
export async function planAppend(
  rows: EntryRows,
  log: LogId,
  before: LogHead | undefined,
  append: Append,
  epoch: bigint,
): Promise<Plan> {
  const bucket = nextBucket(before);
  const entries = placed(append.entries, before, append.nowMs);
  const last = entries.at(-1) as Entry;
  const { drafts, changes, reachesOut } = await planChanges(rows, log, bucket, entries);
  if (sizeOf(drafts) > maxBytes) throw new RangeError(`an append has at most ${maxBytes} bytes`);
  const inbox = append.inbox.filter((update) => !isPlain(update));
  const first = (before?.sequence ?? 0n) + 1n;
  const hasEffects = reachesOut || inbox.length > 0 || entries.some(({ change }) => putsRows(change.kind));
  const members = entries.findLast(({ change }) => changesMembers(change));
  return {
    log,
    before,
    head: {
      epoch,
      bucket,
      sequence: last.sequence,
      ordinal: last.ordinal,
      membersSequence: members?.sequence ?? before?.membersSequence ?? 0n,
      activityMs: last.createTimeMs,
      effectsFrom: hasEffects ? first : (before?.effectsFrom ?? 0n),
      effectsTo: hasEffects ? last.sequence : (before?.effectsTo ?? 0n),
    },
    drafts,
    changes,
    inbox,
    fingerprints: append.entries.map((entry) => entry.fingerprint),
    isHinted: append.entries.map((_, at) => (append.knownHeads?.[at] ?? 0n) > 0n),
    hasEffects,
  };
}

function placed(given: readonly NewEntry[], before: LogHead | undefined, nowMs: number): Entry[] {
  const createTimeMs = Math.max(Math.floor(nowMs), before?.activityMs ?? 0);
  let sequence = before?.sequence ?? 0n;
  let ordinal = before?.ordinal ?? 0n;
  return given.map(({ senderId, deviceId, clientMessageId, change }) => {
    sequence++;
    if (isMessage(change)) ordinal++;
    // A message begins unedited.
    const begun = change.kind === 'message' ? { ...change, editSequence: 0n, deleteSequence: 0n } : change;
    return { sequence, ordinal, senderId, deviceId, clientMessageId, createTimeMs, change: begun };
  });
}

function putsRows(kind: Entry['change']['kind']): boolean {
  return kind !== 'message' && kind !== 'message-edited' && kind !== 'message-deleted';
}

function sizeOf(drafts: readonly EntryDraft[]): number {
  // What an entry's fixed fields take is not counted.
  const overhead = 1_024;
  let size = 0;
  for (const { entry, body, formerEdit } of drafts) {
    size += (body?.length ?? 0) + packEntry(entry, formerEdit).length - overhead;
  }
  return size;
}
