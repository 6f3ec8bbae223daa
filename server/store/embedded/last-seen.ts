import type { Clock, Timer } from '../../core/clock.ts';
import type { UserId } from '../../core/ids.ts';
import { ByteReader, type ByteWriter } from './bytes.ts';
import type { Database, Put } from './database.ts';
import { keys } from './keys.ts';
import type { Writer } from './writer.ts';

const version = 1;
/** Times are written with the next commit, or after this long with one of their own. */
const laterMs = 2_000;
/** Users whose times wait; more force a commit. */
const maxWaiting = 20_000;
/** Asked for at once when times come in. */
const chunk = 1_000;

export function encodeSeen(writer: ByteWriter, atMs: number): Buffer {
  return writer.start(version).u48(atMs).take();
}

export function decodeSeen(bytes: Buffer): number {
  return new ByteReader(bytes, version, 'a last-seen time').u48();
}

/** When users were last seen: kept in memory until something is written anyway. */
export class LastSeen {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #writer: Writer;
  /** Newer than what the database holds. */
  readonly #waiting = new Map<UserId, number>();
  #timer: Timer | undefined;

  constructor(database: Database, clock: Clock, writer: Writer) {
    this.#database = database;
    this.#clock = clock;
    this.#writer = writer;
  }

  get waiting(): boolean {
    return this.#waiting.size > 0;
  }

  async seen(times: readonly { readonly userId: UserId; readonly atMs: number }[]): Promise<void> {
    for (let start = 0; start < times.length; start += chunk) {
      const part = times.slice(start, start + chunk);
      const kept = await this.get(part.map(({ userId }) => userId));
      part.forEach(({ userId, atMs }, at) => {
        const latest = Math.max(kept[at] ?? 0, this.#waiting.get(userId) ?? 0);
        if (atMs > latest) this.#waiting.set(userId, Math.floor(atMs));
      });
    }
    if (this.#waiting.size > maxWaiting) this.#writer.flushLate();
    else if (this.#waiting.size > 0) this.#timer ??= this.#clock.after(laterMs, () => this.#writer.flushLate());
  }

  async forget(user: UserId, atMs: number): Promise<void> {
    const [kept = 0] = await this.get([user]);
    if (kept === 0 || kept > atMs) return;
    const commit = this.#writer.open;
    this.#waiting.delete(user);
    commit.puts.push({ key: keys.seen(user), value: undefined });
    this.#writer.flush();
    await commit.durable();
  }

  /** In the order asked; 0 = never. */
  async get(users: readonly UserId[]): Promise<number[]> {
    const values = await this.#database.getMany(users.map((user) => keys.seen(user)));
    return users.map((user, at) => {
      const bytes = values[at];
      const kept = bytes === undefined ? 0 : decodeSeen(bytes);
      return Math.max(kept, this.#waiting.get(user) ?? 0);
    });
  }

  /** Adds what waits to a commit that is being closed. */
  put(puts: Put[], writer: ByteWriter): Map<UserId, number> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const written = new Map(this.#waiting);
    for (const [user, atMs] of written) {
      puts.push({ key: keys.seen(user), value: encodeSeen(writer, atMs) });
    }
    return written;
  }

  /** Forgets what a commit made durable. */
  durable(written: ReadonlyMap<UserId, number>): void {
    for (const [user, atMs] of written) if (this.#waiting.get(user) === atMs) this.#waiting.delete(user);
  }
}
