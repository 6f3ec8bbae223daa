import { chunksOf } from '../../core/chunks.ts';
import type { DeviceId, ThreadId, UserId } from '../../core/ids.ts';
import { Lru } from '../../core/lru.ts';
import type { Position, PositionUpdate, UserRange } from '../store.ts';
import type { Cluster, Row, Statement } from './cluster.ts';
import { dayMs, putChanged } from './inbox.ts';
import { inParallel, writeAll } from './parallel.ts';
import { scan } from './token-ranges.ts';

const columns = 'delivered, delivered_ms_negated, read, read_ordinal, read_ms_negated';
const readFirst = `SELECT user, ${columns} FROM positions WHERE thread = ? LIMIT ?`;
const readAfter = `SELECT user, ${columns} FROM positions WHERE thread = ? AND user > ? LIMIT ?`;
const readOfUser = `SELECT thread, ${columns} FROM user_positions WHERE user = ? AND thread IN ?`;
const readDevices = 'SELECT thread, delivered FROM device_positions WHERE user = ? AND device = ? AND thread IN ?';
const raiseDevice =
  'UPDATE device_positions USING TIMESTAMP ? SET delivered = ? WHERE user = ? AND device = ? AND thread = ?';
/** Above every position: the device does not come again. */
const forgetDevice = `DELETE FROM device_positions USING TIMESTAMP ${1n << 53n} WHERE user = ? AND device = ?`;
const atOnce = 64;
/** Users' threads of which it is remembered that they are listed as read today. */
const listedAtMost = 16_384;
const threadsAtOnce = 200;

const ofThreads = { ...statementsOn('positions'), partition: ({ threadId }: Raise): string => threadId };
const ofUsers = { ...statementsOn('user_positions'), partition: ({ userId }: Raise): string => userId };
/** The tables that have every user's position in every thread, in the order in which they are written. */
const copies = [ofThreads, ofUsers];

/** What is raised of one user in one thread. */
interface Raise {
  readonly threadId: ThreadId;
  readonly userId: UserId;
  read?: Raised & { readonly ordinal: bigint };
  delivered?: Raised;
}

type Raised = Pick<PositionUpdate, 'sequence' | 'atMs'>;

/** Max-registers: the timestamp of a write is the position it writes, and Cassandra keeps the highest. */
export class Positions {
  readonly #cluster: Cluster;
  /** The last day under which a thread was listed, by user and thread. */
  readonly #listed = new Lru<string, bigint>(listedAtMost);

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async advance(updates: readonly PositionUpdate[]): Promise<void> {
    const above = updates.filter(({ sequence }) => sequence > 0n);
    await this.#list(above.filter(({ deviceId }) => deviceId === undefined));
    await this.#raise(raisesOf(above));
    // Not before: a device that is known to hold something is not asked for it again, and its user's position would stay behind.
    const held = above.filter(({ deviceId }) => deviceId !== undefined);
    const devices = beside(held, ({ userId, deviceId }) => `${userId} ${deviceId}`);
    await writeAll(
      this.#cluster,
      devices.map(({ threadId, userId, deviceId, sequence }) => {
        return { query: raiseDevice, params: [sequence, sequence, userId, deviceId, threadId] };
      }),
    );
  }

  /**
   * The threads' table first. What a user is known to have read is not written again: were that known before the threads' table has it, then
   * whoever asks about the thread would never be told, when this ends in between.
   */
  async #raise(raises: readonly Raise[]): Promise<void> {
    for (const copy of copies) await this.#raiseIn(copy, raises);
  }

  async #raiseIn(copy: (typeof copies)[number], raises: readonly Raise[]): Promise<void> {
    const statements = beside(raises, copy.partition).flatMap((raise) => writesOf(copy, raise));
    await writeAll(this.#cluster, statements);
  }

  /** Puts what stands with the threads with the users too: in a keyspace of before there were such. Idempotent. */
  async fillUsers(): Promise<void> {
    for await (const rows of scan(this.#cluster, `thread, user, ${columns}`, 'positions', 'thread')) {
      await this.#raiseIn(ofUsers, rows.map(raiseOf));
    }
  }

  /**
   * Has what is read found by who looks for what changed: a write per user, thread and day. Before the position is: what is listed and was
   * not read is passed over, what was read and is not listed would never be told.
   */
  async #list(read: readonly PositionUpdate[]): Promise<void> {
    const due = read
      .map(({ threadId, userId, atMs }) => ({ threadId, userId, day: BigInt(Math.floor(atMs / dayMs)) }))
      .filter(({ threadId, userId, day }) => this.#listed.get(`${threadId} ${userId}`) !== day);
    if (due.length === 0) return;
    const toStatement = ({ threadId, userId, day }: (typeof due)[number]): Statement => {
      return { query: putChanged, params: [userId, day, threadId] };
    };
    await writeAll(this.#cluster, due.map(toStatement));
    for (const { threadId, userId, day } of due) this.#listed.set(`${threadId} ${userId}`, day);
  }

  async forget(
    user: UserId,
    threads: readonly { readonly threadId: ThreadId; readonly upTo: bigint }[],
    devices: readonly DeviceId[],
  ): Promise<void> {
    for (const { forget } of copies) {
      const statements = threads.map(({ threadId, upTo }) => ({ query: forget, params: [upTo, threadId, user] }));
      await writeAll(this.#cluster, statements);
    }
    await inParallel(devices, atOnce, (device) => this.#cluster.write(forgetDevice, [user, device]));
  }

  /** As they were. */
  async restore(thread: ThreadId, positions: readonly Omit<Position, 'threadId' | 'readMs'>[]): Promise<void> {
    const raises = positions.map(({ userId, delivered, read, readOrdinal, updateMs: atMs }): Raise => {
      return {
        threadId: thread,
        userId,
        ...(read > 0n ? { read: { sequence: read, ordinal: readOrdinal, atMs } } : {}),
        ...(delivered > 0n ? { delivered: { sequence: delivered, atMs } } : {}),
      };
    });
    await this.#raise(raises);
  }

  restoreDevice(thread: ThreadId, user: UserId, device: DeviceId, delivered: bigint): Promise<void> {
    return this.#cluster.write(raiseDevice, [delivered, delivered, user, device, thread]);
  }

  async ofThread(thread: ThreadId, { after, limit }: UserRange, signal?: AbortSignal): Promise<Position[]> {
    const rows =
      after === undefined
        ? await this.#cluster.read(readFirst, [thread, limit], signal, limit)
        : await this.#cluster.read(readAfter, [thread, after, limit], signal, limit);
    return rows.map((row) => positionOf({ threadId: thread, userId: row['user'] as UserId }, row));
  }

  async ofUser(user: UserId, threads: readonly ThreadId[], signal?: AbortSignal): Promise<(Position | undefined)[]> {
    const rows = await this.#some(readOfUser, [user], threads, signal);
    return threads.map((threadId) => {
      const row = rows.get(threadId);
      return row === undefined ? undefined : positionOf({ threadId, userId: user }, row);
    });
  }

  async ofDevice(
    user: UserId,
    device: DeviceId,
    threads: readonly ThreadId[],
    signal?: AbortSignal,
  ): Promise<bigint[]> {
    const rows = await this.#some(readDevices, [user, device], threads, signal);
    return threads.map((thread) => (rows.get(thread)?.['delivered'] as bigint | undefined) ?? 0n);
  }

  /** Rows of one partition, by their threads. */
  async #some(
    query: string,
    partition: readonly string[],
    threads: readonly ThreadId[],
    signal: AbortSignal | undefined,
  ): Promise<ReadonlyMap<string, Row>> {
    const rows = await inParallel(chunksOf(threads, threadsAtOnce), atOnce, (chunk) =>
      this.#cluster.read(query, [...partition, chunk], signal),
    );
    return new Map(rows.flat().map((row) => [row['thread'] as string, row]));
  }
}

interface OnTable {
  readonly raiseRead: string;
  readonly raiseDelivered: string;
  readonly raiseBoth: string;
  readonly forget: string;
}

function statementsOn(table: string): OnTable {
  const update = `UPDATE ${table} USING TIMESTAMP ?`;
  const [read, delivered] = [
    'read = ?, read_ordinal = ?, read_ms_negated = ?',
    'delivered = ?, delivered_ms_negated = ?',
  ];
  const where = 'WHERE thread = ? AND user = ?';
  return {
    raiseRead: `${update} SET ${read} ${where}`,
    raiseDelivered: `${update} SET ${delivered} ${where}`,
    raiseBoth: `${update} SET ${read}, ${delivered} ${where}`,
    // The highest timestamp that any of these has, so that what comes later is above it.
    forget: `DELETE FROM ${table} USING TIMESTAMP ? ${where}`,
  };
}

/** One write where both come to the same place, as they do when somebody looks at what comes. */
function writesOf(on: OnTable, { threadId, userId, read, delivered }: Raise): Statement[] {
  const place = [threadId, userId];
  const reading = read && [read.sequence, read.ordinal, negatedMs(read)];
  const holding = delivered && [delivered.sequence, negatedMs(delivered)];
  if (reading !== undefined && holding !== undefined && reading[0] === holding[0]) {
    return [{ query: on.raiseBoth, params: [reading[0], ...reading, ...holding, ...place] }];
  }
  const writes: Statement[] = [];
  if (reading !== undefined) writes.push({ query: on.raiseRead, params: [reading[0], ...reading, ...place] });
  if (holding !== undefined) writes.push({ query: on.raiseDelivered, params: [holding[0], ...holding, ...place] });
  return writes;
}

function negatedMs({ atMs }: Raised): bigint {
  return -BigInt(Math.floor(atMs));
}

/** What updates come to, by user and thread. Of one position the first time holds. */
function raisesOf(updates: readonly PositionUpdate[]): Raise[] {
  const raises = new Map<string, Raise>();
  for (const { threadId, userId, deviceId, sequence, ordinal, atMs } of updates) {
    const key = `${threadId} ${userId}`;
    const raise: Raise = raises.get(key) ?? { threadId, userId };
    raises.set(key, raise);
    const former = deviceId === undefined ? raise.read : raise.delivered;
    const isAbove = former === undefined || sequence > former.sequence;
    if (!isAbove && (sequence < former.sequence || atMs >= former.atMs)) continue;
    if (deviceId === undefined) raise.read = { sequence, ordinal, atMs };
    else raise.delivered = { sequence, atMs };
  }
  return [...raises.values()];
}

/** Those of one partition one after the other: so they are one write to Cassandra. */
function beside<Item>(items: readonly Item[], partition: (item: Item) => string): Item[] {
  return [...Map.groupBy(items, partition).values()].flat();
}

function raiseOf(row: Row): Raise {
  const raise: Raise = { threadId: row['thread'] as ThreadId, userId: row['user'] as UserId };
  const { read, readOrdinal, delivered } = positionOf(raise, row);
  const atMs = (column: string): number => -Number((row[column] as bigint | null) ?? 0n);
  if (read > 0n) raise.read = { sequence: read, ordinal: readOrdinal, atMs: atMs('read_ms_negated') };
  if (delivered > 0n) raise.delivered = { sequence: delivered, atMs: atMs('delivered_ms_negated') };
  return raise;
}

function positionOf(place: Pick<Position, 'threadId' | 'userId'>, row: Row): Position {
  const number = (column: string): bigint => (row[column] as bigint | null) ?? 0n;
  const deliveredMs = -number('delivered_ms_negated');
  const readMs = -number('read_ms_negated');
  return {
    ...place,
    delivered: number('delivered'),
    read: number('read'),
    readOrdinal: number('read_ordinal'),
    readMs: Number(readMs),
    updateMs: Number(deliveredMs > readMs ? deliveredMs : readMs),
  };
}
