import type { Clock } from '../../core/clock.ts';
import type { Entry, Head } from '../../core/entry.ts';
import { throwIfAborted } from '../../core/errors.ts';
import type { DeviceId, LogId, ThreadId, UserId } from '../../core/ids.ts';
import { KeyedQueue } from '../../core/keyed-queue.ts';
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
import { Appends, checkAppend } from './append.ts';
import { type Cluster, unlessAborted } from './cluster.ts';
import { Commits } from './commit.ts';
import { valueOf } from './deployment.ts';
import { Devices } from './devices.ts';
import { DueList } from './due.ts';
import { Effects } from './effects.ts';
import { readEntries } from './entries.ts';
import { EntryRows } from './entry-rows.ts';
import { eraseMessages } from './erase.ts';
import { doorHead, Heads } from './heads.ts';
import { idKey, Ids } from './ids.ts';
import { InboxWriter } from './inbox.ts';
import { InboxReader } from './inbox-reader.ts';
import { LastSeen } from './last-seen.ts';
import { type LogHead, type LogState, LogStates } from './log-state.ts';
import type { StoreLog } from './options.ts';
import { inParallel } from './parallel.ts';
import { Positions } from './positions.ts';
import { rewrite } from './rewrite.ts';
import { Rows } from './rows.ts';

export interface CassandraStoreParts {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: StoreLog;
  readonly epoch: bigint;
  /** Random bytes of this opening of the store. */
  readonly opening: Buffer;
  /** False in a restored deployment: what head an author knew may be of a life of the log before. Default true. */
  readonly trustsHints?: boolean;
  /** As in `Ids`; the same for all nodes of a deployment, so only a test says another. */
  readonly mostSearched?: bigint;
}

const headsAtOnce = 64;

/** The store on a cluster: the parts of this folder behind the door. */
export class CassandraStore implements Store {
  readonly epoch: bigint;
  readonly #cluster: Cluster;
  readonly #trustsHints: boolean;
  readonly #states = new LogStates();
  readonly #queue = new KeyedQueue();
  /** Appends that were begun: closing waits for them. */
  readonly #running = new Set<Promise<AppendResult>>();
  readonly #heads: Heads;
  readonly #ids: Ids;
  readonly #entryRows: EntryRows;
  readonly #rows: Rows;
  readonly #effects: Effects;
  readonly #appends: Appends;
  readonly #positions: Positions;
  readonly #inbox: InboxReader;
  readonly #devices: Devices;
  readonly #lastSeen: LastSeen;
  readonly #due: DueList;
  #closing: Promise<void> | undefined;

  constructor({ cluster, clock, log, epoch, opening, mostSearched, trustsHints = true }: CassandraStoreParts) {
    this.epoch = epoch;
    this.#cluster = cluster;
    this.#trustsHints = trustsHints;
    this.#heads = new Heads(cluster, epoch, log);
    this.#ids = new Ids(cluster, epoch, mostSearched);
    this.#entryRows = new EntryRows(cluster);
    this.#rows = new Rows(cluster);
    const inbox = new InboxWriter(cluster);
    this.#effects = new Effects(cluster, this.#heads, this.#entryRows, this.#rows, inbox);
    this.#appends = new Appends({
      heads: this.#heads,
      ids: this.#ids,
      entryRows: this.#entryRows,
      commits: new Commits(cluster, this.#heads, this.#ids, this.#rows, clock, opening),
      effects: this.#effects,
      inbox,
      epoch,
    });
    this.#positions = new Positions(cluster);
    this.#inbox = new InboxReader(cluster, (logs, signal) => this.heads(logs, signal), epoch, clock);
    this.#devices = new Devices(cluster);
    this.#lastSeen = new LastSeen(cluster);
    this.#due = new DueList(cluster, clock);
  }

  async append(log: LogId, append: Append, signal?: AbortSignal): Promise<AppendResult> {
    throwIfAborted(signal);
    checkAppend(append);
    let begun = false;
    const done = this.#queue.run(log, () => {
      throwIfAborted(signal);
      begun = true;
      const { knownHeads: _, ...unhinted } = append;
      const given = this.#trustsHints ? append : unhinted;
      const running = this.#appends.append(this.#states.get(log), given, signal);
      this.#running.add(running);
      return running.finally(() => this.#running.delete(running));
    });
    // Once it is begun it is not undone, and gives its result.
    return signal === undefined ? done : unlessAborted(done, signal, () => begun);
  }

  async head(log: LogId, signal?: AbortSignal): Promise<Head | undefined> {
    const head = await this.#settledHead(this.#states.get(log), signal);
    return head === undefined ? undefined : doorHead(head);
  }

  async heads(logs: readonly LogId[], signal?: AbortSignal): Promise<(Head | undefined)[]> {
    throwIfAborted(signal);
    return inParallel(logs, headsAtOnce, (log) => this.head(log, signal));
  }

  async entries(log: LogId, range: Range, signal?: AbortSignal): Promise<Entry[]> {
    throwIfAborted(signal);
    const state = this.#states.get(log);
    const known = state.head;
    if (range.fromEnd !== true) {
      return readEntries(this.#entryRows, log, { ...range, known: known?.sequence ?? 0n }, signal);
    }
    // Heads only grow: one that is remembered says that the range ends below it.
    const head = known !== undefined && known.sequence >= range.upTo ? known : await this.#heads.read(state, signal);
    if (head === undefined) return [];
    const upTo = range.upTo < head.sequence ? range.upTo : head.sequence;
    return readEntries(this.#entryRows, log, { ...range, upTo, known: upTo }, signal);
  }

  rewrite(log: LogId, entries: readonly Entry[]): Promise<void> {
    return rewrite(this.#cluster, this.#entryRows, log, entries);
  }

  erase(log: LogId, messages: readonly bigint[], upTo: bigint): Promise<void> {
    return eraseMessages(this.#cluster, this.#entryRows, log, messages, upTo);
  }

  async duplicate(
    log: LogId,
    senderId: UserId,
    clientMessageId: string,
    knownHead: bigint,
  ): Promise<Duplicate | undefined> {
    const wanted = { senderId, clientMessageId, knownHead: this.#trustsHints ? knownHead : 0n };
    const state = this.#states.get(log);
    const head = await this.#heads.read(state);
    if (head === undefined) return undefined;
    const duplicate = (await this.#ids.find(log, [wanted], head)).get(idKey(wanted));
    if (duplicate !== undefined) await this.#appends.finish(state, head, [duplicate]);
    return duplicate;
  }

  row(log: LogId, key: string, signal?: AbortSignal): Promise<Row | undefined> {
    return this.#rows.one(log, key, signal);
  }

  rows(log: LogId, range: RowRange, signal?: AbortSignal): Promise<Row[]> {
    return this.#rows.list(log, range, signal);
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
    return this.#positions.ofUser(user, threads, signal);
  }

  devicePositions(
    user: UserId,
    device: DeviceId,
    threads: readonly ThreadId[],
    signal?: AbortSignal,
  ): Promise<bigint[]> {
    return this.#positions.ofDevice(user, device, threads, signal);
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

  device(user: UserId, device: DeviceId, signal?: AbortSignal): Promise<DeviceRecord | undefined> {
    return this.#devices.one(user, device, signal);
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
    return valueOf(this.#cluster, `secret:${name}`, make);
  }

  /** Compaction is the cluster's own business: see the door. */
  async compact(): Promise<void> {}

  health(): { readonly writable: boolean; readonly why: string } {
    return this.#cluster.health;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    await this.#cluster.close();
  }

  /** Whoever is told a head may go on to read rows: so what belongs to it is written first. */
  async #settledHead(state: LogState, signal: AbortSignal | undefined): Promise<LogHead | undefined> {
    throwIfAborted(signal);
    const head = await this.#heads.read(state, signal);
    if (head !== undefined) await this.#effects.settle(state, head);
    return head;
  }
}
