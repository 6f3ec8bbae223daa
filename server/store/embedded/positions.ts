import type { DeviceId, ThreadId, UserId } from '../../core/ids.ts';
import type { Position, PositionUpdate, UserRange } from '../store.ts';
import { ByteReader, type ByteWriter } from './bytes.ts';
import type { Commit } from './commit.ts';
import type { Database } from './database.ts';
import { dayOf } from './inbox.ts';
import { endOf, keys } from './keys.ts';
import type { Writer } from './writer.ts';

const version = 2;
/** Without `readMs`. */
const formerVersion = 1;
const deviceVersion = 1;

/** A user's positions in one thread. */
export interface PositionRecord {
  readonly delivered: number;
  readonly read: number;
  readonly readOrdinal: number;
  readonly readMs: number;
  readonly updateMs: number;
}

const nowhere: PositionRecord = { delivered: 0, read: 0, readOrdinal: 0, readMs: 0, updateMs: 0 };

export function encodePosition(writer: ByteWriter, record: PositionRecord): Buffer {
  return writer
    .start(version)
    .u48(record.delivered)
    .u48(record.read)
    .u48(record.readOrdinal)
    .u48(record.updateMs)
    .u48(record.readMs)
    .take();
}

export function decodePosition(bytes: Buffer): PositionRecord {
  const isFormer = bytes[0] === formerVersion;
  const reader = new ByteReader(bytes, isFormer ? formerVersion : version, 'a position');
  const [delivered, read, readOrdinal, updateMs] = [reader.u48(), reader.u48(), reader.u48(), reader.u48()];
  return { delivered, read, readOrdinal, readMs: isFormer ? 0 : reader.u48(), updateMs };
}

export function encodeDevice(writer: ByteWriter, sequence: number): Buffer {
  return writer.start(deviceVersion).u48(sequence).take();
}

export function decodeDevice(bytes: Buffer | undefined): number {
  return bytes === undefined ? 0 : new ByteReader(bytes, deviceVersion, "a device's position").u48();
}

function positionOf(threadId: ThreadId, userId: UserId, record: PositionRecord): Position {
  return {
    threadId,
    userId,
    delivered: BigInt(record.delivered),
    read: BigInt(record.read),
    readOrdinal: BigInt(record.readOrdinal),
    readMs: record.readMs,
    updateMs: record.updateMs,
  };
}

/** Adds what a commit came to of positions, when it closes. */
export function putPositions({ puts, positions, devices }: Commit, words: ByteWriter): void {
  for (const [key, record] of positions) {
    puts.push({ key, value: record === undefined ? undefined : encodePosition(words, record) });
  }
  for (const [key, sequence] of devices) {
    puts.push({ key, value: sequence === undefined ? undefined : encodeDevice(words, sequence) });
  }
}

/** Max-registers; the updates of one commit are written once per key. */
export class Positions {
  readonly #database: Database;
  readonly #writer: Writer;

  constructor(database: Database, writer: Writer) {
    this.#database = database;
    this.#writer = writer;
  }

  async advance(updates: readonly PositionUpdate[]): Promise<void> {
    if (this.#database.ready() !== undefined) await this.#database.ready();
    const open = this.#writer.open;
    let wait: Commit | undefined;
    for (const update of updates) {
      if (this.#raise(open, update)) wait = open;
      // What grew before may still be on its way to the disk: then so is the answer.
      else wait ??= this.#unsettled(update);
    }
    if (wait === undefined) return;
    this.#writer.flush();
    await wait.durable();
  }

  async forget(
    userId: UserId,
    threads: readonly { readonly threadId: ThreadId; readonly upTo: bigint }[],
    devices: readonly DeviceId[],
  ): Promise<void> {
    if (this.#database.ready() !== undefined) await this.#database.ready();
    const commit = this.#writer.open;
    for (const { threadId, upTo } of threads) {
      const key = keys.positions(threadId, userId);
      const { delivered, read } = this.#current(key);
      if (Math.max(delivered, read) <= Number(upTo)) commit.positions.set(key, undefined);
      for (const device of devices) commit.devices.set(keys.device(userId, device, threadId), undefined);
    }
    if (commit.empty) return;
    this.#writer.flush();
    await commit.durable();
  }

  /** Whether the update is above what is kept. */
  #raise(commit: Commit, update: PositionUpdate): boolean {
    const { threadId, userId, deviceId, atMs } = update;
    const sequence = Number(update.sequence);
    const key = keys.positions(threadId, userId);
    const before = this.#current(key);
    if (deviceId === undefined) {
      if (sequence <= before.read) return false;
      const readMs = Math.max(before.readMs, Math.floor(atMs));
      const updateMs = Math.max(before.updateMs, atMs);
      this.#list(commit, update, before.readMs, readMs);
      commit.positions.set(key, { ...before, read: sequence, readOrdinal: Number(update.ordinal), readMs, updateMs });
      return true;
    }
    const deviceKey = keys.device(userId, deviceId, threadId);
    const pending = this.#writer.find((one) =>
      one.devices.has(deviceKey) ? { held: one.devices.get(deviceKey) ?? 0 } : undefined,
    );
    const held = pending === undefined ? decodeDevice(this.#database.getNow(deviceKey)) : pending.held;
    if (sequence <= held) return false;
    commit.devices.set(deviceKey, sequence);
    if (sequence > before.delivered) {
      commit.positions.set(key, { ...before, delivered: sequence, updateMs: Math.max(before.updateMs, atMs) });
    }
    return true;
  }

  /**
   * Has a thread found under the day on which it was read last, and no more under the one before: what is not found there any more is
   * under this later one.
   */
  #list({ puts }: Commit, { threadId, userId }: PositionUpdate, beforeMs: number, readMs: number): void {
    const [before, day] = [dayOf(beforeMs), dayOf(readMs)];
    if (before === day) return;
    if (beforeMs > 0) puts.push({ key: keys.day(userId, before, threadId), value: undefined });
    puts.push({ key: keys.day(userId, day, threadId), value: Buffer.alloc(0) });
  }

  #current(key: string): PositionRecord {
    const pending = this.#writer.find((one) =>
      one.positions.has(key) ? { record: one.positions.get(key) ?? nowhere } : undefined,
    );
    if (pending !== undefined) return pending.record;
    const bytes = this.#database.getNow(key);
    return bytes === undefined ? nowhere : decodePosition(bytes);
  }

  /** The commit that raised the same registers last, if it is not durable yet. */
  #unsettled({ threadId, userId, deviceId }: PositionUpdate): Commit | undefined {
    const key = keys.positions(threadId, userId);
    const deviceKey = deviceId === undefined ? '' : keys.device(userId, deviceId, threadId);
    return this.#writer.find((one) => (one.positions.has(key) || one.devices.has(deviceKey) ? one : undefined));
  }

  async ofThread(thread: ThreadId, range: UserRange, signal?: AbortSignal): Promise<Position[]> {
    const found: Position[] = [];
    const prefix = keys.positions(thread, '');
    await this.#database.scan(
      { gt: prefix + (range.after ?? ''), lt: endOf(prefix), limit: range.limit },
      (key, value) => {
        found.push(positionOf(thread, key.slice(prefix.length) as UserId, decodePosition(value)));
        return true;
      },
      signal,
    );
    return found;
  }

  async ofUser(user: UserId, threads: readonly ThreadId[]): Promise<(Position | undefined)[]> {
    const values = await this.#database.getMany(threads.map((thread) => keys.positions(thread, user)));
    return threads.map((thread, at) => {
      const bytes = values[at];
      return bytes === undefined ? undefined : positionOf(thread, user, decodePosition(bytes));
    });
  }

  async ofDevice(user: UserId, device: DeviceId, threads: readonly ThreadId[]): Promise<bigint[]> {
    const values = await this.#database.getMany(threads.map((thread) => keys.device(user, device, thread)));
    return values.map((bytes) => BigInt(decodeDevice(bytes)));
  }
}
