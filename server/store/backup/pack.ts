import { Packr } from 'msgpackr';
import type { Change } from '../../core/entry.ts';
import type { DeviceId, LogId, ThreadId, UserId } from '../../core/ids.ts';
import type { BackupEntry, BackupItem, OwnedDevice } from '../backup.ts';
import type { DevicePlatform } from '../store.ts';

const packr = new Packr({ useRecords: false, int64AsType: 'bigint' });

/** As arrays, which take half the bytes; sequences as numbers, since they are below 2^48. */
type PackedEntry = [
  ordinal: number,
  createTimeMs: number,
  senderId: string,
  deviceId: string,
  clientMessageId: string,
  fingerprint: string,
  change: Change,
];
type PackedPosition = [userId: string, delivered: number, read: number, readOrdinal: number, updateMs: number];
type PackedDevice = [userId: string, deviceId: string, threadId: string, sequence: number];
type PackedRecord = [
  userId: string,
  deviceId: string,
  platform: DevicePlatform,
  pushToken: string,
  locale: string,
  keyBlob: Uint8Array,
  seenMs: number,
  removed: boolean,
  /** Not in files of older releases. */
  displayName?: string,
];
type Packed =
  | ['entries', log: string, first: number, entries: PackedEntry[]]
  | ['changed', log: string, entries: [sequence: number, entry: PackedEntry][]]
  | ['positions', thread: string, positions: PackedPosition[]]
  | ['log-end', log: string, sequence: number]
  | ['devices', devices: PackedDevice[]]
  | ['device-records', records: PackedRecord[]]
  | ['seen', times: [userId: string, atMs: number][]]
  | ['secret', name: string, value: Uint8Array];

export function packItem(item: BackupItem): Buffer {
  return packr.pack(packed(item));
}

function packed(item: BackupItem): Packed {
  switch (item.kind) {
    case 'entries':
      return ['entries', item.log, Number(item.entries[0]?.sequence ?? 0n), item.entries.map(packedEntry)];
    case 'changed':
      return ['changed', item.log, item.entries.map((one) => [Number(one.sequence), packedEntry(one)])];
    case 'positions':
      return [
        'positions',
        item.thread,
        item.positions.map((one) => [
          one.userId,
          Number(one.delivered),
          Number(one.read),
          Number(one.readOrdinal),
          one.updateMs,
        ]),
      ];
    case 'log-end':
      return ['log-end', item.log, Number(item.sequence)];
    case 'devices':
      return ['devices', item.devices.map((one) => [one.userId, one.deviceId, one.threadId, Number(one.sequence)])];
    case 'device-records':
      return ['device-records', item.records.map(packedRecord)];
    case 'seen':
      return ['seen', item.times.map(({ userId, atMs }) => [userId, atMs])];
    case 'secret':
      return ['secret', item.name, item.value];
  }
}

function packedRecord(record: OwnedDevice): PackedRecord {
  const { userId, deviceId, platform, pushToken, locale, keyBlob, seenMs, removed, displayName } = record;
  return [userId, deviceId, platform, pushToken, locale, keyBlob, seenMs, removed, displayName];
}

function packedEntry(entry: BackupEntry): PackedEntry {
  const { ordinal, createTimeMs, senderId, deviceId, clientMessageId, fingerprint, change } = entry;
  return [Number(ordinal), createTimeMs, senderId, deviceId, clientMessageId, fingerprint, change];
}

/** What `packItem` wrote; its block's checksum was found right. */
export function unpackItem(bytes: Buffer): BackupItem {
  const item = packr.unpack(bytes) as Packed;
  switch (item[0]) {
    case 'entries': {
      const [kind, log, first, entries] = item;
      return { kind, log: log as LogId, entries: entries.map((one, at) => entryOf(one, first + at)) };
    }
    case 'changed': {
      const [kind, log, entries] = item;
      return { kind, log: log as LogId, entries: entries.map(([sequence, one]) => entryOf(one, sequence)) };
    }
    case 'positions': {
      const [kind, thread, positions] = item;
      const unpacked = positions.map(([userId, delivered, read, readOrdinal, updateMs]) => ({
        userId: userId as UserId,
        delivered: BigInt(delivered),
        read: BigInt(read),
        readOrdinal: BigInt(readOrdinal),
        updateMs,
      }));
      return { kind, thread: thread as ThreadId, positions: unpacked };
    }
    case 'log-end':
      return { kind: item[0], log: item[1] as LogId, sequence: BigInt(item[2]) };
    case 'devices': {
      const devices = item[1].map(([userId, deviceId, threadId, sequence]) => ({
        userId: userId as UserId,
        deviceId: deviceId as DeviceId,
        threadId: threadId as ThreadId,
        sequence: BigInt(sequence),
      }));
      return { kind: item[0], devices };
    }
    case 'device-records':
      return { kind: item[0], records: item[1].map(recordOf) };
    case 'seen':
      return { kind: item[0], times: item[1].map(([userId, atMs]) => ({ userId: userId as UserId, atMs })) };
    case 'secret':
      return { kind: item[0], name: item[1], value: item[2] };
  }
}

function recordOf(packedOne: PackedRecord): OwnedDevice {
  const [userId, deviceId, platform, pushToken, locale, keyBlob, seenMs, removed, displayName = ''] = packedOne;
  const ids = { userId: userId as UserId, deviceId: deviceId as DeviceId };
  return { ...ids, platform, pushToken, locale, displayName, keyBlob: Uint8Array.from(keyBlob), seenMs, removed };
}

function entryOf(packedOne: PackedEntry, sequence: number): BackupEntry {
  const [ordinal, createTimeMs, senderId, deviceId, clientMessageId, fingerprint, change] = packedOne;
  return {
    sequence: BigInt(sequence),
    ordinal: BigInt(ordinal),
    senderId: senderId as UserId,
    deviceId: deviceId as DeviceId,
    clientMessageId,
    createTimeMs,
    change,
    fingerprint,
  };
}
