// A node whose replicas are behind: they have the head of the last commit, and not yet its entries, until somebody reads
// SERIAL. With one replica that does not come about by itself.
import { Cluster, type Params, type Row } from '../../server/store/cassandra/cluster.ts';
import type { CassandraStoreOptions } from '../../server/store/cassandra/options.ts';
import type { Store } from '../../server/store/store.ts';
import { openStoreOver } from './cassandra-over.ts';

class BehindCluster extends Cluster {
  /** Entries above this sequence are not seen. */
  upTo = 1n << 62n;
  isForGood = false;

  override async read(query: string, params: Params, signal?: AbortSignal, limit?: number): Promise<readonly Row[]> {
    const rows = await super.read(query, params, signal, limit);
    return query.includes('kind = 0') ? rows.filter((row) => (row['sequence'] as bigint) <= this.upTo) : rows;
  }

  override async readSerial(query: string, params: Params): Promise<readonly Row[]> {
    const rows = await super.readSerial(query, params);
    if (!this.isForGood) this.upTo = 1n << 62n;
    return rows;
  }
}

export interface BehindStore extends AsyncDisposable {
  readonly store: Store;
  /** `isForGood`: a SERIAL read does not help. */
  fallBehind(upTo: bigint, more?: { readonly isForGood: boolean }): void;
}

/** On a keyspace that exists. */
export async function openBehindStore(options: CassandraStoreOptions): Promise<BehindStore> {
  const { cluster, store } = await openStoreOver((given) => new BehindCluster(given), options);
  return {
    store,
    fallBehind(upTo, more) {
      cluster.upTo = upTo;
      cluster.isForGood = more?.isForGood ?? false;
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
