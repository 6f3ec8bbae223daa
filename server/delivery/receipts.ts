import { topicOf } from '../bus/bus.ts';
import type { Clock } from '../core/clock.ts';
import { Refusal } from '../core/errors.ts';
import type { PositionChange } from '../core/event.ts';
import { threadLog, type DeviceId, type SessionId, type ThreadId, type UserId } from '../core/ids.ts';
import { Lru } from '../core/lru.ts';
import type { Position, PositionUpdate, Store } from '../store/store.ts';
import type { AcknowledgedListener } from './acknowledged.ts';
import type { Policy } from './policy.ts';
import type { Publisher } from './publisher.ts';
import type { ThreadViews } from './thread-views.ts';

/**
 * Positions of direct threads and small groups are stored and told so soon, a user's in a thread again only after so long: who writes
 * moves their own with every message. Of groups over `largeGroup` less often.
 */
const flushMs = 250;
const againMs = 1_000;
const largeFlushMs = 2_000;
const largeGroup = 50;

interface Pending {
  readonly threadId: ThreadId;
  readonly userId: UserId;
  /** Highest acknowledged, per device. */
  readonly devices: Map<DeviceId, bigint>;
  read: bigint;
  /** Ordinal at `read`; undefined = to be looked up. */
  readOrdinal: bigint | undefined;
  origin: SessionId | undefined;
  /** Called when all of it is stored. */
  readonly onStored: (() => void)[];
}

interface Known {
  delivered: bigint;
  read: bigint;
  readOrdinal: bigint;
  /** Monotonic ms when it was stored and told last. */
  toldMs: number;
}

/**
 * Positions on their way: what devices acknowledge and users read is gathered, stored, and only then told. They are
 * maxima, so that whatever is lost here with the process comes again with the next acknowledgement (and Hello).
 */
export class Receipts implements AsyncDisposable {
  readonly #store: Store;
  readonly #publisher: Publisher;
  readonly #views: ThreadViews;
  readonly #clock: Clock;
  readonly #policy: Policy;
  readonly #known: Lru<string, Known>;
  readonly #pending: [Map<string, Pending>, Map<string, Pending>] = [new Map(), new Map()];
  /** What the flush under way is storing. */
  readonly #saving: [Map<string, Pending>, Map<string, Pending>] = [new Map(), new Map()];
  readonly #flushing: [Promise<boolean> | undefined, Promise<boolean> | undefined] = [undefined, undefined];
  readonly #scheduled: [boolean, boolean] = [false, false];
  /** Default: nobody hears of what is acknowledged before it is told. */
  listener: AcknowledgedListener | undefined;
  /** A user's read position in a thread grew, and that is stored. */
  onRead: ((userId: UserId, threadId: ThreadId, read: bigint) => void) | undefined;

  constructor(store: Store, publisher: Publisher, views: ThreadViews, policy: Policy, clock: Clock, capacity: number) {
    this.#store = store;
    this.#publisher = publisher;
    this.#views = views;
    this.#policy = policy;
    this.#clock = clock;
    this.#known = new Lru(capacity);
  }

  /** A device holds the thread up to `sequence`, which is not above its head. */
  advanceDelivered(userId: UserId, deviceId: DeviceId, threadId: ThreadId, sequence: bigint): void {
    const pending = this.#at(threadId, userId);
    if (sequence > (pending.devices.get(deviceId) ?? 0n)) pending.devices.set(deviceId, sequence);
  }

  /** The user has read the thread up to `sequence`, which is not above its head. `ordinal`: at that sequence, if known. */
  advanceRead(userId: UserId, threadId: ThreadId, sequence: bigint, origin?: SessionId, ordinal?: bigint): void {
    const known = this.#known.get(keyOf(threadId, userId));
    if (known !== undefined && sequence <= known.read) return;
    const pending = this.#at(threadId, userId);
    if (sequence <= pending.read) return;
    pending.read = sequence;
    pending.readOrdinal = ordinal;
    pending.origin = origin;
  }

  /**
   * The user appended `sequence`, a message: that moves their read position there, if all messages between are their own or
   * were known to them when they wrote.
   */
  async sent(
    userId: UserId,
    threadId: ThreadId,
    sequence: bigint,
    ordinal: bigint,
    knownHead: bigint,
    origin: SessionId | undefined,
  ): Promise<void> {
    const before = sequence - 1n;
    if (knownHead < before && this.#unstoredRead(userId, threadId) < before) {
      const { read, readOrdinal } = await this.#current(threadId, userId);
      // What is no message counts nowhere as unread: that a thread was begun, or who came.
      if (read < before && readOrdinal < ordinal - 1n) return;
    }
    this.advanceRead(userId, threadId, sequence, origin, ordinal);
  }

  /** Up to where a device acknowledged a thread on this node, of what is not stored yet; 0 = all of it is. */
  unstored(userId: UserId, deviceId: DeviceId, threadId: ThreadId): bigint {
    return this.#highest(userId, threadId, ({ devices }) => devices.get(deviceId) ?? 0n);
  }

  /** Resolves when what was handed over for a user and thread is stored, with the next flush. */
  stored(userId: UserId, threadId: ThreadId): Promise<void> {
    const key = keyOf(threadId, userId);
    // What waits is newer than what is being stored.
    for (const waiting of [...this.#pending, ...this.#saving]) {
      const pending = waiting.get(key);
      if (pending !== undefined) return new Promise((resolve) => pending.onStored.push(resolve));
    }
    return Promise.resolve();
  }

  #unstoredRead(userId: UserId, threadId: ThreadId): bigint {
    return this.#highest(userId, threadId, ({ read }) => read);
  }

  /** Of what waits and what is being stored. */
  #highest(userId: UserId, threadId: ThreadId, of: (pending: Pending) => bigint): bigint {
    const key = keyOf(threadId, userId);
    let highest = 0n;
    for (const waiting of [...this.#pending, ...this.#saving]) {
      const pending = waiting.get(key);
      const sequence = pending === undefined ? 0n : of(pending);
      if (sequence > highest) highest = sequence;
    }
    return highest;
  }

  /** Resolves when everything handed over so far is stored. @throws Refusal STORE_UNAVAILABLE; it is tried again later */
  async settled(): Promise<void> {
    for (const lane of [0, 1] as const) {
      await this.#flushing[lane];
      if (!(await this.#flush(lane, true)))
        throw new Refusal('STORE_UNAVAILABLE', 'positions cannot be stored just now');
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.settled().catch(() => undefined);
  }

  #lane(threadId: ThreadId): 0 | 1 {
    return (this.#views.peek(threadId)?.members.size ?? 0) > largeGroup ? 1 : 0;
  }

  #at(threadId: ThreadId, userId: UserId): Pending {
    const lane = this.#lane(threadId);
    const key = keyOf(threadId, userId);
    let pending = this.#pending[lane].get(key);
    if (pending === undefined) {
      const nothing = { devices: new Map(), read: 0n, readOrdinal: undefined, origin: undefined, onStored: [] };
      pending = { threadId, userId, ...nothing };
      this.#pending[lane].set(key, pending);
      this.#schedule(lane);
    }
    return pending;
  }

  #schedule(lane: 0 | 1): void {
    if (this.#scheduled[lane]) return;
    this.#scheduled[lane] = true;
    this.#clock.after(lane === 0 ? flushMs : largeFlushMs, () => {
      this.#scheduled[lane] = false;
      void this.#flush(lane);
    });
  }

  /** False = the store did not take it: it waits for the next flush. `all`: also what was told a moment ago. */
  #flush(lane: 0 | 1, all = false): Promise<boolean> {
    const running = this.#flushing[lane];
    if (running !== undefined) {
      // One at a time, so that positions are told in the order they grew.
      this.#schedule(lane);
      return running;
    }
    const saving = this.#takeDue(lane, all);
    if (saving.size === 0) return Promise.resolve(true);
    const pending = [...saving.values()];
    this.#saving[lane] = saving;
    const flush = this.#save(pending)
      .then(
        () => {
          // Those who asked while it was told.
          for (const one of pending) stored(one);
          return true;
        },
        () => {
          this.#putBack(pending);
          return false;
        },
      )
      .finally(() => {
        this.#saving[lane] = new Map();
        this.#flushing[lane] = undefined;
      });
    this.#flushing[lane] = flush;
    return flush;
  }

  #takeDue(lane: 0 | 1, all: boolean): Map<string, Pending> {
    const waiting = this.#pending[lane];
    const later = new Map<string, Pending>();
    if (!all) {
      const sinceMs = this.#clock.monotonicMs() - againMs;
      for (const [key, pending] of waiting) {
        if (pending.onStored.length > 0 || (this.#known.get(key)?.toldMs ?? -Infinity) <= sinceMs) continue;
        later.set(key, pending);
        waiting.delete(key);
      }
    }
    this.#pending[lane] = later;
    if (later.size > 0) this.#schedule(lane);
    return waiting;
  }

  #putBack(pending: readonly Pending[]): void {
    for (const { threadId, userId, devices, read, readOrdinal, origin, onStored } of pending) {
      if (onStored.length > 0) this.#at(threadId, userId).onStored.push(...onStored);
      for (const [device, sequence] of devices) this.advanceDelivered(userId, device, threadId, sequence);
      if (read > 0n) this.advanceRead(userId, threadId, read, origin, readOrdinal);
    }
  }

  async #save(all: readonly Pending[]): Promise<void> {
    await this.#loadKnown(all);
    const atMs = this.#clock.nowMs();
    const updates: PositionUpdate[] = [];
    const grown: Pending[] = [];
    for (const pending of all) {
      const { threadId, userId, devices, read } = pending;
      const known = await this.#current(threadId, userId);
      let grew = read > known.read;
      for (const [deviceId, sequence] of devices) {
        updates.push({ threadId, userId, deviceId, sequence, ordinal: 0n, atMs });
        if (sequence > known.delivered) grew = true;
      }
      if (read > known.read) {
        pending.readOrdinal ??= await this.#ordinalAt(threadId, read);
        updates.push({ threadId, userId, sequence: read, ordinal: pending.readOrdinal, atMs });
      }
      if (grew) grown.push(pending);
    }
    const acknowledged = new Map<ThreadId, bigint>();
    for (const { threadId, deviceId, sequence } of updates) {
      if (deviceId === undefined || sequence <= (acknowledged.get(threadId) ?? -1n)) continue;
      acknowledged.set(threadId, sequence);
    }
    const heard = acknowledged.size > 0 ? await this.listener?.willStore(acknowledged) : undefined;
    if (updates.length > 0) await this.#store.advance(updates);
    for (const one of all) stored(one);
    heard?.();
    await this.#tell(grown);
  }

  async #tell(grown: readonly Pending[]): Promise<void> {
    const byThread = new Map<ThreadId, PositionChange[]>();
    for (const { threadId, userId, devices, read, readOrdinal, origin } of grown) {
      const known = await this.#current(threadId, userId);
      known.toldMs = this.#clock.monotonicMs();
      for (const sequence of devices.values()) if (sequence > known.delivered) known.delivered = sequence;
      const readGrew = read > known.read;
      if (readGrew) {
        known.read = read;
        known.readOrdinal = readOrdinal ?? known.readOrdinal;
        this.onRead?.(userId, threadId, read);
      }
      const change: PositionChange = {
        userId,
        delivered: known.delivered,
        read: known.read,
        readOrdinal: known.readOrdinal,
        readPrivately: await this.#policy.readsPrivately(userId),
        origin: readGrew ? origin : undefined,
      };
      const changes = byThread.get(threadId);
      if (changes === undefined) byThread.set(threadId, [change]);
      else changes.push(change);
    }
    for (const [threadId, positions] of byThread) await this.#publish(threadId, positions);
  }

  async #publish(threadId: ThreadId, positions: readonly PositionChange[]): Promise<void> {
    const view = await this.#views.get(threadId);
    if (view === undefined) return;
    if (view.info.kind === 'direct') {
      this.#publisher.publish([...view.members.keys()].map(topicOf.user), { type: 'positions', threadId, positions });
      return;
    }
    // A group hears of them as a whole; each user's own devices of that user's.
    this.#publisher.publish([topicOf.thread(threadId)], { type: 'positions', threadId, positions });
    for (const position of positions) {
      this.#publisher.publish([topicOf.user(position.userId)], { type: 'positions', threadId, positions: [position] });
    }
  }

  async #loadKnown(all: readonly Pending[]): Promise<void> {
    const missing = new Map<UserId, ThreadId[]>();
    for (const { threadId, userId } of all) {
      if (this.#known.get(keyOf(threadId, userId)) !== undefined) continue;
      const threads = missing.get(userId);
      if (threads === undefined) missing.set(userId, [threadId]);
      else threads.push(threadId);
    }
    await Promise.all(
      [...missing].map(async ([userId, threads]) => {
        const read = await this.#store.positionsOf(userId, threads);
        threads.forEach((threadId, index) => this.#remember(threadId, userId, read[index]));
      }),
    );
  }

  async #current(threadId: ThreadId, userId: UserId): Promise<Known> {
    const known = this.#known.get(keyOf(threadId, userId));
    if (known !== undefined) return known;
    const [position] = await this.#store.positionsOf(userId, [threadId]);
    return this.#remember(threadId, userId, position);
  }

  #remember(threadId: ThreadId, userId: UserId, position: Position | undefined): Known {
    const key = keyOf(threadId, userId);
    const known = this.#known.get(key) ?? {
      delivered: position?.delivered ?? 0n,
      read: position?.read ?? 0n,
      readOrdinal: position?.readOrdinal ?? 0n,
      toldMs: -Infinity,
    };
    this.#known.set(key, known);
    return known;
  }

  async #ordinalAt(threadId: ThreadId, sequence: bigint): Promise<bigint> {
    const view = this.#views.peek(threadId);
    if (view?.head.sequence === sequence) return view.head.ordinal;
    const range = { after: sequence - 1n, upTo: sequence, limit: 1 };
    const [entry] = await this.#store.entries(threadLog(threadId), range);
    return entry?.ordinal ?? 0n;
  }
}

function keyOf(threadId: ThreadId, userId: UserId): string {
  return `${threadId}${userId}`;
}

function stored({ onStored }: Pending): void {
  for (const resolve of onStored.splice(0)) resolve();
}
