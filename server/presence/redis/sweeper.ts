import type { UserId } from '../../core/ids.ts';
import type { Shards } from '../../redis/shards.ts';
import type { Keys } from './keys.ts';
import { rememberMs } from './own-sessions.ts';
import type { Scripts } from './scripts.ts';

export interface SweeperOptions {
  readonly shards: Shards;
  readonly keys: Keys;
  readonly scripts: Scripts;
  readonly leaseMs: number;
  /** A session of the user is not there any more; those that may be have these leases. */
  readonly onGone: (userId: UserId, others: readonly string[], lastSeenMs: number) => Promise<void>;
}

/** Another node takes a task over when nothing was heard of it for this long. */
const taskMs = 30_000;
const usersPerPage = 200;

/** Takes the rows of leases that are over from their users, and has told who has gone with them. */
export class Sweeper {
  readonly #options: SweeperOptions;

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  /** Sweeps what is to be swept by this node. What fails amid it is left to whoever looks next. */
  async sweep(): Promise<void> {
    for (;;) {
      const task = await this.#claim('');
      if (task === undefined) return;
      await this.#sweep(task);
    }
  }

  async #sweep(task: string): Promise<void> {
    const { shards, keys } = this.#options;
    const [lease = '', lastAliveMs = '0'] = task.split(' ');
    const key = keys.usersOf(lease);
    let cursor = '0';
    do {
      const [next, users] = (await shards.call(key, 'SSCAN', [key, cursor, 'COUNT', usersPerPage])) as [
        ...[string, UserId[]],
      ];
      await Promise.all(users.map((user) => this.#sweepUser(user, lease, Number(lastAliveMs))));
      cursor = next;
      if (cursor !== '0') await this.#claim(task);
    } while (cursor !== '0');
    await shards.call(key, 'DEL', [key]);
    await shards.call(keys.tasks, 'ZREM', [keys.tasks, task]);
  }

  async #sweepUser(userId: UserId, lease: string, lastAliveMs: number): Promise<void> {
    const { shards, keys, scripts, onGone } = this.#options;
    const reply = await scripts.sweep.run(shards, [keys.user(userId)], [lease, lastAliveMs, rememberMs]);
    const [taken, lastSeenMs, ...others] = reply as [number, number, ...string[]];
    if (taken > 0) await onGone(userId, others, lastSeenMs);
  }

  async #claim(task: string): Promise<string | undefined> {
    const { shards, keys, scripts, leaseMs } = this.#options;
    const reply = await scripts.claim.run(shards, [keys.leases, keys.nodes, keys.tasks], [taskMs, leaseMs, task]);
    return (reply as string | null) ?? undefined;
  }
}
