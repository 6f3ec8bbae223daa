import { chunksOf } from '../../core/chunks.ts';
import type { DeviceId, ThreadId, UserId } from '../../core/ids.ts';
import { Lru } from '../../core/lru.ts';
import type { Position, PositionUpdate, UserRange } from '../store.ts';
import type { Cluster, Row, Statement } from './cluster.ts';
import { dayMs, putChanged } from './inbox.ts';
import { inParallel, writeAll } from './parallel.ts';

const columns = 'user, delivered, delivered_ms_negated, read, read_ordinal, read_ms_negated';
const readOne = `SELECT ${columns} FROM positions WHERE thread = ? AND user = ?`;
const readFirst = `SELECT ${columns} FROM positions WHERE thread = ? LIMIT ?`;
const readAfter = `SELECT ${columns} FROM positions WHERE thread = ? AND user > ? LIMIT ?`;
const readDevices = 'SELECT thread, delivered FROM device_positions WHERE user = ? AND device = ? AND thread IN ?';
const raiseRead =
  'UPDATE positions USING TIMESTAMP ? SET read = ?, read_ordinal = ?, read_ms_negated = ? WHERE thread = ? AND user = ?';
const raiseDelivered =
  'UPDATE positions USING TIMESTAMP ? SET delivered = ?, delivered_ms_negated = ? WHERE thread = ? AND user = ?';
const raiseDevice =
  'UPDATE device_positions USING TIMESTAMP ? SET delivered = ? WHERE user = ? AND device = ? AND thread = ?';
// The highest timestamp that any of these has, so that what comes later is above it.
const forgetOne = 'DELETE FROM positions USING TIMESTAMP ? WHERE thread = ? AND user = ?';
/** Above every position: the device does not come again. */
const forgetDevice = `DELETE FROM device_positions USING TIMESTAMP ${1n << 53n} WHERE user = ? AND device = ?`;
const atOnce = 64;
/** Users' threads of which it is remembered that they are listed as read today. */
const listedAtMost = 16_384;
const threadsAtOnce = 200;

/** Max-registers: the timestamp of a write is the position it writes, and Cassandra keeps the highest. */
export class Positions {
  readonly #cluster: Cluster;
  /** The last day under which a thread was listed, by user and thread. */
  readonly #listed = new Lru<string, bigint>(listedAtMost);

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async advance(updates: readonly PositionUpdate[]): Promise<void> {
    const positions: Statement[] = [];
    const devices: Statement[] = [];
    // Those of one thread beside each other: what is of one partition is one write to Cassandra.
    for (const { threadId, userId, deviceId, sequence, ordinal, atMs } of byThread(updates)) {
      if (sequence <= 0n) continue;
      const negated = -BigInt(Math.floor(atMs));
      if (deviceId === undefined) {
        positions.push({ query: raiseRead, params: [sequence, sequence, ordinal, negated, threadId, userId] });
        continue;
      }
      positions.push({ query: raiseDelivered, params: [sequence, sequence, negated, threadId, userId] });
      devices.push({ query: raiseDevice, params: [sequence, sequence, userId, deviceId, threadId] });
    }
    await this.#list(updates.filter(({ deviceId, sequence }) => deviceId === undefined && sequence > 0n));
    await writeAll(this.#cluster, positions);
    // Not before: a device that is known to hold something is not asked for it again, and its user's position would stay behind.
    await writeAll(this.#cluster, devices);
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
    await inParallel(threads, atOnce, ({ threadId, upTo }) => this.#cluster.write(forgetOne, [upTo, threadId, user]));
    await inParallel(devices, atOnce, (device) => this.#cluster.write(forgetDevice, [user, device]));
  }

  /** As they were. */
  async restore(thread: ThreadId, positions: readonly Omit<Position, 'threadId' | 'readMs'>[]): Promise<void> {
    await inParallel(positions, atOnce, async ({ userId, delivered, read, readOrdinal, updateMs }) => {
      const negated = -BigInt(Math.floor(updateMs));
      if (read > 0n) await this.#cluster.write(raiseRead, [read, read, readOrdinal, negated, thread, userId]);
      if (delivered > 0n) await this.#cluster.write(raiseDelivered, [delivered, delivered, negated, thread, userId]);
    });
  }

  restoreDevice(thread: ThreadId, user: UserId, device: DeviceId, delivered: bigint): Promise<void> {
    return this.#cluster.write(raiseDevice, [delivered, delivered, user, device, thread]);
  }

  async ofThread(thread: ThreadId, { after, limit }: UserRange, signal?: AbortSignal): Promise<Position[]> {
    const rows =
      after === undefined
        ? await this.#cluster.read(readFirst, [thread, limit], signal, limit)
        : await this.#cluster.read(readAfter, [thread, after, limit], signal, limit);
    return rows.map((row) => positionOf(thread, row));
  }

  async ofUser(user: UserId, threads: readonly ThreadId[], signal?: AbortSignal): Promise<(Position | undefined)[]> {
    return inParallel(threads, atOnce, async (thread) => {
      const [row] = await this.#cluster.read(readOne, [thread, user], signal);
      return row === undefined ? undefined : positionOf(thread, row);
    });
  }

  async ofDevice(
    user: UserId,
    device: DeviceId,
    threads: readonly ThreadId[],
    signal?: AbortSignal,
  ): Promise<bigint[]> {
    const rows = await inParallel(chunksOf(threads, threadsAtOnce), atOnce, (chunk) =>
      this.#cluster.read(readDevices, [user, device, chunk], signal),
    );
    const held = new Map(rows.flat().map((row) => [row['thread'] as string, row['delivered'] as bigint]));
    return threads.map((thread) => held.get(thread) ?? 0n);
  }
}

function byThread(updates: readonly PositionUpdate[]): PositionUpdate[] {
  return [...Map.groupBy(updates, ({ threadId }) => threadId).values()].flat();
}

function positionOf(threadId: ThreadId, row: Row): Position {
  const number = (column: string): bigint => (row[column] as bigint | null) ?? 0n;
  const deliveredMs = -number('delivered_ms_negated');
  const readMs = -number('read_ms_negated');
  return {
    threadId,
    userId: row['user'] as UserId,
    delivered: number('delivered'),
    read: number('read'),
    readOrdinal: number('read_ordinal'),
    readMs: Number(readMs),
    updateMs: Number(deliveredMs > readMs ? deliveredMs : readMs),
  };
}
