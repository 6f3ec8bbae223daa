import type { Head } from '../../core/entry.ts';
import type { ThreadId } from '../../core/ids.ts';
import type { InboxRow, InboxUpdate } from '../store.ts';
import { ByteReader, type ByteWriter } from './bytes.ts';

const version = 1;
const dayMs = 86_400_000;

/** Days since 1970 (UTC). */
export function dayOf(ms: number): number {
  return Math.floor(ms / dayMs);
}

/**
 * A user's thread as it is kept: what an append does *not* change. Where a member's thread stands is read from the
 * thread's head, so a message writes nothing here; a removal pins where it stood.
 */
export interface InboxRecord {
  readonly visibleFrom: number;
  readonly member: boolean;
  readonly large: boolean;
  /** Of the removal; zeros while a member. */
  readonly pinnedSequence: number;
  readonly pinnedOrdinal: number;
  readonly pinnedActivityMs: number;
}

const newRecord: InboxRecord = {
  visibleFrom: 1,
  member: true,
  large: false,
  pinnedSequence: 0,
  pinnedOrdinal: 0,
  pinnedActivityMs: 0,
};

/** The record after an append that led to `head`; the same object when nothing changes. */
export function updatedRecord(record: InboxRecord | undefined, update: InboxUpdate, head: Head): InboxRecord {
  if (record !== undefined && isPlain(update)) return record;
  const before = record ?? newRecord;
  const member = update.member ?? before.member;
  const leaves = !member && before.member;
  return {
    visibleFrom: update.visibleFrom === undefined ? before.visibleFrom : Number(update.visibleFrom),
    member,
    large: update.large ?? before.large,
    pinnedSequence: leaves ? Number(head.sequence) : member ? 0 : before.pinnedSequence,
    pinnedOrdinal: leaves ? Number(head.ordinal) : member ? 0 : before.pinnedOrdinal,
    pinnedActivityMs: leaves ? head.activityMs : member ? 0 : before.pinnedActivityMs,
  };
}

/** Says nothing but that the thread moved. */
export function isPlain(update: InboxUpdate): boolean {
  return update.visibleFrom === undefined && update.member === undefined && update.large === undefined;
}

export function encodeInbox(writer: ByteWriter, record: InboxRecord): Buffer {
  return writer
    .start(version)
    .u8((record.member ? 1 : 0) + (record.large ? 2 : 0))
    .u48(record.visibleFrom)
    .u48(record.pinnedSequence)
    .u48(record.pinnedOrdinal)
    .u48(record.pinnedActivityMs)
    .take();
}

export function decodeInbox(bytes: Buffer): InboxRecord {
  const reader = new ByteReader(bytes, version, 'an inbox row');
  const flags = reader.u8();
  return {
    member: (flags & 1) !== 0,
    large: (flags & 2) !== 0,
    visibleFrom: reader.u48(),
    pinnedSequence: reader.u48(),
    pinnedOrdinal: reader.u48(),
    pinnedActivityMs: reader.u48(),
  };
}

export function inboxRowOf(threadId: ThreadId, record: InboxRecord, head: Head | undefined, epoch: bigint): InboxRow {
  const { member, large, visibleFrom, pinnedSequence, pinnedOrdinal, pinnedActivityMs } = record;
  return {
    threadId,
    epoch,
    sequence: member ? (head?.sequence ?? 0n) : BigInt(pinnedSequence),
    ordinal: member ? (head?.ordinal ?? 0n) : BigInt(pinnedOrdinal),
    activityMs: member ? (head?.activityMs ?? 0) : pinnedActivityMs,
    visibleFrom: BigInt(visibleFrom),
    member,
    large,
  };
}
