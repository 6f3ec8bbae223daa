// What the suite runs on: two nodes with Cassandra, a Redis behind a line that can be cut, and Envoy, plain and with TLS.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Backends } from '../../platform/backends.ts';
import { type Cluster, startCluster } from '../../platform/cluster.ts';
import { gatewayLimits, type RunningEnvoy, startEnvoy } from '../../platform/envoy.ts';
import { authSettings } from '../../platform/keys.ts';
import type { NodeHandle } from '../../platform/node-handle.ts';
import { freePort } from '../../platform/ports.ts';
import { type DevKey, openDevKey } from '../../server/auth/dev-key.ts';
import { systemClock } from '../../server/core/clock.ts';
import { Gateway } from '../faults/gateway.ts';
import { Line } from '../faults/line.ts';
import { writeCertificate } from '../gateway/support/certificate.ts';
import { unlimited } from '../support/unlimited.ts';
import type { Place } from './driver.ts';

const webOrigins = ['http://localhost:*'];

export class World implements AsyncDisposable {
  readonly #folder: string;
  readonly #made: AsyncDisposable[] = [];
  /** Clients → Envoy. */
  #clients!: Line;
  /** Each node → Redis. */
  readonly #redis: Line[] = [];
  #cluster!: Cluster;
  #gateway!: Gateway;
  #secure!: RunningEnvoy;
  #certificate = '';
  #key!: DevKey;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Leaves nothing when it throws. */
  static async start(standing?: Backends['cassandra']): Promise<World> {
    const world = new World(await mkdtemp(path.join(tmpdir(), 'parley-conformance-')));
    try {
      await world.#start(standing);
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
    return world;
  }

  /** Plain text: HTTP/2 for native clients, HTTP/1.1 for pages. */
  get plain(): Place {
    return { address: this.#clients.address, certificate: undefined };
  }

  /** TLS with ALPN h2. */
  get secure(): Place {
    const { port } = new URL(`https://${this.#secure.gateway}`);
    return { address: `localhost:${port}`, certificate: this.#certificate };
  }

  get gateway(): Gateway {
    return this.#gateway;
  }

  get nodes(): readonly NodeHandle[] {
    return this.#cluster.platform.nodes;
  }

  get #secureLog(): string {
    return path.join(this.#folder, 'secure-access.log');
  }

  /** The node of a session. */
  nodeOf(sessionId: string): NodeHandle {
    const node = this.nodes.find(({ id }) => sessionId.startsWith(`${id}.`));
    if (node === undefined) throw new Error(`no node has the session ${sessionId}`);
    return node;
  }

  token(user: string, ttlS?: number): Promise<string> {
    return this.#key.sign(user, ttlS === undefined ? {} : { ttlS });
  }

  /** The versions of HTTP in which the gateway was asked by a user, each once, in its own words; none = nothing is logged yet. */
  async protocols(user: string): Promise<string[]> {
    const logs = [this.#gateway.accessLog, { file: this.#secureLog, admin: this.#secure.admin }];
    const found = new Set<string>();
    for (const { file, admin } of logs) {
      // Envoy writes what it has logged when it opens its files anew, else every ten seconds.
      await fetch(`http://${admin}/reopen_logs`, { method: 'POST' });
      const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line.endsWith('}'));
      const records = lines.map((line) => JSON.parse(line) as { user: string | null; protocol: string });
      for (const record of records) if (record.user === user) found.add(record.protocol);
    }
    return [...found];
  }

  /** Resets every connection of clients. */
  dropClients(): void {
    this.#clients.reset();
  }

  cutRedis(): void {
    for (const line of this.#redis) line.cut();
  }

  mendRedis(): void {
    for (const line of this.#redis) line.mend();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.mendRedis();
    for (const one of this.#made.toReversed()) await one[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #start(standing?: Backends['cassandra']): Promise<void> {
    this.#cluster = await startCluster({
      ...(standing === undefined ? {} : { standing }),
      dataDir: this.#folder,
      nodes: 2,
      direct: true,
      redis: 'one',
      env: { ...unlimited, PARLEY_DRAIN_S: '4', PARLEY_DRAIN_NOTICE_S: '1' },
      envOf: async (_, env) => {
        const line = await Line.start(env['PARLEY_REDIS'] ?? '');
        this.#redis.push(line);
        return { PARLEY_REDIS: line.address };
      },
    });
    this.#made.push(...this.#redis, this.#cluster);
    this.#key = await openDevKey(path.join(this.#folder, 'auth'), systemClock);
    const auth = await authSettings(this.#key).gateway();
    const nodes = this.nodes.map(({ address }) => address);
    this.#clients = await Line.start('127.0.0.1:1');
    this.#gateway = new Gateway({
      folder: this.#folder,
      nodes,
      auth,
      clients: [this.#clients],
      webOrigins,
      started: () => undefined,
    });
    this.#made.push(this.#clients, this.#gateway);
    await this.#gateway.start();
    await this.#startSecure(nodes, auth);
  }

  async #startSecure(
    nodes: readonly string[],
    auth: Awaited<ReturnType<ReturnType<typeof authSettings>['gateway']>>,
  ): Promise<void> {
    const folder = path.join(this.#folder, 'secure');
    const pair = writeCertificate(this.#folder, 'gateway', 'localhost');
    this.#certificate = pair.cert;
    this.#secure = await startEnvoy(folder, path.join(this.#folder, 'secure.log'), {
      address: '127.0.0.1',
      port: await freePort(),
      adminPort: await freePort(),
      nodes,
      auth,
      tls: { ...pair, watchedFolder: this.#folder },
      webOrigins,
      accessLog: this.#secureLog,
      ...(await gatewayLimits()),
    });
    const { child } = this.#secure;
    this.#made.push({ [Symbol.asyncDispose]: async () => void (await child.end('SIGTERM', 5000)) });
  }
}
