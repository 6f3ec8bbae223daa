import { Client, policies, types } from 'cassandra-driver';
import { renewOnceAtATime } from './control-connection.ts';
import type { CassandraStoreOptions } from './options.ts';

/** Requests on their way to one node over one connection; above that they wait here. */
const maxRequestsPerConnection = 2_048;
const connectTimeoutMs = 5_000;
/** Reconnects: from 0.5 s to 4 s apart. */
const reconnectMs = [500, 4_000] as const;

/**
 * The driver, set up: token-aware in the local data centre; what is idempotent is asked of a second node when the first is
 * slow, and what is not is never sent twice by itself.
 */
export function makeClient(options: CassandraStoreOptions, keyspace?: string): Client {
  const { credentials, tls } = options;
  const client = new Client({
    contactPoints: [...options.contactPoints],
    ...(keyspace === undefined ? {} : { keyspace }),
    ...(credentials === undefined ? {} : { credentials: { ...credentials } }),
    ...(tls === undefined ? {} : { sslOptions: sslOptionsOf(tls) }),
    encoding: { useBigIntAsLong: true, useUndefinedAsUnset: true },
    policies: {
      // Named here alone: the driver's own option leaks a connection when there is no such data centre.
      // It sends less to a node that answers slowly.
      loadBalancing: new policies.loadBalancing.DefaultLoadBalancingPolicy({ localDc: options.localDataCenter }),
      reconnection: new policies.reconnection.ExponentialReconnectionPolicy(...reconnectMs, false),
      retry: new RetryIdempotent(),
      speculativeExecution: new AskAnother(options.speculativeDelayMs ?? 150),
    },
    pooling: {
      coreConnectionsPerHost: { [types.distance.local]: 1, [types.distance.remote]: 1 },
      maxRequestsPerConnection,
      heartBeatInterval: 10_000,
    },
    socketOptions: {
      connectTimeout: connectTimeoutMs,
      readTimeout: options.requestTimeoutMs ?? 5_000,
      // A node that is paused keeps its connections: after so many requests without an answer they are given up.
      defunctReadTimeoutThreshold: 8,
    },
    prepareOnAllHosts: true,
    isMetadataSyncEnabled: true,
  });
  renewOnceAtATime(client, options.clock);
  return client;
}

function sslOptionsOf(tls: NonNullable<CassandraStoreOptions['tls']>): object {
  const { serverName, ...pem } = tls;
  return { ...pem, rejectUnauthorized: true, ...(serverName === undefined ? {} : { servername: serverName }) };
}

/** What was not applied, or may be applied twice, is tried once more on another node; everything else is for the caller. */
class RetryIdempotent extends policies.retry.RetryPolicy {
  #decide(info: policies.retry.OperationInfo): policies.retry.DecisionInfo {
    if (!info.executionOptions.isIdempotent() || info.nbRetry > 0) return this.rethrowResult();
    return this.retryResult(undefined as never, false);
  }

  override onReadTimeout(info: policies.retry.OperationInfo): policies.retry.DecisionInfo {
    return this.#decide(info);
  }

  override onWriteTimeout(info: policies.retry.OperationInfo): policies.retry.DecisionInfo {
    return this.#decide(info);
  }

  override onUnavailable(info: policies.retry.OperationInfo): policies.retry.DecisionInfo {
    return this.#decide(info);
  }

  override onRequestError(info: policies.retry.OperationInfo): policies.retry.DecisionInfo {
    return this.#decide(info);
  }
}

/** What may be done twice is asked of a second node when the first is slow: reads soon, writes when it is much slower. */
class AskAnother extends policies.speculativeExecution.ConstantSpeculativeExecutionPolicy {
  readonly #delayMs: number;

  constructor(delayMs: number) {
    super(delayMs, 1);
    this.#delayMs = delayMs;
  }

  override newPlan(_keyspace: string, query: string | object[]): { nextExecution: () => number } {
    const delayMs = typeof query === 'string' && query.startsWith('SELECT') ? this.#delayMs : this.#delayMs * 4;
    const delays = [delayMs];
    return { nextExecution: () => delays.pop() ?? -1 };
  }
}
