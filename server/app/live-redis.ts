import { RedisBus } from '../bus/redis.ts';
import { RedisCommentLog } from '../comments/redis.ts';
import { addressesOf, ConfigError, type Config } from '../config.ts';
import { pause, type Clock } from '../core/clock.ts';
import { RedisRegistry } from '../presence/redis.ts';
import { RedisUnfit } from '../redis/server-info.ts';
import type { RedisSettings } from '../redis/settings.ts';
import { Shards } from '../redis/shards.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { Live } from './live.ts';
import { given } from './store.ts';

/** A node starts without Redis, and says so, when it does not answer within this. */
const redisWithinMs = 10_000;

/** @throws ConfigError for a Redis that cannot be relied on */
export async function openRedisLive(
  config: Config,
  clock: Clock,
  log: Log,
  store: Store,
  onWaiting: (why: string) => void,
): Promise<Live> {
  const settings = redisOf(config);
  const prefix = config.PARLEY_REDIS_PREFIX;
  const onProblem = onceAMinute(clock, (problem) => log.warn({ err: problem }, 'Redis'));
  const bus = new RedisBus({ settings, clock, prefix, onProblem });
  const shards = new Shards({ settings, clock, name: 'parley-presence', onProblem });
  const commentShards = new Shards({ settings, clock, name: 'parley-comments', onProblem });
  const why = `waiting for Redis at ${config.PARLEY_REDIS}`;
  onWaiting(why);
  try {
    const all = Promise.all([bus.ready(), shards.ready()]);
    const answered = await Promise.race([all.then(() => true), pause(clock, redisWithinMs).then(() => false)]);
    // A Redis that shows later that it is unfit is a matter for the log: the node serves.
    all.catch((error: unknown) => log.error({ err: error }, 'Redis cannot be relied on'));
    if (!answered) {
      log.warn(`${why}: it does not answer; messages reach other nodes late and presence is unknown until it does`);
    }
  } catch (error) {
    await bus[Symbol.asyncDispose]();
    shards[Symbol.dispose]();
    commentShards[Symbol.dispose]();
    throw error instanceof RedisUnfit ? new ConfigError(error.message, { cause: error }) : error;
  }
  const address = config.PARLEY_NODES_ADVERTISE === '' ? config.PARLEY_NODES_LISTEN : config.PARLEY_NODES_ADVERTISE;
  const nodeId = config.PARLEY_NODE_ID;
  const shared = new RedisRegistry({ clock, bus, shards, store, nodeId, address, prefix, onProblem });
  const comments = new RedisCommentLog({ shards: commentShards, nodeId, prefix, onProblem });
  return { bus, comments, registry: shared, shared };
}

export function redisOf(config: Config): RedisSettings {
  const tls = given({
    ca: config.PARLEY_REDIS_TLS_CA,
    cert: config.PARLEY_REDIS_TLS_CERT,
    key: config.PARLEY_REDIS_TLS_KEY,
    servername: config.PARLEY_REDIS_TLS_NAME,
  });
  return {
    nodes: addressesOf(config.PARLEY_REDIS, 'PARLEY_REDIS'),
    cluster: config.PARLEY_REDIS_CLUSTER,
    ...given({ username: config.PARLEY_REDIS_USER, password: config.PARLEY_REDIS_PASSWORD }),
    ...(config.PARLEY_REDIS_TLS ? { tls } : {}),
  };
}

/** Of equal problems the first, and then one a minute: a Redis that is away is reported by every link. */
export function onceAMinute(clock: Clock, report: (problem: Error) => void): (problem: Error) => void {
  const saidMs = new Map<string, number>();
  return (problem) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - (saidMs.get(problem.message) ?? -Infinity) < 60_000) return;
    if (saidMs.size > 1_000) saidMs.clear();
    saidMs.set(problem.message, nowMs);
    report(problem);
  };
}
