/** What a Redis says of itself. */
export interface ServerInfo {
  /** Names the history of its data: another one after a restart, and on a replica that was promoted. */
  readonly history: string;
}

/** This Redis is not one that Parley can rely on; the message says what to change. Asking again does not help. */
export class RedisUnfit extends Error {
  override readonly name = 'RedisUnfit';
}

/** Reads the answer to INFO. @throws RedisUnfit, or an Error while it is not ready yet */
export function readServerInfo(info: string, address: string): ServerInfo {
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1] ?? '';
  const version = field('redis_version');
  if (Number(version.split('.')[0]) < 7) {
    throw new RedisUnfit(`Redis at ${address} is ${version}; 7.0 or later is needed (sharded pub/sub)`);
  }
  const policy = field('maxmemory_policy');
  // Others throw presence away when memory is short, and people are told to be away who are there.
  if (policy !== 'noeviction') {
    throw new RedisUnfit(`Redis at ${address} has maxmemory-policy ${policy}; set it to noeviction`);
  }
  if (field('loading') === '1') throw new Error(`Redis at ${address} is reading its data`);
  return { history: field('master_replid') };
}
