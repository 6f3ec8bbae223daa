import type { DeviceId, LogId, ThreadId, UserId } from '../../core/ids.ts';
import { type BackupEntry, BackupError, type BackupItem, type BackupSource } from '../backup.ts';
import { findDamage } from './damage.ts';
import { Database } from './database.ts';
import { decodeDeviceRecord } from './devices.ts';
import { decodeDuplicate } from './dedup.ts';
import { decodeEntry } from './entry-codec.ts';
import { damaged, Folder } from './folder.ts';
import { decodeHead } from './heads.ts';
import { endOf, keys, numberAtEnd } from './keys.ts';
import { decodeSeen } from './last-seen.ts';
import { decodeDevice, decodePosition } from './positions.ts';
import { decodeSecret } from './secrets.ts';
import { Snapshot } from './snapshot.ts';

const rowsPerItem = 500;
const entriesPerItem = 256;
const bytesPerItem = 128 * 1024;

/**
 * Opens the store in a folder for a backup, as it is at this moment. A node may have it open, and is not disturbed.
 * @throws StoreFolderError, BackupError
 */
export async function openBackupSource(root: string): Promise<BackupSource> {
  const folder = new Folder(root);
  if (!(await folder.isMade())) throw new BackupError(`there is no store in ${folder.root}`);
  const epoch = await folder.epoch();
  if (epoch === undefined) throw damaged(folder.root, 'its file "epoch" is missing');
  const snapshot = await Snapshot.take(folder.database, folder.root);
  try {
    const copy = await snapshot.database();
    const found = await findDamage(copy);
    if (found !== undefined) throw damaged(folder.root, found);
    return new EmbeddedSource(snapshot, await Database.open(copy, false), epoch);
  } catch (error) {
    await snapshot[Symbol.asyncDispose]();
    throw error;
  }
}

class EmbeddedSource implements BackupSource {
  readonly store = 'embedded';
  readonly epoch: bigint;
  readonly #snapshot: Snapshot;
  readonly #database: Database;

  constructor(snapshot: Snapshot, database: Database, epoch: bigint) {
    this.#snapshot = snapshot;
    this.#database = database;
    this.epoch = epoch;
  }

  async *items(signal?: AbortSignal): AsyncGenerator<BackupItem> {
    for await (const chunk of this.#rows('H', signal)) {
      for (const [key, value] of chunk) {
        // The epoch is no part of what is kept of a head.
        const { sequence } = decodeHead(value, this.epoch);
        yield* this.#log(key.slice(1) as LogId, Number(sequence), signal);
      }
    }
    for await (const chunk of this.#rows('V', signal)) {
      const devices = chunk.map(([key, value]) => {
        const [userId, deviceId, threadId] = key.slice(1).split('\0') as [UserId, DeviceId, ThreadId];
        return { userId, deviceId, threadId, sequence: BigInt(decodeDevice(value)) };
      });
      yield { kind: 'devices', devices };
    }
    for await (const chunk of this.#rows('G', signal)) {
      const records = chunk.map(([key, value]) => {
        const [userId, deviceId] = key.slice(1).split('\0') as [UserId, DeviceId];
        return { userId, ...decodeDeviceRecord(value, deviceId) };
      });
      yield { kind: 'device-records', records };
    }
    for await (const chunk of this.#rows('S', signal)) {
      yield {
        kind: 'seen',
        times: chunk.map(([key, value]) => ({ userId: key.slice(1) as UserId, atMs: decodeSeen(value) })),
      };
    }
    for await (const chunk of this.#rows('X', signal)) {
      for (const [key, value] of chunk) yield { kind: 'secret', name: key.slice(1), value: decodeSecret(value) };
    }
  }

  async *#log(log: LogId, head: number, signal: AbortSignal | undefined): AsyncGenerator<BackupItem> {
    let next = 1;
    for await (const chunk of this.#rows(keys.entry(log, 0).slice(0, -7), signal, entriesPerItem)) {
      const entries = chunk.map(([key, value]) => {
        const sequence = numberAtEnd(key);
        if (sequence !== next++) throw new BackupError(`entry ${next - 1} of log ${log} is not there`);
        return decodeEntry(value, sequence);
      });
      const withId = entries.filter((entry) => entry.clientMessageId !== '');
      const values = await this.#database.getMany(
        withId.map((entry) => keys.id(log, entry.senderId, entry.clientMessageId)),
      );
      const fingerprints = new Map<bigint, string>();
      withId.forEach(({ sequence }, at) => {
        const bytes = values[at];
        if (bytes === undefined) throw new BackupError(`the id of entry ${sequence} of log ${log} is not there`);
        fingerprints.set(sequence, decodeDuplicate(bytes, this.epoch).fingerprint);
      });
      const whole: BackupEntry[] = entries.map((entry) => ({
        ...entry,
        fingerprint: fingerprints.get(entry.sequence) ?? '',
      }));
      yield { kind: 'entries', log, entries: whole };
    }
    if (next !== head + 1) throw new BackupError(`log ${log} has ${next - 1} entries instead of ${head}`);
    const prefix = keys.positions(log as string as ThreadId, '');
    for await (const chunk of this.#rows(prefix, signal)) {
      const positions = chunk.map(([key, value]) => {
        const { delivered, read, readOrdinal, updateMs } = decodePosition(value);
        const userId = key.slice(prefix.length) as UserId;
        const numbers = { delivered: BigInt(delivered), read: BigInt(read), readOrdinal: BigInt(readOrdinal) };
        return { userId, ...numbers, updateMs };
      });
      yield { kind: 'positions', thread: log as string as ThreadId, positions };
    }
    yield { kind: 'log-end', log, sequence: BigInt(head) };
  }

  /** All keys with a prefix, so many at a time, or fewer when they are long. */
  async *#rows(
    prefix: string,
    signal: AbortSignal | undefined,
    most = rowsPerItem,
  ): AsyncGenerator<[key: string, value: Buffer][]> {
    let range: { gt?: string; gte?: string } = { gte: prefix };
    for (;;) {
      const chunk: [string, Buffer][] = [];
      let bytes = 0;
      await this.#database.scan(
        { ...range, lt: endOf(prefix), limit: most },
        (key, value) => {
          chunk.push([key, value]);
          bytes += key.length + value.length;
          return bytes < bytesPerItem;
        },
        signal,
      );
      const last = chunk.at(-1);
      if (last === undefined) return;
      yield chunk;
      range = { gt: last[0] };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database.close();
    await this.#snapshot[Symbol.asyncDispose]();
  }
}
