import { chunksOf } from '../../core/chunks.ts';
import type { Clock } from '../../core/clock.ts';
import { type LogId, type ThreadId, threadLog, threadOfLog } from '../../core/ids.ts';
import {
  type BackupEntry,
  BackupError,
  type BackupTarget,
  type DevicePosition,
  type FoldedLog,
  type LastSeenTime,
  type OwnedDevice,
  type PlacedEntry,
} from '../backup.ts';
import type { Position } from '../store.ts';
import { bucketOf } from './buckets.ts';
import type { Cluster, Statement } from './cluster.ts';
import { erased, packBody, packEntry, packId } from './codec.ts';
import { Devices } from './devices.ts';
import { beginRestore, endRestore, valueOf } from './deployment.ts';
import { DueList } from './due.ts';
import { EntryRows } from './entry-rows.ts';
import { Heads } from './heads.ts';
import { idKey, Ids } from './ids.ts';
import { InboxWriter } from './inbox.ts';
import { openKeyspace, tablesOf } from './keyspace.ts';
import { LastSeen } from './last-seen.ts';
import { LogStates } from './log-state.ts';
import { inKeyspace, onBareClient, openingOf } from './open.ts';
import type { CassandraStoreOptions, StoreLog } from './options.ts';
import { inParallel } from './parallel.ts';
import { Positions } from './positions.ts';
import { Rows } from './rows.ts';
import { applySchema } from './schema.ts';

// What is restored is older than whatever is written by a ballot later. Of heads of one bucket the highest holds.
const putHead =
  'UPDATE logs USING TIMESTAMP ? SET head_sequence = ?, head_ordinal = ?, members_sequence = ?, activity_ms = ?, effects_from = 0, effects_to = 0 WHERE log = ? AND bucket = ?';
const putEntry =
  "INSERT INTO logs (log, bucket, kind, sequence, id, entry, body, erased, edit_sequence, delete_sequence) VALUES (?, ?, 0, ?, '', ?, ?, ?, ?, ?) USING TIMESTAMP ?";
/** Above that of the edit's own row, which comes later. */
const putEditBody =
  "UPDATE logs USING TIMESTAMP 2 SET body = ?, erased = ? WHERE log = ? AND bucket = ? AND kind = 0 AND sequence = ? AND id = ''";
const eraseEditBody = putEditBody.replace('TIMESTAMP 2', 'TIMESTAMP 3').replace('erased = ?', 'erased = false');
const putId = 'INSERT INTO logs (log, bucket, kind, sequence, id, entry) VALUES (?, ?, 1, 0, ?, ?) USING TIMESTAMP 1';
const statementsTogether = 64;
const writesAtOnce = 8;

/**
 * A keyspace to restore into: without tables, since one whose rows were deleted would hide what is restored. No node opens it
 * before the restore has ended. @throws BackupError, StoreSetupError, Refusal
 */
export async function openBackupTarget(options: CassandraStoreOptions): Promise<BackupTarget> {
  const opening = openingOf(options);
  const { keyspace, clock, log } = opening;
  await onBareClient(opening, async (client) => {
    const tables = await tablesOf(client, keyspace);
    if (tables.length > 0) {
      throw new BackupError(
        `the keyspace ${keyspace} is not empty (${tables.slice(0, 3).join(', ')}): a backup is restored into one without tables ` +
          `only. Choose another keyspace, or when no node runs and what is in it is not needed: DROP KEYSPACE ${keyspace}`,
      );
    }
    await openKeyspace(client, keyspace, options);
    await applySchema(client, keyspace, clock, log);
  });
  return inKeyspace(opening, async (cluster) => {
    await beginRestore(cluster, keyspace);
    return new CassandraTarget(cluster, keyspace, clock, log);
  });
}

class CassandraTarget implements BackupTarget {
  readonly #cluster: Cluster;
  readonly #keyspace: string;
  readonly #states = new LogStates();
  readonly #heads: Heads;
  readonly #ids: Ids;
  readonly #entryRows: EntryRows;
  readonly #rows: Rows;
  readonly #inbox: InboxWriter;
  readonly #positions: Positions;
  readonly #devices: Devices;
  readonly #lastSeen: LastSeen;
  readonly #due: DueList;

  constructor(cluster: Cluster, keyspace: string, clock: Clock, log: StoreLog) {
    this.#cluster = cluster;
    this.#keyspace = keyspace;
    // No head is told to anybody before there is an epoch.
    this.#heads = new Heads(cluster, 0n, log);
    this.#ids = new Ids(cluster, 0n);
    this.#entryRows = new EntryRows(cluster);
    this.#rows = new Rows(cluster);
    this.#inbox = new InboxWriter(cluster);
    this.#positions = new Positions(cluster);
    this.#devices = new Devices(cluster);
    this.#lastSeen = new LastSeen(cluster);
    this.#due = new DueList(cluster, clock);
  }

  async entries(log: LogId, entries: readonly PlacedEntry[]): Promise<void> {
    const byBucket = new Map<bigint, Statement[]>();
    const lasts = new Map<bigint, PlacedEntry>();
    const into = (bucket: bigint, statement: Statement): void => {
      const known = byBucket.get(bucket);
      if (known === undefined) byBucket.set(bucket, [statement]);
      else known.push(statement);
    };
    for (const entry of entries) {
      const bucket = bucketOf(entry.sequence);
      lasts.set(bucket, entry);
      for (const [at, statement] of statementsOf(log, bucket, entry)) into(at, statement);
    }
    for (const [bucket, last] of lasts) {
      const { sequence, ordinal, membersSequence, createTimeMs } = last;
      const values = [sequence, ordinal, membersSequence, BigInt(createTimeMs)];
      into(bucket, { query: putHead, params: [sequence, ...values, log, bucket] });
    }
    const batches = [...byBucket.values()].flatMap((statements) => chunksOf(statements, statementsTogether));
    await inParallel(batches, writesAtOnce, (batch) => this.#cluster.writeTogether(batch));
  }

  async changed(log: LogId, entries: readonly BackupEntry[]): Promise<void> {
    await inParallel(entries, writesAtOnce, async (entry) => {
      const { sequence, change } = entry;
      const former = (await this.#entryRows.one(log, sequence))?.editSequence ?? 0n;
      for (const [, statement] of statementsOf(log, bucketOf(sequence), entry)) {
        await this.#cluster.writeTogether([statement]);
      }
      if (
        former === 0n ||
        (change.kind === 'message' && change.editSequence === former && change.deleteSequence === 0n)
      ) {
        return;
      }
      await this.#cluster.write(eraseEditBody, [erased, log, bucketOf(former), former]);
    });
  }

  async endLog(log: LogId, { head, rows, inbox }: FoldedLog): Promise<void> {
    const last = bucketOf(head.sequence);
    for (let bucket = 0n; bucket < last; bucket++) await this.#ids.copyEnded(log, bucket);
    if (last > 0n) await this.#rows.putLastBucket(log, last);
    await this.#rows.put(log, rows, head.sequence);
    const thread = threadOfLog(log);
    if (thread === undefined) return;
    // What its retention has erased and what it still holds is found by a look at it.
    await this.#due.put(thread, 0);
    const state = this.#states.get(log);
    const updates = inbox.map(({ userId, visibleFrom, member, large, ...standing }) => ({
      update: { userId, visibleFrom, member, ...(large ? { large } : {}) },
      standing,
    }));
    const members = updates.filter(({ update }) => update.member);
    await this.#inbox.raise(
      state,
      thread,
      members.map(({ update }) => update),
      head,
    );
    for (const { update, standing } of updates) {
      if (!update.member) await this.#inbox.raise(state, thread, [update], standing);
    }
  }

  positions(thread: ThreadId, positions: readonly Omit<Position, 'threadId' | 'readMs'>[]): Promise<void> {
    return this.#positions.restore(thread, positions);
  }

  async devices(devices: readonly DevicePosition[]): Promise<void> {
    await inParallel(devices, writesAtOnce, async ({ userId, deviceId, threadId, sequence }) => {
      const head = await this.#heads.read(this.#states.get(threadLog(threadId)));
      if (head === undefined) return;
      const held = sequence > head.sequence ? head.sequence : sequence;
      await this.#positions.restoreDevice(threadId, userId, deviceId, held);
    });
  }

  deviceRecords(records: readonly OwnedDevice[]): Promise<void> {
    return this.#devices.restore(records);
  }

  seen(times: readonly LastSeenTime[]): Promise<void> {
    return this.#lastSeen.seen(times);
  }

  async secret(name: string, value: Uint8Array): Promise<void> {
    await valueOf(this.#cluster, `secret:${name}`, () => value);
  }

  async finish(epoch: bigint): Promise<void> {
    await endRestore(this.#cluster, this.#keyspace, epoch);
  }

  async abandon(): Promise<string> {
    return `What was written is in the keyspace ${this.#keyspace}, on which no node starts: DROP KEYSPACE ${this.#keyspace} removes it`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster.close();
  }
}

/** With the bucket that each is for. */
function* statementsOf(log: LogId, bucket: bigint, entry: BackupEntry): Iterable<[bucket: bigint, Statement]> {
  const { sequence, change, fingerprint } = entry;
  const isMessage = change.kind === 'message';
  const editSequence = isMessage ? change.editSequence : 0n;
  const deleteSequence = isMessage ? change.deleteSequence : 0n;
  const isErased = isMessage && change.erased === true;
  const standsHere = isMessage && !isErased && editSequence === 0n && deleteSequence === 0n;
  const body = standsHere ? packBody(change.body) : isMessage || change.kind === 'message-edited' ? erased : undefined;
  const packed = packEntry(entry, 0n);
  const flags = [editSequence || undefined, deleteSequence || undefined];
  yield [
    bucket,
    { query: putEntry, params: [log, bucket, sequence, packed, body, isErased || undefined, ...flags, stateOf(entry)] },
  ];
  if (isMessage && editSequence !== 0n && deleteSequence === 0n) {
    const there = bucketOf(editSequence);
    const held = isErased ? erased : packBody(change.body);
    yield [there, { query: putEditBody, params: [held, isErased, log, there, editSequence] }];
  }
  if (entry.clientMessageId === '') return;
  // What heads authors knew is of another epoch: ids are found without that.
  const id = packId(entry, fingerprint, false);
  yield [bucket, { query: putId, params: [log, bucket, idKey(entry), id] }];
}

/** Timestamp of an entry: a message that was edited or deleted meanwhile takes the place of the one before. */
function stateOf({ change }: BackupEntry): bigint {
  if (change.kind !== 'message') return 1n;
  const { editSequence, deleteSequence } = change;
  return 1n + (editSequence > deleteSequence ? editSequence : deleteSequence);
}
