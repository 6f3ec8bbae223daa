// A store that notes what it reads: every query that goes out, with how many rows came back.
import type { Client, types } from 'cassandra-driver';
import { Cluster } from '../../server/store/cassandra/cluster.ts';
import type { CassandraStoreOptions } from '../../server/store/cassandra/options.ts';
import type { Store } from '../../server/store/store.ts';
import { openStoreOver } from './cassandra-over.ts';

export interface CountedRead {
  readonly query: string;
  readonly rows: number;
}

export interface CountedStore extends AsyncDisposable {
  readonly store: Store;
  /** What is read while `work` goes on. Each is of one partition, as all of the store's queries are. */
  during(work: () => Promise<unknown>): Promise<readonly CountedRead[]>;
}

/** A node that has seen nothing yet, on a keyspace that exists. */
export async function openCountedStore(options: CassandraStoreOptions): Promise<CountedStore> {
  let reads: CountedRead[] = [];
  const { store } = await openStoreOver((given) => {
    const { client } = given;
    const execute = client.execute.bind(client) as (query: string, ...more: unknown[]) => Promise<types.ResultSet>;
    const counted = async (query: string, ...more: unknown[]): Promise<types.ResultSet> => {
      const result = await execute(query, ...more);
      reads.push({ query, rows: result.rowLength });
      return result;
    };
    client.execute = counted as Client['execute'];
    return new Cluster(given);
  }, options);
  return {
    store,
    async during(work) {
      const during: CountedRead[] = [];
      reads = during;
      await work();
      reads = [];
      return during;
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
