import { readdir, rm } from 'node:fs/promises';
import { type LogId, type ThreadId, threadLog, threadOfLog } from '../../core/ids.ts';
import {
  type BackupEntry,
  BackupError,
  type BackupTarget,
  type DevicePosition,
  type FoldedInbox,
  type FoldedLog,
  type LastSeenTime,
  type OwnedDevice,
  type PlacedEntry,
} from '../backup.ts';
import type { Position } from '../store.ts';
import { ByteWriter } from './bytes.ts';
import { Database, type Put } from './database.ts';
import { encodeDeviceRecord, encodeOwner } from './devices.ts';
import { encodeDuplicate } from './dedup.ts';
import { encodeEntry } from './entry-codec.ts';
import { Folder } from './folder.ts';
import { decodeHead, encodeHead } from './heads.ts';
import { dayOf, encodeInbox } from './inbox.ts';
import { keys } from './keys.ts';
import { encodeSeen } from './last-seen.ts';
import { encodeDevice, encodePosition } from './positions.ts';
import { encodeRow } from './rows.ts';
import { encodeSecret } from './secrets.ts';

/** What a node may keep in its folder beside the store, or a file system in its root. */
const strangers = new Set(['jwks-last-good.json', 'lost+found']);

/**
 * A folder to restore into. It is no store before its file "format" is written, which is last: a node refuses it till then.
 * @throws BackupError when something is in it
 */
export async function openBackupTarget(root: string): Promise<BackupTarget> {
  const folder = new Folder(root);
  await folder.make();
  const there = (await readdir(folder.root)).filter((name) => !strangers.has(name));
  if (there.length > 0) {
    throw new BackupError(
      `${folder.root} is not empty (${there.slice(0, 3).join(', ')}): a backup is restored into an empty folder only. ` +
        'Move what is there away, or choose another folder',
    );
  }
  const database = await Database.open(folder.database, true);
  await database.write([{ key: keys.restoring, value: Buffer.alloc(0) }], true);
  await folder.writePid();
  return new EmbeddedTarget(folder, database);
}

class EmbeddedTarget implements BackupTarget {
  readonly #folder: Folder;
  readonly #words = new ByteWriter();
  #database: Database | undefined;

  constructor(folder: Folder, database: Database) {
    this.#folder = folder;
    this.#database = database;
  }

  entries(log: LogId, entries: readonly PlacedEntry[]): Promise<void> {
    const puts: Put[] = [];
    for (const entry of entries) {
      const sequence = Number(entry.sequence);
      puts.push({ key: keys.entry(log, sequence), value: encodeEntry(this.#words, entry) });
      const { senderId, clientMessageId, createTimeMs, fingerprint } = entry;
      if (clientMessageId === '') continue;
      const value = encodeDuplicate(this.#words, sequence, Number(entry.ordinal), createTimeMs, fingerprint);
      puts.push({ key: keys.id(log, senderId, clientMessageId), value });
    }
    return this.#write(puts);
  }

  changed(log: LogId, entries: readonly BackupEntry[]): Promise<void> {
    return this.#write(
      entries.map((entry) => ({
        key: keys.entry(log, Number(entry.sequence)),
        value: encodeEntry(this.#words, entry),
      })),
    );
  }

  endLog(log: LogId, { head, rows, inbox }: FoldedLog): Promise<void> {
    const words = this.#words;
    const puts: Put[] = [{ key: keys.head(log), value: encodeHead(words, { ...head, epoch: 0n }) }];
    for (const row of rows) puts.push({ key: keys.row(log, row.key), value: encodeRow(words, row) });
    const thread = threadOfLog(log);
    if (thread !== undefined) {
      for (const row of inbox) puts.push(...this.#inboxPuts(thread, row));
      // What a thread's retention has erased and what it still holds is found by a look at it.
      puts.push({ key: keys.due(0, thread), value: Buffer.alloc(0) });
    }
    return this.#write(puts);
  }

  #inboxPuts(thread: ThreadId, row: FoldedInbox): Put[] {
    const { userId, member, large, visibleFrom, sequence, ordinal, activityMs } = row;
    const pinned = member ? 0 : 1;
    const record = {
      visibleFrom: Number(visibleFrom),
      member,
      large,
      pinnedSequence: Number(sequence) * pinned,
      pinnedOrdinal: Number(ordinal) * pinned,
      pinnedActivityMs: activityMs * pinned,
    };
    const none = Buffer.alloc(0);
    const puts: Put[] = [
      { key: keys.inbox(userId, thread), value: encodeInbox(this.#words, record) },
      { key: keys.day(userId, dayOf(activityMs), thread), value: none },
    ];
    if (member && large) puts.push({ key: keys.large(userId, thread), value: none });
    return puts;
  }

  positions(thread: ThreadId, positions: readonly Omit<Position, 'threadId' | 'readMs'>[]): Promise<void> {
    const puts = positions.map(({ userId, delivered, read, readOrdinal, updateMs }) => {
      const numbers = { delivered: Number(delivered), read: Number(read), readOrdinal: Number(readOrdinal) };
      return {
        key: keys.positions(thread, userId),
        value: encodePosition(this.#words, { ...numbers, readMs: 0, updateMs }),
      };
    });
    return this.#write(puts);
  }

  async devices(devices: readonly DevicePosition[]): Promise<void> {
    const heads = await this.#open().getMany(devices.map(({ threadId }) => keys.head(threadLog(threadId))));
    const puts: Put[] = [];
    devices.forEach(({ userId, deviceId, threadId, sequence }, at) => {
      const bytes = heads[at];
      if (bytes === undefined) return;
      const head = decodeHead(bytes, 0n).sequence;
      const held = Number(sequence > head ? head : sequence);
      puts.push({ key: keys.device(userId, deviceId, threadId), value: encodeDevice(this.#words, held) });
    });
    await this.#write(puts);
  }

  deviceRecords(records: readonly OwnedDevice[]): Promise<void> {
    const puts = records.flatMap((record): Put[] => {
      const { userId, deviceId, pushToken } = record;
      const own = { key: keys.deviceRecord(userId, deviceId), value: encodeDeviceRecord(this.#words, record) };
      return pushToken === ''
        ? [own]
        : [own, { key: keys.pushToken(pushToken), value: encodeOwner(this.#words, record) }];
    });
    return this.#write(puts);
  }

  seen(times: readonly LastSeenTime[]): Promise<void> {
    return this.#write(
      times.map(({ userId, atMs }) => ({ key: keys.seen(userId), value: encodeSeen(this.#words, atMs) })),
    );
  }

  secret(name: string, value: Uint8Array): Promise<void> {
    return this.#write([{ key: keys.secret(name), value: encodeSecret(this.#words, value) }]);
  }

  async finish(epoch: bigint): Promise<void> {
    await this.#write([{ key: keys.restoring, value: undefined }]);
    // Opened again, LevelDB has put what its logs held into tables, and those are on disk.
    await this.#open().reopen();
    await this.#open().close();
    this.#database = undefined;
    await this.#folder.writeEpoch(epoch);
    await this.#folder.writeFormat();
    await this.#folder.removePid();
  }

  async abandon(): Promise<string> {
    await this.#database?.close();
    this.#database = undefined;
    await rm(this.#folder.database, { recursive: true, force: true });
    await this.#folder.removeEpoch();
    await this.#folder.removePid();
    return `${this.#folder.root} is as it was`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database?.close();
  }

  #open(): Database {
    if (this.#database === undefined) throw new BackupError('the restore has ended');
    return this.#database;
  }

  /** Not waited for by the disk: that is made sure of at the end. */
  async #write(puts: readonly Put[]): Promise<void> {
    try {
      await this.#open().write(puts, false);
    } catch (error) {
      const cause = (error as { cause?: { message?: string } }).cause?.message ?? (error as Error).message;
      throw new BackupError(`${this.#folder.root} cannot be written: ${cause}`, { cause: error });
    }
  }
}
