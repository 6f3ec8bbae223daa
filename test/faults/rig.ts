// A cluster with a line at every hop, so that each can be broken: clients → Envoy → nodes → Redis and Cassandra, and node → node.
// Who announces addresses to others (Redis Cluster, nodes) announces those of the lines.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Child } from '../../platform/child.ts';
import { type Cluster, startCluster } from '../../platform/cluster.ts';
import type { NodeHandle } from '../../platform/node-handle.ts';
import type { RedisServer } from '../../platform/redis.ts';
import { type DevKey, devAlgorithm, devAudience, devIssuer, openDevKey } from '../../server/auth/dev-key.ts';
import { systemClock } from '../../server/core/clock.ts';
import { unlimited } from '../support/unlimited.ts';
import type { Order } from './inside.ts';
import { Gateway } from './gateway.ts';
import { Line } from './line.ts';

export interface RigOptions {
  /** Everything of the run is in it. */
  readonly folder: string;
  /** The nodes' program. Default server/main.ts. */
  readonly main?: string;
  /** Minutes at most: see CassandraSettings. */
  readonly isShortLived: boolean;
  readonly onProgress: (what: string) => void;
  /** A process ended that nobody ended. */
  readonly onCrash: (what: string) => void;
}

/** A node's lines to the servers of Redis, by the port that these announce. */
type ByServer = Map<number, Line>;

/** Each hop's lines; those of nodes by node id. */
export interface Hops {
  readonly clients: Line[];
  readonly gatewayToNode: Map<string, Line>;
  readonly nodeToNode: Map<string, Line>;
  readonly nodeToCassandra: Map<string, Line>;
  readonly nodeToRedis: Map<string, ByServer>;
  /** What replicas dial: the servers announce the ports of these. */
  readonly redisToRedis: ByServer;
  readonly jwks: Line[];
}

const clientLines = 6;

export class Rig implements AsyncDisposable {
  readonly hops: Hops;
  readonly #options: RigOptions;
  readonly #made: AsyncDisposable[] = [];
  #cluster: Cluster | undefined;
  #gateway: Gateway | undefined;
  #key: DevKey | undefined;

  private constructor(options: RigOptions) {
    this.#options = options;
    this.hops = {
      clients: [],
      gatewayToNode: new Map(),
      nodeToNode: new Map(),
      nodeToCassandra: new Map(),
      nodeToRedis: new Map(),
      redisToRedis: new Map(),
      jwks: [],
    };
  }

  static async start(options: RigOptions): Promise<Rig> {
    const rig = new Rig(options);
    try {
      await rig.#start();
    } catch (error) {
      await rig[Symbol.asyncDispose]();
      throw error;
    }
    return rig;
  }

  get cluster(): Cluster {
    if (this.#cluster === undefined) throw new Error('the cluster is not started');
    return this.#cluster;
  }

  get gateway(): Gateway {
    if (this.#gateway === undefined) throw new Error('the gateway is not started');
    return this.#gateway;
  }

  get nodes(): readonly NodeHandle[] {
    return this.cluster.platform.nodes;
  }

  get redis(): readonly RedisServer[] {
    return [...this.cluster.redis.masters, ...this.cluster.redis.replicas];
  }

  get lines(): readonly Line[] {
    const { clients, gatewayToNode, nodeToNode, nodeToCassandra, nodeToRedis, redisToRedis, jwks } = this.hops;
    const ofNodes = [gatewayToNode, nodeToNode, nodeToCassandra].flatMap((lines) => [...lines.values()]);
    const ofRedis = [redisToRedis, ...nodeToRedis.values()].flatMap((lines) => [...lines.values()]);
    return [...clients, ...ofNodes, ...ofRedis, ...jwks];
  }

  token(user: string): Promise<string> {
    if (this.#key === undefined) throw new Error('there is no key yet');
    return this.#key.sign(user);
  }

  gatewayFor(index: number): string {
    return this.hops.clients[index % clientLines]?.address ?? '';
  }

  /** To a node's process (inside.ts). */
  async order(node: NodeHandle, order: Order): Promise<void> {
    await writeFile(this.#ordersOf(node.id), JSON.stringify(order));
    node.signal('SIGUSR2');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const line of this.lines) line.mend();
    for (const one of this.#made.toReversed()) await one[Symbol.asyncDispose]();
    for (const line of this.lines) await line[Symbol.asyncDispose]();
  }

  #ordersOf(nodeId: string): string {
    return path.join(this.#options.folder, `orders-${nodeId}.json`);
  }

  async #start(): Promise<void> {
    const { folder, main, isShortLived, onProgress } = this.#options;
    await mkdir(folder, { recursive: true });
    this.#key = await openDevKey(path.join(folder, 'issuer'), systemClock);
    const jwks = await this.#serveKeys(this.#key.jwksFile);
    const issuer = { issuer: devIssuer, audience: devAudience };
    this.#cluster = await startCluster({
      dataDir: folder,
      isShortLived,
      direct: true,
      auth: { ...issuer, jwks, algorithms: [devAlgorithm] },
      env: { ...unlimited },
      nodeFlags: ['--import', pathToFileURL(path.join(import.meta.dirname, 'inside.ts')).href],
      announceRedis: async (port) => this.#announce(`127.0.0.1:${port}`),
      envOf: (nodeId, env) => this.#envOf(nodeId, env),
      onProgress,
      ...(main === undefined ? {} : { main }),
    });
    this.#made.push(this.#cluster);
    for (const node of this.nodes) {
      await this.#line(this.hops.gatewayToNode, node.id, node.address);
      const watch = (): void => this.#watch(node.child);
      watch();
      node.onReady = async () => watch();
    }
    for (let at = 0; at < clientLines; at += 1) this.hops.clients.push(await Line.start('127.0.0.1:1'));
    this.#gateway = new Gateway({
      folder,
      nodes: [...this.hops.gatewayToNode.values()].map((line) => line.address),
      auth: { ...issuer, jwks: { url: jwks } },
      clients: this.hops.clients,
      started: (child) => this.#watch(child),
    });
    this.#made.push(this.#gateway);
    await this.#gateway.start();
  }

  async #envOf(nodeId: string, env: Readonly<Record<string, string>>): Promise<Record<string, string>> {
    const { nodeToNode, nodeToCassandra, nodeToRedis, redisToRedis } = this.hops;
    const advertised = await this.#line(nodeToNode, nodeId, env['PARLEY_NODES_LISTEN'] ?? '');
    const cassandra = await this.#line(nodeToCassandra, nodeId, env['PARLEY_CASSANDRA_CONTACT_POINTS'] ?? '');
    const own: ByServer = new Map();
    const dialled: Record<string, number> = {};
    for (const [announced, { target }] of redisToRedis) {
      dialled[announced] = (await this.#line(own, announced, target)).port;
    }
    nodeToRedis.set(nodeId, own);
    const announcedBy = (server: string): string =>
      [...redisToRedis.values()].find(({ target }) => target === server)?.address ?? server;
    return {
      PARLEY_NODES_ADVERTISE: advertised.address,
      PARLEY_CASSANDRA_CONTACT_POINTS: cassandra.address,
      PARLEY_REDIS: (env['PARLEY_REDIS'] ?? '').split(',').map(announcedBy).join(','),
      FAULTS_PORTS: JSON.stringify(dialled),
      FAULTS_ORDERS: this.#ordersOf(nodeId),
    };
  }

  async #announce(server: string): Promise<number> {
    const line = await Line.start(server);
    this.hops.redisToRedis.set(line.port, line);
    return line.port;
  }

  async #line<Name>(lines: Map<Name, Line>, name: Name, target: string): Promise<Line> {
    const line = await Line.start(target);
    lines.set(name, line);
    return line;
  }

  /** The issuer's keys over HTTP, through a line too. */
  async #serveKeys(file: string): Promise<string> {
    const text = await readFile(file, 'utf8');
    const server: Server = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json').end(text);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#made.push({
      [Symbol.asyncDispose]: async () => {
        server.closeAllConnections();
        server.close();
      },
    });
    const line = await Line.start(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    this.hops.jwks.push(line);
    return `http://${line.address}/jwks.json`;
  }

  #watch(child: Child): void {
    void child.ended.then(({ isUnexpected, code, signal }) => {
      if (!isUnexpected) return;
      this.#options.onCrash([`${child.name} ended with ${signal ?? `code ${code}`}`, ...child.tail()].join('\n  '));
    });
  }
}
