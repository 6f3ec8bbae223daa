// A store whose cluster a test has its hands on.
import { randomBytes } from 'node:crypto';
import { systemClock } from '../../server/core/clock.ts';
import { CassandraStore } from '../../server/store/cassandra/cassandra-store.ts';
import type { Cluster, ClusterOptions } from '../../server/store/cassandra/cluster.ts';
import { valueOf } from '../../server/store/cassandra/deployment.ts';
import { makeClient } from '../../server/store/cassandra/driver.ts';
import type { CassandraStoreOptions } from '../../server/store/cassandra/options.ts';
import type { Store } from '../../server/store/store.ts';

/** A node that has seen nothing yet, on a keyspace that exists. `mostSearched`: as in the store's parts. */
export async function openStoreOver<Kind extends Cluster>(
  make: (options: ClusterOptions) => Kind,
  options: CassandraStoreOptions,
  mostSearched?: bigint,
): Promise<{ readonly cluster: Kind; readonly store: Store }> {
  const client = makeClient(options, options.keyspace);
  await client.connect();
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const cluster = make({ client, consistency: 'local-quorum', clock: systemClock, log });
  const epoch = Buffer.from(await valueOf(cluster, 'epoch', () => Buffer.alloc(8))).readBigUInt64BE();
  const parts = { cluster, clock: systemClock, log, epoch, opening: randomBytes(8) };
  return { cluster, store: new CassandraStore(mostSearched === undefined ? parts : { ...parts, mostSearched }) };
}
