import type { Clock } from '../core/clock.ts';
import type { Entry, Head } from '../core/entry.ts';
import type { DeviceId, LogId, ThreadId, UserId } from '../core/ids.ts';
import type { Row } from '../core/rows.ts';
import type { DeviceRecord, InboxRow, Position } from './store.ts';

/**
 * The door to backups: what a store gives and takes so that it can be written to a file and made again from it, by any
 * implementation. A backup of one machine can be restored into Cassandra, and the other way round.
 *
 * What is in it: the logs (entries with their present bodies, and what each id was appended as), positions, last-seen
 * times, devices, secrets. Rows, heads and inboxes are not: they are folds of the logs, and are made again from them.
 *
 * Promises
 * - Each log is whole: its entries from 1 to some head, as the log stood at one moment. Everything that was acknowledged
 *   before the backup began is in it.
 * - Between logs: the embedded store gives all of them as of one moment. Cassandra gives each as of its own moment while the
 *   backup runs, threads before users' own logs: so who is a member in the backup has the thread in their own log, unless they left
 *   while it ran. Positions are never above the log that they are in.
 * - A restored store has another epoch than any before. Clients hold nothing of that epoch, so they start over, and what they
 *   had beyond the backup is not mixed with what comes now, even where it has the same sequence.
 *
 * A backup holds every message and the signing secrets: its file is as secret as the store.
 */
export interface BackupSource extends AsyncDisposable {
  readonly store: 'embedded' | 'cassandra';
  readonly epoch: bigint;
  /** Items of different logs may come mixed; those of one log are in order, and all logs come before everything else. */
  items(signal?: AbortSignal): AsyncIterable<BackupItem>;
}

/** A part of a backup, of at most some hundred KiB. */
export type BackupItem =
  /** Ascending from 1 without a hole. A body stands in the message only, never in an edit. */
  | { readonly kind: 'entries'; readonly log: LogId; readonly entries: readonly BackupEntry[] }
  /** Messages that came already, as they are since an entry after them edited or deleted them while the backup ran. */
  | { readonly kind: 'changed'; readonly log: LogId; readonly entries: readonly BackupEntry[] }
  | {
      readonly kind: 'positions';
      readonly thread: ThreadId;
      readonly positions: readonly Omit<Position, 'threadId' | 'readMs'>[];
    }
  /** Nothing more comes of this log; `sequence` is its last. */
  | { readonly kind: 'log-end'; readonly log: LogId; readonly sequence: bigint }
  | { readonly kind: 'devices'; readonly devices: readonly DevicePosition[] }
  | { readonly kind: 'device-records'; readonly records: readonly OwnedDevice[] }
  | { readonly kind: 'seen'; readonly times: readonly LastSeenTime[] }
  | { readonly kind: 'secret'; readonly name: string; readonly value: Uint8Array };

export interface BackupEntry extends Entry {
  /** What the id was appended with; empty with an empty id. */
  readonly fingerprint: string;
}

export interface DevicePosition {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly threadId: ThreadId;
  readonly sequence: bigint;
}

export interface OwnedDevice extends DeviceRecord {
  readonly userId: UserId;
}

export interface LastSeenTime {
  readonly userId: UserId;
  readonly atMs: number;
}

/** An entry, and the last change of members up to it. */
export interface PlacedEntry extends BackupEntry {
  readonly membersSequence: bigint;
}

/** What a whole log amounts to. */
export interface FoldedLog {
  readonly head: Omit<Head, 'epoch'>;
  readonly rows: readonly Row[];
  /** Of a thread: one for everybody who is or was a member, `threadId` and epoch left out. */
  readonly inbox: readonly FoldedInbox[];
}

export type FoldedInbox = Omit<InboxRow, 'threadId' | 'epoch'> & { readonly userId: UserId };

/**
 * An empty store that is being filled. Nobody can open it as a store before `finish`. Calls for one log come one after the other;
 * those for different logs may overlap. Devices come after all logs have ended.
 */
export interface BackupTarget extends AsyncDisposable {
  entries(log: LogId, entries: readonly PlacedEntry[]): Promise<void>;
  /** Messages that it has in a state from before an edit or a delete. */
  changed(log: LogId, entries: readonly BackupEntry[]): Promise<void>;
  endLog(log: LogId, folded: FoldedLog): Promise<void>;
  positions(thread: ThreadId, positions: readonly Omit<Position, 'threadId' | 'readMs'>[]): Promise<void>;
  /** Positions above a thread's head are taken as the head. */
  devices(devices: readonly DevicePosition[]): Promise<void>;
  deviceRecords(records: readonly OwnedDevice[]): Promise<void>;
  seen(times: readonly LastSeenTime[]): Promise<void>;
  secret(name: string, value: Uint8Array): Promise<void>;
  /** Makes it a store, of this epoch. */
  finish(epoch: bigint): Promise<void>;
  /** Undoes what was done, where that is possible; else says in words what is left and how to remove it. */
  abandon(): Promise<string>;
}

/** A backup or a restore cannot be done; the message says why and what to do, and is for the operator. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
}

/** Above the epoch before, and unlike that of any other restore of the same backup. */
export function raisedEpoch(before: bigint, clock: Clock): bigint {
  const now = BigInt(Math.floor(clock.nowMs())) * 1024n;
  const lowest = now > before ? now : before + 1n;
  return lowest + BigInt(Math.floor(clock.random() * 1024));
}
