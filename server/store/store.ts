import type { Entry, Head, NewEntry } from '../core/entry.ts';
import type { DeviceId, LogId, ThreadId, UserId } from '../core/ids.ts';
import type { Row } from '../core/rows.ts';

/**
 * The door to what must not be lost. Two implementations, one contract suite (test/contract/store.ts).
 *
 * Promises
 * - An append that resolves `appended` is durable: it survives the process, and the machine as the deployment's
 *   durability says. It is whole: all its entries, rows, ids and inbox rows, or none.
 * - Appends of one log are linear: each is conditional on the head that it names, and only one follows a head.
 * - An append that rejects with STORE_UNAVAILABLE took no effect or is unknown: the same entries with the same ids may
 *   be appended again, and are found as duplicates if they had been taken.
 * - Reads see every append that has resolved. Entries are given with their bodies as they are now (see `core/entry.ts`).
 * - Positions only grow, whatever order they arrive in.
 * - Erased bodies (by edit or delete, or by `erase`) are not given by any read after that resolved, and are gone from the files
 *   after `compact` (see there for Cassandra).
 *
 * Failure: every call may reject with Refusal STORE_UNAVAILABLE; reads go on while only writing fails. A signal that aborts
 * rejects with the signal's Refusal and stops the work where it can be stopped; an append under way is not undone, and
 * gives its result. What only a mistake of the caller brings about (an append that is too large, an id twice in it, an edit
 * of what is no message) rejects with a RangeError, and nothing is appended.
 */
export interface Store extends AsyncDisposable {
  /** That of every log in it. A store that was rebuilt or restored has a higher one. Above 0. */
  readonly epoch: bigint;
  append(log: LogId, append: Append, signal?: AbortSignal): Promise<AppendResult>;
  /** Undefined for a log without entries. */
  head(log: LogId, signal?: AbortSignal): Promise<Head | undefined>;
  heads(logs: readonly LogId[], signal?: AbortSignal): Promise<(Head | undefined)[]>;
  /** Ascending, without a hole. */
  entries(log: LogId, range: Range, signal?: AbortSignal): Promise<Entry[]>;
  /**
   * Has entries of a user's own log say something else, for what must not be kept: they are as they were read, but for their changes. Rows stay as
   * they are. At most 1,000, none of them a message or an edit. Idempotent. Durable as an append is; what they said goes from the files as an
   * erased body does.
   */
  rewrite(log: LogId, entries: readonly Entry[]): Promise<void>;
  /**
   * Erases the bodies of messages: they are read with an empty one and `erased`, and all else of their entries stays, ids too. A body
   * that came with an edit above `upTo` is left as it is, and so is what is no message or was deleted. An edit of an erased
   * message that is appended later is kept without its body (on Cassandra not one that another node was appending at that moment: it
   * stands, and is to be erased as one that came later). At most 256 messages. Idempotent; durable as an append is.
   */
  erase(log: LogId, messages: readonly bigint[], upTo: bigint): Promise<void>;
  /** What an id was appended as. `knownHead`: as in `Append.knownHeads`; 0 = not said. */
  duplicate(log: LogId, senderId: UserId, clientMessageId: string, knownHead: bigint): Promise<Duplicate | undefined>;

  /** The present row of a key. */
  row(log: LogId, key: string, signal?: AbortSignal): Promise<Row | undefined>;
  /** Present rows in ascending order of keys (bytes of UTF-8). */
  rows(log: LogId, range: RowRange, signal?: AbortSignal): Promise<Row[]>;

  /** Raises positions; those that are not above what is kept change nothing. Durable as an append is. */
  advance(positions: readonly PositionUpdate[]): Promise<void>;
  /** Positions of a thread's users, ascending by user id; users without any are left out. */
  positions(thread: ThreadId, range: UserRange, signal?: AbortSignal): Promise<Position[]>;
  /** One user's positions in several threads, in the order asked: those in many threads are read at once. */
  positionsOf(user: UserId, threads: readonly ThreadId[], signal?: AbortSignal): Promise<(Position | undefined)[]>;
  /** What one device has acknowledged of several threads, in the order asked; 0 = nothing. */
  devicePositions(
    user: UserId,
    device: DeviceId,
    threads: readonly ThreadId[],
    signal?: AbortSignal,
  ): Promise<bigint[]>;

  /**
   * Forgets up to where a user has threads, as far as that is not above `upTo` of each, and what these devices, which were removed, had
   * acknowledged of them. Idempotent. Durable as an append is.
   */
  forgetPositions(
    user: UserId,
    threads: readonly { readonly threadId: ThreadId; readonly upTo: bigint }[],
    devices: readonly DeviceId[],
  ): Promise<void>;

  /**
   * A user's threads in which something changed at or after `sinceMs` (0 = all), and all `large` ones that they are a member
   * of; newest activity first. With them come those that the user has read further since the day of that time (UTC), if nothing
   * changed in them on the day of that reading or later (`Position.readMs` says when it was, and whether: what was not above the
   * position may be among it). Since a time of the last 44 days it reads what changed or was read since that day and the large
   * ones, however many threads there are.
   */
  inbox(user: UserId, sinceMs: number, signal?: AbortSignal): Promise<InboxRow[]>;
  /** The groups of it, at the cost of groups alone. */
  inboxGroups(user: UserId, sinceMs: number, signal?: AbortSignal): Promise<InboxRow[]>;
  /** One row of it. */
  inboxRow(user: UserId, thread: ThreadId): Promise<InboxRow | undefined>;
  /** Several rows of it, in the order asked, at the cost of these. */
  inboxRows(user: UserId, threads: readonly ThreadId[], signal?: AbortSignal): Promise<(InboxRow | undefined)[]>;

  /** A user's devices in ascending order of ids (bytes), those that were removed too. */
  devices(user: UserId, signal?: AbortSignal): Promise<DeviceRecord[]>;
  /** One of them; undefined when nothing is known of it. */
  device(user: UserId, device: DeviceId, signal?: AbortSignal): Promise<DeviceRecord | undefined>;
  /**
   * Puts what a device says of itself, whole; `seenMs` only raises what is kept. False: it was removed, and stays so, whatever raced. Its push
   * token is taken from every other device that had it, of whichever user: of several puts of one token at once the last keeps it. Durable as an
   * append is. (On Cassandra, when the node dies within a put or a removal, a device that is given the token after may share it with this one
   * until one of them is put again, or this one is removed.)
   */
  putDevice(user: UserId, device: Omit<DeviceRecord, 'removed'>): Promise<boolean>;
  /** Wipes a device but for its id, which is kept as removed even if it was not known. Idempotent. Durable as an append is. */
  removeDevice(user: UserId, device: DeviceId): Promise<void>;
  /** Drops what is known of a device, unless it was removed: it may come again. Idempotent. */
  forgetDevice(user: UserId, device: DeviceId): Promise<void>;
  /** Forgets a push token where it is still this one (a push service said that it is dead). */
  dropPushToken(user: UserId, device: DeviceId, pushToken: string): Promise<void>;
  /** It was heard of. Changes nothing of an unknown or a removed one, and never lowers. Not waited for by anyone: may be lost in a crash. */
  seenDevice(user: UserId, device: DeviceId, atMs: number): Promise<void>;

  /**
   * The list of threads whose bodies are to be looked at, each at its time: so what is to be erased is found without reading what
   * exists, and by whoever is there then. Puts a thread on it, once per minute of its time, in which it is looked at or soon after. Durable
   * as an append is.
   */
  putDue(thread: ThreadId, atMs: number): Promise<void>;
  /** Some at a time, by the minutes of their times, up to that of `untilMs`. What is put meanwhile may come or not. */
  due(untilMs: number, signal?: AbortSignal): AsyncIterable<readonly Due[]>;
  /** Takes them off the list; what was put again since `due` gave it may go with it. */
  dropDue(due: readonly Due[]): Promise<void>;
  /** Up to where a thread has been looked at, and no body is held that will ever have to be erased; 0 = nowhere. */
  erasedTo(thread: ThreadId): Promise<bigint>;
  /** Raises it; what is not above it changes nothing. */
  raiseErasedTo(thread: ThreadId, sequence: bigint): Promise<void>;

  /** Remembers when users were last seen; the latest time holds. Not waited for by anyone: may be lost in a crash. */
  seen(times: readonly { readonly userId: UserId; readonly atMs: number }[]): Promise<void>;
  /** In the order asked; 0 = never. */
  lastSeen(users: readonly UserId[]): Promise<number[]>;
  /** Forgets when a user was last seen, unless that was after `atMs`. */
  forgetSeen(user: UserId, atMs: number): Promise<void>;

  /** A value of the deployment that outlives the process, made by `make` if there is none: signing secrets, epochs. */
  secret(name: string, make: () => Uint8Array): Promise<Uint8Array>;
  /**
   * Drops what was erased from the files. The embedded store does it when asked. Cassandra cannot be told by its clients:
   * an erased body is overwritten, never deleted, so it comes back by no repair, however late, and goes from a node's files
   * when that node next compacts it (`nodetool garbagecollect` does so at once; `system.paxos` keeps a last copy until its
   * own compaction, by default 10 days).
   */
  compact(): Promise<void>;
  /** Whether appends are taken just now, and why not. */
  health(): { readonly writable: boolean; readonly why: string };
}

export interface Append {
  /** The head the entries follow: sequence and membersSequence must both be the log's. undefined = the log has no entries. */
  readonly expected: Pick<Head, 'sequence' | 'membersSequence'> | undefined;
  /**
   * At least one, at most 256, together at most 1 MiB; no id twice. The target of an edit or a delete is a message, which
   * may be one of them. What was deleted stays so: a later edit of it is kept without its body.
   */
  readonly entries: readonly NewEntry[];
  /**
   * What head the author of each entry had been told when composing; 0, or left out = not said. A retry says the same: an
   * id is looked for above that head (Cassandra), or, when it was not said, wherever it may be.
   */
  readonly knownHeads?: readonly bigint[];
  /** Wall ms for `createTimeMs`; raised to the head's activity when below. */
  readonly nowMs: number;
  /** Whose inbox rows are raised to the new head. Empty for user logs and for threads of over 100 members. */
  readonly inbox: readonly InboxUpdate[];
}

export type AppendResult =
  | { readonly outcome: 'appended'; readonly entries: readonly Entry[]; readonly head: Head }
  /** The log is elsewhere than `expected`; undefined = it has no entries. Nothing was appended. The head is durable. */
  | { readonly outcome: 'conflict'; readonly head: Head | undefined }
  /** Some ids were appended before. Nothing was appended now: take these out and append the rest. Checked before the head is. */
  | { readonly outcome: 'duplicate'; readonly duplicates: ReadonlyMap<number, Duplicate> };

/** A thread on the list of those to be looked at. */
export interface Due {
  readonly threadId: ThreadId;
  /** Wall minutes since 1970. */
  readonly minute: number;
}

export interface Duplicate {
  readonly sequence: bigint;
  readonly ordinal: bigint;
  readonly createTimeMs: number;
  readonly epoch: bigint;
  /** As appended: other than the new one's = the id was reused. */
  readonly fingerprint: string;
}

export interface Range {
  /** Entries above this sequence. */
  readonly after: bigint;
  /** Up to and including this one. */
  readonly upTo: bigint;
  /** 1–1,000. */
  readonly limit: number;
  /** Stops before this many bytes are passed, but gives at least one entry. Default 1 MiB. */
  readonly maxBytes?: number;
  /** True: the highest ones of the range (still in ascending order). */
  readonly fromEnd?: boolean;
}

export interface RowRange {
  readonly prefix: string;
  /** Keys above this one; whole key. Empty = from the start. */
  readonly after?: string;
  /** 1–5,000. */
  readonly limit: number;
}

export interface UserRange {
  readonly after?: UserId;
  /** 1–5,000. */
  readonly limit: number;
}

export interface PositionUpdate {
  readonly threadId: ThreadId;
  readonly userId: UserId;
  /** Set: this device holds the thread up to `sequence`. Unset: the user has read it up to there. */
  readonly deviceId?: DeviceId;
  readonly sequence: bigint;
  /** Ordinal at that sequence. */
  readonly ordinal: bigint;
  readonly atMs: number;
}

export interface Position {
  readonly threadId: ThreadId;
  readonly userId: UserId;
  /** Highest of the user's devices. */
  readonly delivered: bigint;
  readonly read: bigint;
  readonly readOrdinal: bigint;
  /** Wall ms when `read` last grew; 0 = never, or longer ago than is kept. */
  readonly readMs: number;
  /** Wall ms when either last grew. */
  readonly updateMs: number;
}

export type DevicePlatform = 'unspecified' | 'android' | 'ios' | 'web' | 'desktop';

/** An installation of a user's. What it says of itself is whole in each put; what is kept of a removed one is that it was. */
export interface DeviceRecord {
  readonly deviceId: DeviceId;
  readonly platform: DevicePlatform;
  /** At most 4,096 bytes. Empty = notifications have nowhere to go. */
  readonly pushToken: string;
  /** BCP 47, at most 35 bytes; may be empty. */
  readonly locale: string;
  /** What its user tells it by, at most 100 bytes; may be empty. */
  readonly displayName: string;
  /** Opaque, at most 16 KiB. */
  readonly keyBlob: Uint8Array;
  /** Wall ms when it was last heard of, to within an hour. 0 once removed. */
  readonly seenMs: number;
  /** Signed out: the id is never used again. Platform, name, token, locale and keys are gone. */
  readonly removed: boolean;
}

/** What is left of a removed one. */
export function removedDevice(deviceId: DeviceId): DeviceRecord {
  const nothing = {
    platform: 'unspecified',
    pushToken: '',
    locale: '',
    displayName: '',
    keyBlob: new Uint8Array(0),
    seenMs: 0,
  } as const;
  return { deviceId, ...nothing, removed: true };
}

/** What an append changes in one member's inbox. Unset fields stay as they are. */
export interface InboxUpdate {
  readonly userId: UserId;
  /** Set when the user becomes a member or the thread begins: lowest sequence they may see. */
  readonly visibleFrom?: bigint;
  /** False from the removal on: the row then stays at the removal's sequence. */
  readonly member?: boolean;
  /** True from the time the thread has over 100 members: its head is then read from the thread itself. */
  readonly large?: boolean;
}

/** A user's thread with where it stood when the row was last raised, or later. */
export interface InboxRow {
  readonly threadId: ThreadId;
  readonly epoch: bigint;
  readonly sequence: bigint;
  readonly ordinal: bigint;
  readonly activityMs: number;
  readonly visibleFrom: bigint;
  readonly member: boolean;
  readonly large: boolean;
}
