import { randomBytes } from 'node:crypto';
import { chunksOf } from '../../core/chunks.ts';
import { emptyBody, type Entry } from '../../core/entry.ts';
import { type DeviceId, type LogId, type ThreadId, threadOfLog, type UserId } from '../../core/ids.ts';
import { type BackupEntry, BackupError, type BackupItem, type BackupSource } from '../backup.ts';
import { bucketOf, firstBucketOf } from './buckets.ts';
import { CassandraStore } from './cassandra-store.ts';
import type { Cluster } from './cluster.ts';
import { unpackId } from './codec.ts';
import { deviceColumns, deviceOf } from './devices.ts';
import { epochOf, refuseUnfinished } from './deployment.ts';
import { idKey } from './ids.ts';
import { tablesOf } from './keyspace.ts';
import { inKeyspace, onBareClient, openingOf } from './open.ts';
import type { CassandraStoreOptions } from './options.ts';
import { inParallel } from './parallel.ts';
import { scan } from './token-ranges.ts';

const entriesPerItem = 200;
const idsPerRead = 100;
/** Of up to 20 KiB each. */
const recordsPerItem = 10;
const positionsPerItem = 1_000;
/** Logs of up to one item are read so many at a time, longer ones one by one. */
const logsAtOnce = 16;
const logsTogether = 256;

/** Opens the deployment in a keyspace for a backup; its nodes go on. @throws BackupError, StoreSetupError, Refusal */
export async function openBackupSource(options: CassandraStoreOptions): Promise<BackupSource> {
  const opening = openingOf(options);
  const { keyspace, clock, log } = opening;
  await onBareClient(opening, async (client) => {
    if (!(await tablesOf(client, keyspace)).includes('deployment')) {
      throw new BackupError(`there is no store in the keyspace ${keyspace}`);
    }
  });
  return inKeyspace(opening, async (cluster) => {
    await refuseUnfinished(cluster, keyspace);
    const epoch = await epochOf(cluster);
    if (epoch === undefined) throw new BackupError(`no node has ever been ready on the keyspace ${keyspace}`);
    const store = new CassandraStore({ cluster, clock, log, epoch, opening: randomBytes(8) });
    return new CassandraSource(cluster, store, epoch);
  });
}

/**
 * Reads the logs as any node does: a head, with what belongs to it finished, and then the entries up to it. Threads come
 * before users' own logs: see the door.
 */
class CassandraSource implements BackupSource {
  readonly store = 'cassandra';
  readonly epoch: bigint;
  readonly #cluster: Cluster;
  readonly #store: CassandraStore;

  constructor(cluster: Cluster, store: CassandraStore, epoch: bigint) {
    this.#cluster = cluster;
    this.#store = store;
    this.epoch = epoch;
  }

  async *items(signal?: AbortSignal): AsyncGenerator<BackupItem> {
    yield* this.#logs((log) => threadOfLog(log) !== undefined, signal);
    yield* this.#logs((log) => threadOfLog(log) === undefined, signal);
    const devices = scan(this.#cluster, 'user, device, thread, delivered', 'device_positions', 'user, device', signal);
    for await (const rows of devices) {
      const held = rows.map((row) => ({
        userId: row['user'] as UserId,
        deviceId: row['device'] as DeviceId,
        threadId: row['thread'] as ThreadId,
        sequence: row['delivered'] as bigint,
      }));
      yield { kind: 'devices', devices: held };
    }
    for await (const rows of scan(this.#cluster, `user, ${deviceColumns}`, 'devices', 'user', signal)) {
      const records = rows.map((row) => ({ userId: row['user'] as UserId, ...deviceOf(row) }));
      for (const some of chunksOf(records, recordsPerItem)) yield { kind: 'device-records', records: some };
    }
    for await (const rows of scan(this.#cluster, 'user, at_ms', 'last_seen', 'user', signal)) {
      const times = rows.map((row) => ({ userId: row['user'] as UserId, atMs: Number(row['at_ms'] as bigint) }));
      yield { kind: 'seen', times };
    }
    for await (const rows of scan(this.#cluster, 'name, value', 'deployment', 'name', signal)) {
      for (const row of rows) {
        const [, name] = /^secret:(.+)$/.exec(row['name'] as string) ?? [];
        if (name !== undefined) yield { kind: 'secret', name, value: Uint8Array.from(row['value'] as Buffer) };
      }
    }
  }

  async *#logs(wanted: (log: LogId) => boolean, signal: AbortSignal | undefined): AsyncGenerator<BackupItem> {
    for await (const rows of scan(this.#cluster, 'DISTINCT log, bucket', 'logs', 'log, bucket', signal)) {
      // Every log has a first bucket.
      const logs = rows.filter((row) => row['bucket'] === 0n).map((row) => row['log'] as LogId);
      const chosen = logs.filter(wanted);
      for (let at = 0; at < chosen.length; at += logsTogether) {
        yield* this.#logsTogether(chosen.slice(at, at + logsTogether), signal);
      }
    }
  }

  async *#logsTogether(logs: readonly LogId[], signal: AbortSignal | undefined): AsyncGenerator<BackupItem> {
    const heads = await this.#store.heads(logs, signal);
    const long = logs.filter((_, at) => (heads[at]?.sequence ?? 0n) > BigInt(entriesPerItem));
    const short = logs.filter((log) => !long.includes(log));
    for (let at = 0; at < short.length; at += logsAtOnce) {
      const some = short.slice(at, at + logsAtOnce);
      for (const items of await inParallel(some, logsAtOnce, (log) => collect(this.#log(log, signal)))) yield* items;
    }
    for (const log of long) yield* this.#log(log, signal);
  }

  async *#log(log: LogId, signal: AbortSignal | undefined): AsyncGenerator<BackupItem> {
    let head = await this.#store.head(log, signal);
    if (head === undefined) return;
    let before = 0n;
    /** The highest edit or delete that a message already shows: the entry that made it must come too. */
    let shown = 0n;
    for (;;) {
      let after = before;
      const targets = new Set<bigint>();
      while (after < head.sequence) {
        const range = { after, upTo: head.sequence, limit: entriesPerItem };
        const entries = await this.#store.entries(log, range, signal);
        const last = entries.at(-1);
        if (last === undefined)
          throw new BackupError(`log ${log} has no entry ${after + 1n}, though its head is above`);
        shown = lastShown(entries, shown);
        for (const { change } of entries) {
          const isChange = change.kind === 'message-edited' || change.kind === 'message-deleted';
          if (isChange && change.target <= before) targets.add(change.target);
        }
        yield { kind: 'entries', log, entries: await this.#withFingerprints(log, entries) };
        after = last.sequence;
      }
      // These came before what changed them: as they are now they come again.
      const changed = await inParallel([...targets], logsAtOnce, (target) => this.#one(log, target, signal));
      if (changed.length > 0) yield { kind: 'changed', log, entries: await this.#withFingerprints(log, changed) };
      shown = lastShown(changed, shown);
      if (shown <= head.sequence) break;
      before = head.sequence;
      head = (await this.#store.head(log, signal)) ?? head;
    }
    const thread = threadOfLog(log);
    if (thread !== undefined) yield* this.#positions(thread, head, signal);
    yield { kind: 'log-end', log, sequence: head.sequence };
  }

  async #one(log: LogId, sequence: bigint, signal: AbortSignal | undefined): Promise<Entry> {
    const [entry] = await this.#store.entries(log, { after: sequence - 1n, upTo: sequence, limit: 1 }, signal);
    if (entry === undefined) throw new BackupError(`log ${log} has no entry ${sequence}, though its head is above`);
    return entry;
  }

  async #withFingerprints(log: LogId, entries: readonly Entry[]): Promise<BackupEntry[]> {
    const withId = entries.filter(({ clientMessageId }) => clientMessageId !== '');
    const fingerprints = new Map<string, string>();
    const first = withId[0];
    const last = withId.at(-1);
    if (first !== undefined && last !== undefined) {
      for (let bucket = firstBucketOf(first.sequence); bucket <= bucketOf(last.sequence); bucket++) {
        for (let at = 0; at < withId.length; at += idsPerRead) {
          const ids = withId.slice(at, at + idsPerRead).map(idKey);
          for (const row of await this.#cluster.read(readIds, [log, bucket, ids])) {
            fingerprints.set(row['id'] as string, unpackId(row['entry'] as Buffer, this.epoch).fingerprint);
          }
        }
      }
    }
    return entries.map((entry) => {
      const fingerprint = entry.clientMessageId === '' ? '' : fingerprints.get(idKey(entry));
      if (fingerprint === undefined)
        throw new BackupError(`the id of entry ${entry.sequence} of log ${log} is not there`);
      const { change } = entry;
      // Its body stands in the message.
      return {
        ...entry,
        fingerprint,
        change: change.kind === 'message-edited' ? { ...change, body: emptyBody } : change,
      };
    });
  }

  /** None above the head that the log has in the backup. */
  async *#positions(
    thread: ThreadId,
    head: { readonly sequence: bigint; readonly ordinal: bigint },
    signal: AbortSignal | undefined,
  ): AsyncGenerator<BackupItem> {
    let after: UserId | undefined;
    for (;;) {
      const range = { limit: positionsPerItem, ...(after === undefined ? {} : { after }) };
      const found = await this.#store.positions(thread, range, signal);
      const last = found.at(-1);
      if (last === undefined) return;
      const positions = found.map(({ userId, delivered, read, readOrdinal, updateMs }) => ({
        userId,
        delivered: delivered > head.sequence ? head.sequence : delivered,
        read: read > head.sequence ? head.sequence : read,
        readOrdinal: read > head.sequence ? head.ordinal : readOrdinal,
        updateMs,
      }));
      yield { kind: 'positions', thread, positions };
      after = last.userId;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }
}

/** The highest sequence of an edit or a delete that messages show. */
function lastShown(entries: readonly Entry[], before: bigint): bigint {
  let highest = before;
  for (const { change } of entries) {
    if (change.kind !== 'message') continue;
    if (change.editSequence > highest) highest = change.editSequence;
    if (change.deleteSequence > highest) highest = change.deleteSequence;
  }
  return highest;
}

const readIds = 'SELECT id, entry FROM logs WHERE log = ? AND bucket = ? AND kind = 1 AND sequence = 0 AND id IN ?';

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}
