import type { Entry, Head } from '../../server/core/entry.ts';
import { throwIfAborted } from '../../server/core/errors.ts';
import type { DeviceId, LogId, ThreadId, UserId } from '../../server/core/ids.ts';
import type { Row } from '../../server/core/rows.ts';
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
} from '../../server/store/store.ts';
import { Effects, settled } from './effects.ts';
import { doorHead, StoreAppends } from './store-appends.ts';
import { InDoubt, type StoreWire, unavailable } from './store-wire.ts';
import { epoch, type Tables } from './tables.ts';

const dayMs = 86_400_000;

/** The store of one node: the door of server/store/store.ts over tables that all nodes share. */
export class SimStore implements Store {
  readonly epoch = epoch;
  readonly #tables: Tables;
  readonly #wire: StoreWire;
  readonly #effects: Effects;
  readonly #appends: StoreAppends;
  readonly #secrets = new Map<string, Uint8Array>();

  constructor(name: string, tables: Tables, wire: StoreWire) {
    this.#tables = tables;
    this.#wire = wire;
    this.#effects = new Effects(tables, wire);
    this.#appends = new StoreAppends(name, tables, wire, this.#effects);
  }

  append(log: LogId, append: Append): Promise<AppendResult> {
    return this.#appends.append(log, append);
  }

  async head(log: LogId, signal?: AbortSignal): Promise<Head | undefined> {
    throwIfAborted(signal);
    const head = await this.#wire.read(() => this.#tables.log(log).head);
    // Whoever is told a head may go on to read rows: so what belongs to it is written first.
    if (head !== undefined) await this.#effects.settle(log, head);
    return head && doorHead(head);
  }

  heads(logs: readonly LogId[], signal?: AbortSignal): Promise<(Head | undefined)[]> {
    return Promise.all(logs.map((log) => this.head(log, signal)));
  }

  async entries(log: LogId, range: Range, signal?: AbortSignal): Promise<Entry[]> {
    throwIfAborted(signal);
    const { after, upTo, limit, fromEnd = false } = range;
    return this.#wire.read(() => {
      const found = this.#tables.log(log).entries.slice(Number(after), Number(upTo));
      return fromEnd ? found.slice(-limit) : found.slice(0, limit);
    });
  }

  rewrite(): Promise<void> {
    return Promise.reject(new Error('no user is erased in a simulation'));
  }

  async duplicate(log: LogId, senderId: UserId, clientMessageId: string): Promise<Duplicate | undefined> {
    const { head, found } = await this.#wire.read(() => ({
      head: this.#tables.log(log).head,
      found: this.#tables.duplicate(log, senderId, clientMessageId),
    }));
    if (head !== undefined && found !== undefined) await this.#effects.finish(log, head, found.sequence);
    return found;
  }

  async row(log: LogId, key: string, signal?: AbortSignal): Promise<Row | undefined> {
    throwIfAborted(signal);
    return this.#wire.read(() => this.#tables.log(log).rows.get(key));
  }

  async rows(log: LogId, { prefix, after = '', limit }: RowRange, signal?: AbortSignal): Promise<Row[]> {
    throwIfAborted(signal);
    return this.#wire.read(() => {
      const keys = [...this.#tables.log(log).rows.keys()].filter((key) => key.startsWith(prefix) && key > after);
      const page = keys.toSorted().slice(0, limit);
      return page.flatMap((key) => this.#tables.log(log).rows.get(key) ?? []);
    });
  }

  async advance(positions: readonly PositionUpdate[]): Promise<void> {
    await settled(positions.map((update) => this.#raise(update)));
  }

  async #raise(update: PositionUpdate): Promise<void> {
    const { threadId, userId, deviceId, sequence } = update;
    const put = async (what: string, apply: () => void): Promise<void> => {
      try {
        await this.#wire.write(`${what} of ${userId} in ${threadId} at ${sequence}`, apply);
      } catch (error) {
        throw error instanceof InDoubt ? unavailable(error) : error;
      }
    };
    if (deviceId === undefined) return put('read', () => this.#tables.raiseRead(update));
    await put('delivered', () => this.#tables.raiseDelivered(update));
    return put(`device ${deviceId}`, () => this.#tables.raiseDevice(update));
  }

  async positions(thread: ThreadId, { after = '' as UserId, limit }: UserRange): Promise<Position[]> {
    const all = await this.#wire.read(() => this.#tables.positions(thread));
    return all.filter(({ userId }) => userId > after).slice(0, limit);
  }

  positionsOf(user: UserId, threads: readonly ThreadId[]): Promise<(Position | undefined)[]> {
    return Promise.all(threads.map((thread) => this.#wire.read(() => this.#tables.positionOf(thread, user))));
  }

  async devicePositions(user: UserId, device: DeviceId, threads: readonly ThreadId[]): Promise<bigint[]> {
    return this.#wire.read(() => threads.map((thread) => this.#tables.devicePosition(user, device, thread)));
  }

  forgetPositions(): Promise<void> {
    return Promise.reject(new Error('no user is erased in a simulation'));
  }

  async inbox(user: UserId, sinceMs: number): Promise<InboxRow[]> {
    const rows = await this.#wire.read(() => this.#tables.inbox(user));
    const isRead = (threadId: ThreadId, activityMs: number): boolean => {
      const day = Math.floor((this.#tables.positionOf(threadId, user)?.readMs ?? 0) / dayMs);
      return day >= Math.floor(sinceMs / dayMs) && day > Math.floor(activityMs / dayMs);
    };
    return rows
      .filter(({ threadId, activityMs, large, member }) => {
        return activityMs >= sinceMs || (large && member) || isRead(threadId, activityMs);
      })
      .toSorted((a, b) => b.activityMs - a.activityMs);
  }

  async inboxGroups(user: UserId, sinceMs: number): Promise<InboxRow[]> {
    return (await this.inbox(user, sinceMs)).filter(({ threadId }) => threadId.startsWith('g_'));
  }

  inboxRow(user: UserId, thread: ThreadId): Promise<InboxRow | undefined> {
    return this.#wire.read(() => this.#tables.inboxRow(user, thread));
  }

  devices(user: UserId): Promise<DeviceRecord[]> {
    return this.#wire.read(() => this.#tables.devices.list(user));
  }

  device(user: UserId, device: DeviceId): Promise<DeviceRecord | undefined> {
    return this.#wire.read(() => this.#tables.devices.one(user, device));
  }

  putDevice(user: UserId, device: Omit<DeviceRecord, 'removed'>): Promise<boolean> {
    return this.#wire.read(() => this.#tables.devices.put(user, device));
  }

  removeDevice(user: UserId, device: DeviceId): Promise<void> {
    return this.#wire.read(() => this.#tables.devices.remove(user, device));
  }

  forgetDevice(user: UserId, device: DeviceId): Promise<void> {
    return this.#wire.read(() => this.#tables.devices.forget(user, device));
  }

  dropPushToken(user: UserId, device: DeviceId, pushToken: string): Promise<void> {
    return this.#wire.read(() => this.#tables.devices.dropPushToken(user, device, pushToken));
  }

  seenDevice(user: UserId, device: DeviceId, atMs: number): Promise<void> {
    return this.#wire.read(() => this.#tables.devices.seen(user, device, atMs));
  }

  inboxRows(user: UserId, threads: readonly ThreadId[]): Promise<(InboxRow | undefined)[]> {
    return this.#wire.read(() => threads.map((thread) => this.#tables.inboxRow(user, thread)));
  }

  /** Threads keep everything here. */
  erase(): Promise<void> {
    return Promise.reject(new Error('nothing is to be erased in the simulation'));
  }

  putDue(): Promise<void> {
    return this.erase();
  }

  async *due(): AsyncGenerator<readonly Due[]> {}

  dropDue(): Promise<void> {
    return this.erase();
  }

  erasedTo(): Promise<bigint> {
    return Promise.resolve(0n);
  }

  raiseErasedTo(): Promise<void> {
    return this.erase();
  }

  seen(): Promise<void> {
    return Promise.resolve();
  }

  lastSeen(users: readonly UserId[]): Promise<number[]> {
    return Promise.resolve(users.map(() => 0));
  }

  forgetSeen(): Promise<void> {
    return Promise.resolve();
  }

  secret(name: string, make: () => Uint8Array): Promise<Uint8Array> {
    const made = this.#secrets.get(name) ?? make();
    this.#secrets.set(name, made);
    return Promise.resolve(made);
  }

  compact(): Promise<void> {
    return Promise.resolve();
  }

  health(): { readonly writable: boolean; readonly why: string } {
    return { writable: true, why: '' };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
