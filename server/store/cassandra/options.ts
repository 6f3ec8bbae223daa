import type { Clock } from '../../core/clock.ts';

export interface CassandraStoreOptions {
  /** host:port of some nodes; the others are found through them. */
  readonly contactPoints: readonly string[];
  /** The data centre that this node works with. */
  readonly localDataCenter: string;
  /** Made if it does not exist. Default `parley`. */
  readonly keyspace?: string;
  /** Copies of everything, when the keyspace is made here. Default 3, or as many as there are nodes when fewer. */
  readonly replicationFactor?: number;
  /**
   * `local-quorum`, the default: durable and linear in one data centre, which is then the home of all appends.
   * `quorum`: over all data centres, each append at the pace of the farthest that is needed.
   */
  readonly consistency?: 'local-quorum' | 'quorum';
  /** Needed with `local-quorum` when the keyspace spans several data centres: the one that every node appends through. */
  readonly homeDataCenter?: string;
  readonly credentials?: { readonly username: string; readonly password: string };
  /** Set = TLS. `ca`: whom to trust, beside what Node does by itself; `cert` and `key`: to show who we are. All PEM. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly serverName?: string };
  readonly clock: Clock;
  /** Told when Cassandra fails and when it is back. Default: nobody. */
  readonly log?: StoreLog;
  /** How long one try of a request may take. Default 5,000. */
  readonly requestTimeoutMs?: number;
  /** A read that has no answer by then is asked of another node too; a write after four times that. Default 150. */
  readonly speculativeDelayMs?: number;
}

/** What the store tells an operator. A pino logger fits. */
export interface StoreLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The store cannot be opened as it is set up; the message says what to change. */
export class StoreSetupError extends Error {
  override readonly name = 'StoreSetupError';
}
