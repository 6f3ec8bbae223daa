import type { UserId } from '../../core/ids.ts';

/** Names in Redis. What one script touches stands in one slot, by the text in braces. */
export interface Keys {
  readonly leases: string;
  readonly nodes: string;
  readonly tasks: string;
  /** A user's sessions. */
  user(user: UserId): string;
  /** Users with rows under a lease. */
  usersOf(lease: string): string;
  /** A mark; different numbers are in different slots. */
  mark(number: number): string;
}

/** `prefix`: so that deployments can share a Redis; no braces. */
export function keysOf(prefix: string): Keys {
  return {
    leases: `${prefix}{leases}`,
    nodes: `${prefix}{leases}:nodes`,
    tasks: `${prefix}{leases}:tasks`,
    user: (user) => `${prefix}user:{${encodeURIComponent(user)}}`,
    usersOf: (lease) => `${prefix}users:{${lease}}`,
    mark: (number) => `${prefix}mark:{${number}}`,
  };
}
