import type { Client } from 'cassandra-driver';
import { type CassandraStoreOptions, StoreSetupError } from './options.ts';

const defaultCopies = 3;

/** Makes the keyspace if it does not exist, and refuses one in which appends could not be linear. @throws StoreSetupError */
export async function openKeyspace(client: Client, keyspace: string, options: CassandraStoreOptions): Promise<void> {
  if (!/^[a-z][a-z0-9_]{0,47}$/.test(keyspace)) {
    throw new StoreSetupError(`keyspace ${keyspace}: must be a letter and up to 47 of [a-z0-9_]`);
  }
  const replication = await replicationOf(client, keyspace);
  if (replication === undefined) {
    const copies = options.replicationFactor ?? Math.min(defaultCopies, nodesOf(client, options.localDataCenter));
    const spec = `{'class': 'NetworkTopologyStrategy', '${options.localDataCenter}': ${copies}}`;
    await client.execute(`CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication = ${spec}`);
    return;
  }
  if ((options.consistency ?? 'local-quorum') === 'quorum') return;
  const centres = dataCentresOf(client, replication);
  if (centres.length <= 1) return;
  const { homeDataCenter: home, localDataCenter: local } = options;
  if (home === undefined) {
    throw new StoreSetupError(
      `keyspace ${keyspace} spans the data centres ${centres.join(', ')}: name the one that all nodes append through ` +
        '(home data centre), or use the consistency quorum',
    );
  }
  if (home !== local) {
    throw new StoreSetupError(
      `the home data centre is ${home}, but this node works with ${local}: two would give one sequence twice`,
    );
  }
}

/** None when there is no such keyspace. */
export async function tablesOf(client: Client, keyspace: string): Promise<string[]> {
  const query = 'SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?';
  const { rows } = await client.execute(query, [keyspace], { prepare: true });
  return rows.map((row) => row['table_name'] as string);
}

async function replicationOf(client: Client, keyspace: string): Promise<Readonly<Record<string, string>> | undefined> {
  const query = 'SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?';
  const { rows } = await client.execute(query, [keyspace], { prepare: true });
  return rows[0]?.['replication'] as Record<string, string> | undefined;
}

function dataCentresOf(client: Client, replication: Readonly<Record<string, string>>): string[] {
  if (replication['class']?.endsWith('NetworkTopologyStrategy') === true) {
    return Object.keys(replication).filter((key) => key !== 'class' && replication[key] !== '0');
  }
  return [...new Set(client.hosts.values().map((host) => host.datacenter))];
}

function nodesOf(client: Client, dataCentre: string): number {
  return client.hosts.values().filter((host) => host.datacenter === dataCentre).length;
}
