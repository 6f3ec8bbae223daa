import type { Client } from 'cassandra-driver';
import { Cluster } from './cluster.ts';
import { makeClient } from './driver.ts';
import { failureOf } from './failures.ts';
import type { CassandraStoreOptions, StoreLog } from './options.ts';

const silent: StoreLog = { info: () => {}, warn: () => {}, error: () => {} };

/** The options with what holds where they say nothing. */
export type Opening = CassandraStoreOptions & Required<Pick<CassandraStoreOptions, 'keyspace' | 'consistency' | 'log'>>;

export function openingOf(options: CassandraStoreOptions): Opening {
  const { keyspace = 'parley', consistency = 'local-quorum', log = silent } = options;
  return { ...options, keyspace, consistency, log };
}

/** With a connection of its own, which is in no keyspace yet and is closed after. `failure`: what is thrown for what went wrong. */
export async function onBareClient(
  opening: Opening,
  use: (client: Client) => Promise<void>,
  failure: (error: unknown) => unknown = failureOf,
): Promise<void> {
  const client = makeClient(opening);
  try {
    await client.connect();
    await use(client);
  } catch (error) {
    throw failure(error);
  } finally {
    await client.shutdown();
  }
}

/** Connects in the keyspace, and gives what `make` makes of it; when that fails, nothing stays open. */
export async function inKeyspace<T>(opening: Opening, make: (cluster: Cluster) => Promise<T>): Promise<T> {
  const { keyspace, consistency, clock, log } = opening;
  const client = makeClient(opening, keyspace);
  const cluster = new Cluster({ client, consistency, clock, log });
  try {
    await client.connect();
    return await make(cluster);
  } catch (error) {
    await cluster.close();
    throw failureOf(error);
  }
}
