// Starts Cassandra on this machine: one node, or a ring of three. Used by the tests and by `npm run cluster`.
// CASSANDRA_CONTACT_POINTS names one that is there already; whoever asks for it here has looked there first.
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CassandraNode } from './cassandra/node.ts';
import type { CassandraSettings } from './cassandra/settings.ts';
import { freePort, isFree } from './ports.ts';

export interface CassandraOptions {
  /** Kept; default: a temporary folder that stop() removes. */
  readonly folder?: string;
  /** Default 1. Three are started one after the other: 40 s, and about 1 GiB each. */
  readonly nodes?: 1 | 3;
  /** Of each node. Default 512. */
  readonly heapMb?: number;
  /** Default `group`: what was acknowledged outlives kill -9. */
  readonly commitLog?: CassandraSettings['commitLog'];
  /** Default false: see there. */
  readonly isShortLived?: CassandraSettings['isShortLived'];
  /** User and password are asked for: cassandra, cassandra. Default false. */
  readonly password?: boolean;
  readonly tls?: CassandraSettings['tls'];
}

export interface Cassandra extends AsyncDisposable {
  /** host:port of each node. */
  readonly contactPoints: readonly string[];
  /** Of every node. */
  readonly dataCenter: string;
  readonly nodes: readonly CassandraNode[];
  stop(): Promise<void>;
}

/** The driver takes this port for every node that it is told of: only a node without others may have another. */
const ringPort = 9042;

/** Resolves when every node takes CQL. Leaves no process when it throws. */
export async function startCassandra(options: CassandraOptions = {}): Promise<Cassandra> {
  const count = options.nodes ?? 1;
  const folder = options.folder ?? (await mkdtemp(path.join(tmpdir(), 'parley-cassandra-')));
  const storagePort = await freePort();
  const addresses = count === 1 ? ['127.0.0.1'] : await freeAddresses(count, storagePort);
  const nodes: CassandraNode[] = [];
  for (const [at, address] of addresses.entries()) {
    nodes.push(
      new CassandraNode({
        folder: path.join(path.resolve(folder), `node-${at + 1}`),
        clusterName: 'parley',
        address,
        port: count === 1 ? await freePort(address) : ringPort,
        storagePort,
        jmxPort: await freePort(),
        seeds: addresses.slice(0, 1),
        isRing: count > 1,
        heapMb: options.heapMb ?? 512,
        commitLog: options.commitLog ?? 'group',
        isShortLived: options.isShortLived ?? false,
        password: options.password ?? false,
        ...(options.tls === undefined ? {} : { tls: options.tls }),
      }),
    );
  }
  const isKept = options.folder !== undefined;
  const stop = async (): Promise<void> => {
    // What is thrown away need not be written first, which takes 5 s.
    await Promise.all(nodes.map((node) => (isKept ? node.stop() : node.kill())));
    if (!isKept) await rm(folder, { recursive: true, force: true });
  };
  try {
    for (const node of nodes) await node.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    contactPoints: nodes.map((node) => node.address),
    dataCenter: 'datacenter1',
    nodes,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** 127.0.x.1, 127.0.x.2 … on which nobody has the two ports. */
async function freeAddresses(count: number, storagePort: number): Promise<string[]> {
  for (let tries = 0; tries < 100; tries++) {
    const network = randomInt(1, 255);
    const addresses = Array.from({ length: count }, (_, at) => `127.0.${network}.${at + 1}`);
    const free = await Promise.all(
      addresses.flatMap((address) => [isFree(ringPort, address), isFree(storagePort, address)]),
    );
    if (free.every(Boolean)) return addresses;
  }
  throw new Error(`no loopback addresses found on which the ports ${ringPort} and ${storagePort} are free`);
}
