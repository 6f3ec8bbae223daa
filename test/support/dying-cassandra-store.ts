// A node that dies after so many writes: what it has sent by then stands, and nothing comes after.
import { Cluster, type Params, type Statement, type Verdict } from '../../server/store/cassandra/cluster.ts';
import type { CassandraStoreOptions } from '../../server/store/cassandra/options.ts';
import type { Store } from '../../server/store/store.ts';
import { openStoreOver } from './cassandra-over.ts';

class Death extends Error {
  override readonly name = 'Death';
}

class DyingCluster extends Cluster {
  /** Writes that are still made; the next one is not. */
  left = Infinity;
  leavesMarks = false;

  #live(): void {
    if (this.left-- <= 0) throw new Death('the node died before this write');
  }

  override async write(query: string, params: Params): Promise<void> {
    this.#live();
    return super.write(query, params);
  }

  override async writeTogether(statements: readonly Statement[]): Promise<void> {
    const marks = this.left === 0 && this.leavesMarks ? statements.filter(({ query }) => isMark(query)) : [];
    for (const { query, params } of marks) await super.write(query, params);
    this.#live();
    return super.writeTogether(statements);
  }

  override async conditional(statements: readonly Statement[]): Promise<Verdict> {
    this.#live();
    return super.conditional(statements);
  }
}

function isMark(query: string): boolean {
  return query.includes('effects_done');
}

export interface DyingStore extends AsyncDisposable {
  readonly store: Store;
  /**
   * From now on. `leavesMarks`: of the batch that it dies in, the marks are seen: as when one replica took it, and somebody's
   * read has carried over to a second what it asked for, which is no more than the marks.
   */
  dieAfter(writes: number, more?: { readonly leavesMarks: boolean }): void;
  readonly isDead: boolean;
}

/** On a keyspace that exists. */
export async function openDyingStore(options: CassandraStoreOptions, mostSearched?: bigint): Promise<DyingStore> {
  const { cluster, store } = await openStoreOver((given) => new DyingCluster(given), options, mostSearched);
  return {
    store,
    dieAfter(writes, more) {
      cluster.left = writes;
      cluster.leavesMarks = more?.leavesMarks ?? false;
    },
    get isDead() {
      return cluster.left < 0;
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
