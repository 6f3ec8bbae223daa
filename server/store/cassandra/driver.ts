import { Client, policies, types } from 'cassandra-driver';
import type { CassandraStoreOptions } from './options.ts';

/** Requests on their way to one node over one connection; above that they wait here. */
const maxRequestsPerConnection = 2_048;
const connectTimeoutMs = 5_000;
/** Reconnects: from 0.5 s to 10 s apart. */
const reconnectMs = [500, 10_000] as const;

/**
 * The driver, set up: token-aware in the local data centre; reads are asked of a second replica when the first is slow;
 * what is not idempotent is never sent twice by itself.
 */
export function makeClient(options: CassandraStoreOptions, keyspace?: string): Client {
  const { credentials, tls } = options;
  return new Client({
    contactPoints: [...options.contactPoints],
    ...(keyspace === undefined ? {} : { keyspace }),
    ...(credentials === undefined ? {} : { credentials: { ...credentials } }),
    ...(tls === undefined ? {} : { sslOptions: sslOptionsOf(tls) }),
    encoding: { useBigIntAsLong: true, useUndefinedAsUnset: true },
    policies: {
      // Named here alone: the driver's own option leaks a connection when there is no such data centre.
      loadBalancing: new policies.loadBalancing.TokenAwarePolicy(
        new policies.loadBalancing.DCAwareRoundRobinPolicy(options.localDataCenter),
      ),
      reconnection: new policies.reconnection.ExponentialReconnectionPolicy(...reconnectMs, false),
      retry: new RetryIdempotent(),
      speculativeExecution: new SpeculateReads(options.speculativeDelayMs ?? 150, 1),
    },
    pooling: {
      coreConnectionsPerHost: { [types.distance.local]: 1, [types.distance.remote]: 1 },
      maxRequestsPerConnection,
      heartBeatInterval: 10_000,
    },
    socketOptions: {
      connectTimeout: connectTimeoutMs,
      readTimeout: options.requestTimeoutMs ?? 5_000,
      // One connection carries everything: two answers that are late say nothing about it yet.
      defunctReadTimeoutThreshold: 64,
    },
    prepareOnAllHosts: true,
    isMetadataSyncEnabled: true,
  });
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

class SpeculateReads extends policies.speculativeExecution.ConstantSpeculativeExecutionPolicy {
  override newPlan(keyspace: string, query: string | object[]): { nextExecution: () => number } {
    if (typeof query !== 'string' || !query.startsWith('SELECT')) return { nextExecution: () => -1 };
    return super.newPlan(keyspace, query) as { nextExecution: () => number };
  }
}
