// The gateway of a fault run: Envoy behind the lines that clients dial, which stand for what is in front of a real one. It can
// be killed and started again, and replaced by a second one as in a planned roll-out.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type GatewaySettings, writeGateway } from '../../gateway/render.ts';
import { type Child, startChild } from '../../platform/child.ts';
import { gatewayLimits } from '../../platform/envoy.ts';
import { locateEnvoy } from '../../platform/install/envoy.mjs';
import { freePort } from '../../platform/ports.ts';
import { until } from '../../platform/wait.ts';
import type { Line } from './line.ts';

export interface GatewayOptions {
  readonly folder: string;
  /** What Envoy dials for each node. */
  readonly nodes: readonly string[];
  readonly auth: GatewaySettings['auth'];
  readonly clients: readonly Line[];
  /** Origins of pages that may call. Default: none. */
  readonly webOrigins?: readonly string[];
  readonly started: (child: Child) => void;
}

interface Running {
  readonly child: Child;
  readonly folder: string;
  readonly port: number;
  readonly adminPort: number;
}

const startWithinMs = 30_000;
const stopGraceMs = 5_000;

export class Gateway implements AsyncDisposable {
  readonly #options: GatewayOptions;
  #running: Running | undefined;
  #made = 0;

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  get child(): Child {
    if (this.#running === undefined) throw new Error('the gateway was never started');
    return this.#running.child;
  }

  /** The file of the access log, and host:port of the admin interface. */
  get accessLog(): { readonly file: string; readonly admin: string } {
    if (this.#running === undefined) throw new Error('the gateway was never started');
    const { folder, adminPort } = this.#running;
    return { file: logIn(folder), admin: `127.0.0.1:${adminPort}` };
  }

  /** Starts one on new ports, and lets new connections go there. */
  async start(): Promise<void> {
    this.#made += 1;
    this.#running = await this.#start(path.join(this.#options.folder, `gateway-${this.#made}`));
    for (const line of this.#options.clients) line.retarget(`127.0.0.1:${this.#running.port}`);
  }

  async kill(): Promise<void> {
    await this.child.end('SIGKILL', 0);
  }

  /** After a kill: on the same ports. */
  async restart(): Promise<void> {
    const { folder, port, adminPort } = this.#running ?? {};
    if (folder !== undefined) this.#running = await this.#start(folder, port, adminPort);
  }

  /** A second one takes the new connections; the first drains and ends. Resolves when it did. */
  async replace(drain: () => Promise<void>): Promise<void> {
    const old = this.#running;
    await this.start();
    if (old === undefined) return;
    await fetch(`http://127.0.0.1:${old.adminPort}/drain_listeners?graceful`, { method: 'POST' });
    await drain();
    await old.child.end('SIGTERM', stopGraceMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.child.end('SIGTERM', stopGraceMs);
  }

  async #start(folder: string, port?: number, adminPort?: number): Promise<Running> {
    const binary = locateEnvoy();
    if (binary === undefined) throw new Error('Envoy is not installed. Run: node platform/install.mjs');
    await mkdir(folder, { recursive: true });
    const ports = { port: port ?? (await freePort()), adminPort: adminPort ?? (await freePort()) };
    const config = await writeGateway(folder, {
      address: '127.0.0.1',
      ...ports,
      nodes: this.#options.nodes,
      auth: this.#options.auth,
      webOrigins: this.#options.webOrigins ?? [],
      accessLog: logIn(folder),
      ...(await gatewayLimits()),
    });
    const log = path.join(folder, 'envoy.log');
    const child = await startChild({
      name: 'Envoy',
      command: binary,
      args: ['-c', config, '--disable-hot-restart', '--log-path', log, '--log-level', 'info'],
      cwd: folder,
      env: { PATH: process.env['PATH'] },
    });
    this.#options.started(child);
    const serves = async (): Promise<true | undefined> => {
      if (child.ending !== undefined) throw new Error(['Envoy did not start:', ...child.tail()].join('\n  '));
      const answer = await fetch(`http://127.0.0.1:${ports.adminPort}/ready`).catch(() => undefined);
      return answer?.status === 200 ? true : undefined;
    };
    await until(serves, { what: 'Envoy to serve', withinMs: startWithinMs });
    return { child, folder, ...ports };
  }
}

function logIn(folder: string): string {
  return path.join(folder, 'access.log');
}
