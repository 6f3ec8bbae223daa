import type { UserId } from '../../core/ids.ts';
import type { Cluster } from './cluster.ts';
import { inParallel } from './parallel.ts';

const read = 'SELECT at_ms FROM last_seen WHERE user = ?';
const write = 'UPDATE last_seen USING TIMESTAMP ? SET at_ms = ? WHERE user = ?';
const remove = 'DELETE FROM last_seen USING TIMESTAMP ? WHERE user = ?';
const atOnce = 64;

/** When users were last seen: the time is the timestamp of its write, so the latest holds. */
export class LastSeen {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async seen(times: readonly { readonly userId: UserId; readonly atMs: number }[]): Promise<void> {
    const some = times.filter(({ atMs }) => atMs >= 1);
    await inParallel(some, atOnce, ({ userId, atMs }) => {
      const at = BigInt(Math.floor(atMs));
      return this.#cluster.write(write, [at, at, userId]);
    });
  }

  async forget(user: UserId, atMs: number): Promise<void> {
    await this.#cluster.write(remove, [BigInt(Math.floor(atMs)), user]);
  }

  async get(users: readonly UserId[]): Promise<number[]> {
    return inParallel(users, atOnce, async (user) => {
      const [row] = await this.#cluster.read(read, [user]);
      return row === undefined ? 0 : Number(row['at_ms'] as bigint);
    });
  }
}
