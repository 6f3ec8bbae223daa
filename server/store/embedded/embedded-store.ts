import type { Clock } from '../../core/clock.ts';
import type { Entry, Head } from '../../core/entry.ts';
import { throwIfAborted } from '../../core/errors.ts';
import type { DeviceId, LogId, ThreadId, UserId } from '../../core/ids.ts';
import type { Row } from '../../core/rows.ts';
import type {
  Append,
  AppendResult,
  DeviceRecord,
  Due,
  Duplicate,
  InboxRow,
  Position,
  PositionUpdate,
  Range,
  RowRange,
  Store,
  UserRange,
} from '../store.ts';
import { Appends } from './append.ts';
import { ByteWriter } from './bytes.ts';
import type { Commit } from './commit.ts';
import { compact } from './compact.ts';
import type { Database } from './database.ts';
import { decodeDuplicate } from './dedup.ts';
import { Devices, putDevices } from './devices.ts';
import { DueList } from './due.ts';
import { readEntries } from './entries.ts';
import type { Folder } from './folder.ts';
import { decodeHead, encodeHead } from './heads.ts';
import { InboxReader } from './inbox-reader.ts';
import { keys } from './keys.ts';
import { LastSeen } from './last-seen.ts';
import type { StoreLog } from './log.ts';
import { LogStates } from './log-states.ts';
import { Positions, putPositions } from './positions.ts';
import { recover } from './recovery.ts';
import { rewrite } from './rewrite.ts';
import { readRow, readRows } from './rows.ts';
import { Secrets } from './secrets.ts';
import { Writer } from './writer.ts';

export interface EmbeddedStoreParts {
  readonly folder: Folder;
  readonly database: Database;
  readonly epoch: bigint;
  readonly clock: Clock;
  readonly log: StoreLog;
  readonly sync: boolean;
}

/** The store on one machine: the parts of this folder behind the door. */
export class EmbeddedStore implements Store {
  readonly epoch: bigint;
  readonly #folder: Folder;
  readonly #database: Database;
  readonly #words = new ByteWriter();
  readonly #states: LogStates;
  readonly #writer: Writer;
  readonly #appends: Appends;
  readonly #positions: Positions;
  readonly #inbox: InboxReader;
  readonly #devices: Devices;
  readonly #lastSeen: LastSeen;
  readonly #secrets: Secrets;
  readonly #due: DueList;
  #closing: Promise<void> | undefined;

  constructor(parts: EmbeddedStoreParts) {
    const { folder, database, epoch, clock, log, sync } = parts;
    this.#folder = folder;
    this.#database = database;
    this.epoch = epoch;
    this.#states = new LogStates(() => [...this.#writer.unsettled()].flatMap((commit) => [...commit.heads.keys()]));
    this.#writer = new Writer({
      database,
      log,
      sync,
      seal: (commit) => this.#seal(commit),
      durable: (commit) => this.#durable(commit),
      failed: () => this.#states.clear(),
      recover: (signal) => recover({ database, folder: folder.root, clock, log }, signal),
    });
    this.#lastSeen = new LastSeen(database, clock, this.#writer);
    this.#appends = new Appends(database, this.#writer, this.#states, this.#words, epoch);
    this.#positions = new Positions(database, this.#writer);
    this.#inbox = new InboxReader(database, (logs) => this.heads(logs), epoch);
    this.#devices = new Devices(database, this.#writer);
    this.#secrets = new Secrets(database, this.#writer, this.#words);
    this.#due = new DueList(database, this.#writer, this.#words);
  }

  append(log: LogId, append: Append, signal?: AbortSignal): Promise<AppendResult> {
    return this.#appends.append(log, append, signal);
  }

  async head(log: LogId, signal?: AbortSignal): Promise<Head | undefined> {
    throwIfAborted(signal);
    const state = this.#states.get(log);
    if (state !== undefined) return state.durable;
    const bytes = await this.#database.get(keys.head(log));
    return bytes === undefined ? undefined : decodeHead(bytes, this.epoch);
  }

  async heads(logs: readonly LogId[], signal?: AbortSignal): Promise<(Head | undefined)[]> {
    throwIfAborted(signal);
    const heads = logs.map((log) => this.#states.get(log)?.durable);
    const cold = logs.flatMap((log, at) => (heads[at] === undefined ? [{ at, key: keys.head(log) }] : []));
    if (cold.length === 0) return heads;
    const values = await this.#database.getMany(cold.map(({ key }) => key));
    cold.forEach(({ at }, index) => {
      const bytes = values[index];
      if (bytes !== undefined) heads[at] = decodeHead(bytes, this.epoch);
    });
    return heads;
  }

  async entries(log: LogId, range: Range, signal?: AbortSignal): Promise<Entry[]> {
    const head = await this.head(log, signal);
    return head === undefined ? [] : readEntries(this.#database, log, head, range, signal);
  }

  rewrite(log: LogId, entries: readonly Entry[]): Promise<void> {
    return rewrite(this.#writer, this.#words, log, entries);
  }

  erase(log: LogId, messages: readonly bigint[], upTo: bigint): Promise<void> {
    return this.#appends.erase(log, messages, upTo);
  }

  async duplicate(log: LogId, senderId: UserId, clientMessageId: string): Promise<Duplicate | undefined> {
    const bytes = await this.#database.get(keys.id(log, senderId, clientMessageId));
    return bytes === undefined ? undefined : decodeDuplicate(bytes, this.epoch);
  }

  async row(log: LogId, key: string, signal?: AbortSignal): Promise<Row | undefined> {
    throwIfAborted(signal);
    return readRow(this.#database, log, key);
  }

  rows(log: LogId, range: RowRange, signal?: AbortSignal): Promise<Row[]> {
    return readRows(this.#database, log, range, signal);
  }

  advance(positions: readonly PositionUpdate[]): Promise<void> {
    return this.#positions.advance(positions);
  }

  positions(thread: ThreadId, range: UserRange, signal?: AbortSignal): Promise<Position[]> {
    return this.#positions.ofThread(thread, range, signal);
  }

  async positionsOf(
    user: UserId,
    threads: readonly ThreadId[],
    signal?: AbortSignal,
  ): Promise<(Position | undefined)[]> {
    throwIfAborted(signal);
    return this.#positions.ofUser(user, threads);
  }

  async devicePositions(
    user: UserId,
    device: DeviceId,
    threads: readonly ThreadId[],
    signal?: AbortSignal,
  ): Promise<bigint[]> {
    throwIfAborted(signal);
    return this.#positions.ofDevice(user, device, threads);
  }

  forgetPositions(
    user: UserId,
    threads: readonly { readonly threadId: ThreadId; readonly upTo: bigint }[],
    devices: readonly DeviceId[],
  ): Promise<void> {
    return this.#positions.forget(user, threads, devices);
  }

  inbox(user: UserId, sinceMs: number, signal?: AbortSignal): Promise<InboxRow[]> {
    return this.#inbox.since(user, sinceMs, 'all', signal);
  }

  inboxGroups(user: UserId, sinceMs: number, signal?: AbortSignal): Promise<InboxRow[]> {
    return this.#inbox.since(user, sinceMs, 'groups', signal);
  }

  async inboxRow(user: UserId, thread: ThreadId): Promise<InboxRow | undefined> {
    return (await this.#inbox.rows(user, [thread]))[0];
  }

  inboxRows(user: UserId, threads: readonly ThreadId[], signal?: AbortSignal): Promise<(InboxRow | undefined)[]> {
    return this.#inbox.rows(user, threads, signal);
  }

  devices(user: UserId, signal?: AbortSignal): Promise<DeviceRecord[]> {
    return this.#devices.list(user, signal);
  }

  async device(user: UserId, device: DeviceId, signal?: AbortSignal): Promise<DeviceRecord | undefined> {
    throwIfAborted(signal);
    return this.#devices.one(user, device);
  }

  putDevice(user: UserId, device: Omit<DeviceRecord, 'removed'>): Promise<boolean> {
    return this.#devices.put(user, device);
  }

  removeDevice(user: UserId, device: DeviceId): Promise<void> {
    return this.#devices.remove(user, device);
  }

  forgetDevice(user: UserId, device: DeviceId): Promise<void> {
    return this.#devices.forget(user, device);
  }

  dropPushToken(user: UserId, device: DeviceId, pushToken: string): Promise<void> {
    return this.#devices.dropPushToken(user, device, pushToken);
  }

  seenDevice(user: UserId, device: DeviceId, atMs: number): Promise<void> {
    return this.#devices.seen(user, device, atMs);
  }

  putDue(thread: ThreadId, atMs: number): Promise<void> {
    return this.#due.put(thread, atMs);
  }

  due(untilMs: number, signal?: AbortSignal): AsyncIterable<readonly Due[]> {
    return this.#due.list(untilMs, signal);
  }

  dropDue(due: readonly Due[]): Promise<void> {
    return this.#due.drop(due);
  }

  erasedTo(thread: ThreadId): Promise<bigint> {
    return this.#due.erasedTo(thread);
  }

  raiseErasedTo(thread: ThreadId, sequence: bigint): Promise<void> {
    return this.#due.raiseErasedTo(thread, sequence);
  }

  seen(times: readonly { readonly userId: UserId; readonly atMs: number }[]): Promise<void> {
    return this.#lastSeen.seen(times);
  }

  lastSeen(users: readonly UserId[]): Promise<number[]> {
    return this.#lastSeen.get(users);
  }

  forgetSeen(user: UserId, atMs: number): Promise<void> {
    return this.#lastSeen.forget(user, atMs);
  }

  secret(name: string, make: () => Uint8Array): Promise<Uint8Array> {
    return this.#secrets.get(name, make);
  }

  compact(): Promise<void> {
    return compact(this.#database, this.#writer);
  }

  health(): { readonly writable: boolean; readonly why: string } {
    return this.#writer.health;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#lastSeen.waiting) this.#writer.flushLate();
    await this.#writer.close();
    await this.#database.close();
    await this.#folder.removePid();
  }

  /** What is written once per commit: the last head of each log, the last value of each position. */
  #seal(commit: Commit): void {
    const { puts } = commit;
    for (const [{ log }, head] of commit.heads)
      puts.push({ key: keys.head(log), value: encodeHead(this.#words, head) });
    putPositions(commit, this.#words);
    putDevices(commit, this.#words);
    commit.seen = this.#lastSeen.put(puts, this.#words);
  }

  #durable(commit: Commit): void {
    for (const [state, head] of commit.heads) state.durable = head;
    this.#lastSeen.durable(commit.seen);
  }
}
