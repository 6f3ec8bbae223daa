import type { Bus } from '../bus/bus.ts';
import { MemoryBus } from '../bus/memory.ts';
import type { CommentLog } from '../comments/comment-log.ts';
import { MemoryCommentLog } from '../comments/memory.ts';
import type { Config } from '../config.ts';
import type { Clock } from '../core/clock.ts';
import { MemoryRegistry } from '../presence/memory.ts';
import type { RedisRegistry } from '../presence/redis.ts';
import type { Registry } from '../presence/registry.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';

/** What live traffic and presence stand on. */
export interface Live {
  readonly bus: Bus;
  readonly comments: CommentLog;
  readonly registry: Registry;
  /** Set when other nodes share the traffic: the registry again, which knows them. */
  readonly shared: RedisRegistry | undefined;
}

/** @throws ConfigError for a Redis that cannot be relied on */
export async function openLive(
  config: Config,
  clock: Clock,
  log: Log,
  store: Store,
  onWaiting: (why: string) => void,
): Promise<Live> {
  if (config.PARLEY_REDIS !== '') {
    // Loaded when it is needed: a lone node starts sooner without.
    const { openRedisLive } = await import('./live-redis.ts');
    return openRedisLive(config, clock, log, store, onWaiting);
  }
  if (config.PARLEY_STORE === 'cassandra') {
    log.warn('without PARLEY_REDIS this must be the only node: others on the same Cassandra hear its messages late');
  }
  const bus = new MemoryBus();
  return {
    bus,
    comments: new MemoryCommentLog({ bus, clock }),
    registry: new MemoryRegistry({ clock, bus, store }),
    shared: undefined,
  };
}
