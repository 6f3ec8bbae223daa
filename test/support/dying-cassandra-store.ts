// A node that dies after so many writes: what it has sent by then stands, and nothing comes after.
import { randomBytes } from 'node:crypto';
import { systemClock } from '../../server/core/clock.ts';
import { CassandraStore } from '../../server/store/cassandra/cassandra-store.ts';
import { Cluster, type Params, type Statement, type Verdict } from '../../server/store/cassandra/cluster.ts';
import { valueOf } from '../../server/store/cassandra/deployment.ts';
import { makeClient } from '../../server/store/cassandra/driver.ts';
import type { CassandraStoreOptions } from '../../server/store/cassandra/options.ts';
import type { Store } from '../../server/store/store.ts';

class Death extends Error {
  override readonly name = 'Death';
}

class DyingCluster extends Cluster {
  /** Writes that are still made; the next one is not. */
  left = Infinity;

  #live(): void {
    if (this.left-- <= 0) throw new Death('the node died before this write');
  }

  override async write(query: string, params: Params): Promise<void> {
    this.#live();
    return super.write(query, params);
  }

  override async writeTogether(statements: readonly Statement[]): Promise<void> {
    this.#live();
    return super.writeTogether(statements);
  }

  override async conditional(statements: readonly Statement[]): Promise<Verdict> {
    this.#live();
    return super.conditional(statements);
  }
}

export interface DyingStore extends AsyncDisposable {
  readonly store: Store;
  /** From now on. */
  dieAfter(writes: number): void;
  readonly isDead: boolean;
}

/** On a keyspace that exists. */
export async function openDyingStore(options: CassandraStoreOptions, mostSearched?: bigint): Promise<DyingStore> {
  const client = makeClient(options, options.keyspace);
  await client.connect();
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const cluster = new DyingCluster({ client, consistency: 'local-quorum', clock: systemClock, log });
  const epoch = Buffer.from(await valueOf(cluster, 'epoch', () => Buffer.alloc(8))).readBigUInt64BE();
  const parts = { cluster, clock: systemClock, log, epoch, opening: randomBytes(8) };
  const store = new CassandraStore(mostSearched === undefined ? parts : { ...parts, mostSearched });
  return {
    store,
    dieAfter(writes) {
      cluster.left = writes;
    },
    get isDead() {
      return cluster.left < 0;
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
