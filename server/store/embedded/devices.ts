import { throwIfAborted } from '../../core/errors.ts';
import type { DeviceId, UserId } from '../../core/ids.ts';
import { type DevicePlatform, type DeviceRecord, removedDevice } from '../store.ts';
import { ByteReader, type ByteWriter } from './bytes.ts';
import type { Commit } from './commit.ts';
import type { Database } from './database.ts';
import { endOf, keys } from './keys.ts';
import type { Writer } from './writer.ts';

const version = 2;
/** Without `displayName`. */
const formerVersion = 1;
const ownerVersion = 1;
const platforms: readonly DevicePlatform[] = ['unspecified', 'android', 'ios', 'web', 'desktop'];

/** Which device a push token belongs to. */
export interface PushTokenOwner {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
}

export function encodeDeviceRecord(writer: ByteWriter, record: DeviceRecord): Buffer {
  return writer
    .start(version)
    .u8(platforms.indexOf(record.platform))
    .text(record.pushToken)
    .short(record.locale)
    .raw(record.keyBlob)
    .u48(record.seenMs)
    .u8(record.removed ? 1 : 0)
    .short(record.displayName)
    .take();
}

export function decodeDeviceRecord(bytes: Buffer, deviceId: DeviceId): DeviceRecord {
  const isFormer = bytes[0] === formerVersion;
  const reader = new ByteReader(bytes, isFormer ? formerVersion : version, 'a device');
  return {
    deviceId,
    platform: platforms[reader.u8()] ?? 'unspecified',
    pushToken: reader.text(),
    locale: reader.short(),
    keyBlob: Uint8Array.from(reader.raw()),
    seenMs: reader.u48(),
    removed: reader.u8() === 1,
    displayName: isFormer ? '' : reader.short(),
  };
}

export function encodeOwner(writer: ByteWriter, { userId, deviceId }: PushTokenOwner): Buffer {
  return writer.start(ownerVersion).short(userId).short(deviceId).take();
}

function decodeOwner(bytes: Buffer): PushTokenOwner {
  const reader = new ByteReader(bytes, ownerVersion, 'the owner of a push token');
  return { userId: reader.short() as UserId, deviceId: reader.short() as DeviceId };
}

/** Adds what a commit came to of devices, when it closes. */
export function putDevices({ puts, deviceRecords, pushTokens }: Commit, words: ByteWriter): void {
  for (const [key, record] of deviceRecords) {
    puts.push({ key, value: record === undefined ? undefined : encodeDeviceRecord(words, record) });
  }
  for (const [key, owner] of pushTokens) {
    puts.push({ key, value: owner === undefined ? undefined : encodeOwner(words, owner) });
  }
}

/** Devices of users. A token is written with its owner in the same commit as the device that has it, so the two always agree. */
export class Devices {
  readonly #database: Database;
  readonly #writer: Writer;

  constructor(database: Database, writer: Writer) {
    this.#database = database;
    this.#writer = writer;
  }

  async list(user: UserId, signal?: AbortSignal): Promise<DeviceRecord[]> {
    throwIfAborted(signal);
    const prefix = keys.deviceRecord(user, '');
    const found: DeviceRecord[] = [];
    await this.#database.scan(
      { gt: prefix, lt: endOf(prefix) },
      (key, value) => {
        found.push(decodeDeviceRecord(value, key.slice(prefix.length) as DeviceId));
        return true;
      },
      signal,
    );
    return found;
  }

  async one(user: UserId, device: DeviceId): Promise<DeviceRecord | undefined> {
    const bytes = await this.#database.get(keys.deviceRecord(user, device));
    return bytes === undefined ? undefined : decodeDeviceRecord(bytes, device);
  }

  async put(userId: UserId, said: Omit<DeviceRecord, 'removed'>): Promise<boolean> {
    const { deviceId, pushToken } = said;
    let taken = true;
    await this.#change((commit) => {
      const before = this.#current(userId, deviceId);
      taken = before?.removed !== true;
      if (!taken) return true;
      if (pushToken !== '') this.#takePushToken(commit, pushToken, { userId, deviceId });
      const seenMs = Math.max(said.seenMs, before?.seenMs ?? 0);
      this.#set(commit, userId, before, { ...said, seenMs, removed: false });
      return true;
    });
    return taken;
  }

  remove(userId: UserId, deviceId: DeviceId): Promise<void> {
    return this.#change((commit) => {
      const before = this.#current(userId, deviceId);
      if (before?.removed !== true) this.#set(commit, userId, before, removedDevice(deviceId));
      return true;
    });
  }

  forget(userId: UserId, deviceId: DeviceId): Promise<void> {
    return this.#change((commit) => {
      const before = this.#current(userId, deviceId);
      if (before === undefined || before.removed) return false;
      this.#dropOwner(commit, before.pushToken);
      commit.deviceRecords.set(keys.deviceRecord(userId, deviceId), undefined);
      return true;
    });
  }

  dropPushToken(userId: UserId, deviceId: DeviceId, pushToken: string): Promise<void> {
    return this.#change((commit) => {
      const before = this.#current(userId, deviceId);
      if (before === undefined || before.pushToken !== pushToken) return false;
      this.#set(commit, userId, before, { ...before, pushToken: '' });
      return true;
    });
  }

  seen(userId: UserId, deviceId: DeviceId, atMs: number): Promise<void> {
    return this.#change((commit) => {
      const before = this.#current(userId, deviceId);
      if (before === undefined || before.removed || before.seenMs >= atMs) return false;
      this.#set(commit, userId, before, { ...before, seenMs: Math.floor(atMs) });
      return true;
    });
  }

  /** Changes devices in one turn. Resolves when that is durable, or, where `change` says false, at once. */
  async #change(change: (commit: Commit) => boolean): Promise<void> {
    while (this.#database.ready() !== undefined) await this.#database.ready();
    const commit = this.#writer.open;
    if (!change(commit)) return;
    // What it found may be of a commit that is not durable yet: then neither is the answer.
    if (commit.empty) commit.forced = true;
    this.#writer.flush();
    await commit.durable();
  }

  #current(userId: UserId, deviceId: DeviceId): DeviceRecord | undefined {
    const key = keys.deviceRecord(userId, deviceId);
    const pending = this.#writer.find((one) =>
      one.deviceRecords.has(key) ? { record: one.deviceRecords.get(key) } : undefined,
    );
    if (pending !== undefined) return pending.record;
    const bytes = this.#database.getNow(key);
    return bytes === undefined ? undefined : decodeDeviceRecord(bytes, deviceId);
  }

  #owner(pushToken: string): PushTokenOwner | undefined {
    const key = keys.pushToken(pushToken);
    const pending = this.#writer.find((one) =>
      one.pushTokens.has(key) ? { owner: one.pushTokens.get(key) } : undefined,
    );
    if (pending !== undefined) return pending.owner;
    const bytes = this.#database.getNow(key);
    return bytes === undefined ? undefined : decodeOwner(bytes);
  }

  #set(commit: Commit, userId: UserId, before: DeviceRecord | undefined, after: DeviceRecord): void {
    if (before !== undefined && before.pushToken !== after.pushToken) this.#dropOwner(commit, before.pushToken);
    commit.deviceRecords.set(keys.deviceRecord(userId, after.deviceId), after);
  }

  #takePushToken(commit: Commit, pushToken: string, to: PushTokenOwner): void {
    const from = this.#owner(pushToken);
    if (from !== undefined && (from.userId !== to.userId || from.deviceId !== to.deviceId)) {
      const other = this.#current(from.userId, from.deviceId);
      if (other !== undefined) {
        commit.deviceRecords.set(keys.deviceRecord(from.userId, from.deviceId), { ...other, pushToken: '' });
      }
    }
    commit.pushTokens.set(keys.pushToken(pushToken), to);
  }

  #dropOwner(commit: Commit, pushToken: string): void {
    if (pushToken !== '') commit.pushTokens.set(keys.pushToken(pushToken), undefined);
  }
}
