// What the nodes of a cluster have in common, as settings of each of them.
import path from 'node:path';
import { nodeCertificate } from './node-certs.ts';
import { freePort } from './ports.ts';

export interface Backends {
  readonly cassandra: {
    /** host:port */
    readonly contactPoints: readonly string[];
    readonly dataCenter: string;
    /** Default `parley`. */
    readonly keyspace?: string;
  };
  readonly redis: {
    /** host:port; several: nodes of a Redis Cluster. */
    readonly nodes: readonly string[];
    readonly cluster: boolean;
  };
}

/** The environment of one node. Makes its certificate in a folder of `dataDir` if there is none. */
export async function backendEnv(backends: Backends, dataDir: string, nodeId: string): Promise<Record<string, string>> {
  const { cassandra, redis } = backends;
  const { ca, cert, key } = await nodeCertificate(path.join(dataDir, 'node-certs'), nodeId);
  return {
    PARLEY_STORE: 'cassandra',
    PARLEY_CASSANDRA_CONTACT_POINTS: cassandra.contactPoints.join(','),
    PARLEY_CASSANDRA_DATA_CENTER: cassandra.dataCenter,
    PARLEY_CASSANDRA_KEYSPACE: cassandra.keyspace ?? 'parley',
    PARLEY_REDIS: redis.nodes.join(','),
    PARLEY_REDIS_CLUSTER: redis.cluster ? '1' : '0',
    PARLEY_NODES_LISTEN: `127.0.0.1:${await freePort()}`,
    PARLEY_NODES_TLS_CA: ca,
    PARLEY_NODES_TLS_CERT: cert,
    PARLEY_NODES_TLS_KEY: key,
  };
}
