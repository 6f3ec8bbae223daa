import { pause, type Clock } from '../core/clock.ts';
import { Refusal } from '../core/errors.ts';
import { ConfigError, type Config } from '../config.ts';
import { type CassandraStoreOptions, type StoreLog, StoreSetupError } from '../store/cassandra/options.ts';
import { openEmbeddedStore } from '../store/embedded/store.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';

const againMs = 2_000;

/**
 * Opens the store that the settings choose. Waits for a Cassandra that does not answer yet, as long as it takes, and says so to
 * `onWaiting`. @throws ConfigError for what waiting does not help against
 */
export async function openStore(
  config: Config,
  clock: Clock,
  log: Log,
  onWaiting: (why: string) => void,
): Promise<Store> {
  if (config.PARLEY_STORE === 'embedded') return openEmbeddedStore({ folder: config.PARLEY_DATA, clock, log });
  const options = cassandraOf(config, clock, log);
  // Loaded when it is needed: a lone node starts sooner without.
  const { openCassandraStore } = await import('../store/cassandra/store.ts');
  for (;;) {
    try {
      return await openCassandraStore(options);
    } catch (error) {
      if (error instanceof StoreSetupError) throw new ConfigError(error.message, { cause: error });
      if (!(error instanceof Refusal)) throw error;
      const why = `waiting for Cassandra at ${config.PARLEY_CASSANDRA_CONTACT_POINTS}: ${causeOf(error)}`;
      onWaiting(why);
      log.warn({ err: error }, why);
      await pause(clock, againMs);
    }
  }
}

/** Without `log` nobody is told of Cassandra's state. */
export function cassandraOf(config: Config, clock: Clock, log?: StoreLog): CassandraStoreOptions {
  const {
    PARLEY_CASSANDRA_REPLICATION: replicationFactor,
    PARLEY_CASSANDRA_HOME_DATA_CENTER: homeDataCenter,
    PARLEY_CASSANDRA_USER: username,
    PARLEY_CASSANDRA_PASSWORD: password,
  } = config;
  const tls = given({
    ca: config.PARLEY_CASSANDRA_TLS_CA,
    cert: config.PARLEY_CASSANDRA_TLS_CERT,
    key: config.PARLEY_CASSANDRA_TLS_KEY,
    serverName: config.PARLEY_CASSANDRA_TLS_NAME,
  });
  return {
    contactPoints: config.PARLEY_CASSANDRA_CONTACT_POINTS.split(',').map((one) => one.trim()),
    localDataCenter: config.PARLEY_CASSANDRA_DATA_CENTER,
    keyspace: config.PARLEY_CASSANDRA_KEYSPACE,
    consistency: config.PARLEY_CASSANDRA_CONSISTENCY,
    ...(replicationFactor === 0 ? {} : { replicationFactor }),
    ...given({ homeDataCenter }),
    ...(username === '' ? {} : { credentials: { username, password } }),
    ...(config.PARLEY_CASSANDRA_TLS ? { tls } : {}),
    clock,
    ...(log === undefined ? {} : { log }),
  };
}

/** Without what is empty. */
export function given<Name extends string>(texts: Readonly<Record<Name, string>>): { readonly [N in Name]?: string } {
  const entries = Object.entries<string>(texts).filter(([, text]) => text !== '');
  return Object.fromEntries(entries) as { readonly [N in Name]?: string };
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}
