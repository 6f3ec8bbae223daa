// Stores on the Cassandra of the test run, each test file in a keyspace of its own.
import { randomUUID } from 'node:crypto';
import { Client } from 'cassandra-driver';
import { inject } from 'vitest';
import { systemClock } from '../../server/core/clock.ts';
import type { Backends } from '../../platform/backends.ts';
import type { CassandraStoreOptions } from '../../server/store/cassandra/options.ts';
import { openCassandraStore } from '../../server/store/cassandra/store.ts';
import type { Store } from '../../server/store/store.ts';

export interface TestKeyspace extends AsyncDisposable {
  readonly options: CassandraStoreOptions;
  /** Each is a node of its own, as it were. */
  open(more?: Partial<CassandraStoreOptions>): Promise<Store>;
  /** Asks Cassandra itself; up to 50,000 rows. */
  query(cql: string, params?: readonly unknown[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** Where a cluster may keep what it has, in a keyspace that no other test uses. */
export function newStanding(): Required<Backends['cassandra']> {
  const { contactPoints, dataCenter } = inject('cassandra');
  return { contactPoints, dataCenter, keyspace: `parley_${randomUUID().replaceAll('-', '').slice(0, 16)}` };
}

/** A keyspace that no other test uses. It is made when the first store is opened. */
export function newKeyspace(more: Partial<CassandraStoreOptions> = {}): TestKeyspace {
  const { isOurs } = inject('cassandra');
  const { contactPoints, dataCenter, keyspace } = newStanding();
  const options = { contactPoints, localDataCenter: dataCenter, keyspace, clock: systemClock, ...more };
  let client: Client | undefined;
  const query: TestKeyspace['query'] = async (cql, params = []) => {
    client ??= new Client({
      contactPoints: [...contactPoints],
      localDataCenter: dataCenter,
      keyspace,
      encoding: { useBigIntAsLong: true },
    });
    return (await client.execute(cql, [...params], { prepare: true, fetchSize: 50_000 })).rows ?? [];
  };
  return {
    options,
    open: (others = {}) => openCassandraStore({ ...options, ...others }),
    query,
    async [Symbol.asyncDispose]() {
      // Our own Cassandra goes as a whole.
      if (!isOurs) await query(`DROP KEYSPACE IF EXISTS ${keyspace}`);
      await client?.shutdown();
    },
  };
}
