import type { ThreadId, UserId } from '../../core/ids.ts';

/** Names in Redis of one shard of the queue, all in one slot, by the text in braces. */
export interface ShardKeys {
  readonly jobs: string;
  readonly due: string;
  readonly looks: string;
  readonly taken: string;
  readonly dead: string;
  readonly letters: string;
  /** Up to where a user's devices were notified of a thread. */
  notified(thread: ThreadId, user: UserId): string;
}

/** `prefix`: so that deployments can share a Redis; no braces. */
export function shardKeys(prefix: string, shard: number): ShardKeys {
  const tag = `${prefix}{notify${shard}}`;
  return {
    jobs: `${tag}:jobs`,
    due: `${tag}:due`,
    looks: `${tag}:looks`,
    taken: `${tag}:taken`,
    dead: `${tag}:dead`,
    letters: `${tag}:letters`,
    notified: (thread, user) => `${tag}:notified:${thread} ${user}`,
  };
}

export function quotaKey(prefix: string): string {
  return `${prefix}{notify}:quota`;
}
