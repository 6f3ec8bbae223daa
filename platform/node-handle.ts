// A node of a running platform, as tests and benches hold it: it can be killed and started again on the same address.
import type { Child, Ending } from './child.ts';
import { freePort } from './ports.ts';
import { startNode } from './node-process.ts';
import type { NodeSettings, RunningNode } from './node-process.ts';

export interface NodeHandleOptions extends Omit<
  NodeSettings,
  'listen' | 'metricsListen' | 'servicesListen' | 'webListen'
> {
  /** It serves other services too. */
  readonly services: boolean;
  /** Called with every process that is started for this node. */
  readonly onStart: (child: Child) => void;
}

export class NodeHandle {
  readonly #options: NodeHandleOptions;
  #running: RunningNode | undefined;
  /** What a restart waits for beside the node's own word. */
  onReady: () => Promise<unknown> = async () => {};

  constructor(options: NodeHandleOptions) {
    this.#options = options;
  }

  get id(): string {
    return this.#options.id;
  }

  /** gRPC, host:port. The same through restarts. */
  get address(): string {
    return this.#started.address;
  }

  /** gRPC for other services, host:port; empty when it has none. The same through restarts. */
  get services(): string {
    return this.#started.services;
  }

  /** The web app over HTTP, host:port; empty when it serves none. The same through restarts. */
  get web(): string {
    return this.#started.web;
  }

  /** Prometheus metrics, host:port. The same through restarts. */
  get metrics(): string {
    return this.#started.metrics;
  }

  get logFile(): string {
    return this.#options.logFile;
  }

  get child(): Child {
    return this.#started.child;
  }

  get pid(): number {
    return this.child.pid;
  }

  get isRunning(): boolean {
    return this.#running !== undefined && this.#running.child.ending === undefined;
  }

  get #started(): RunningNode {
    if (this.#running === undefined) throw new Error(`node ${this.id} was never started`);
    return this.#running;
  }

  /**
   * Starts the process, on the address of before if there was one. `env` adds to the node's environment, and `main` is its program,
   * this once.
   */
  async start(env: Readonly<Record<string, string>> = {}, main = this.#options.main): Promise<void> {
    if (this.isRunning) throw new Error(`node ${this.id} runs already`);
    const services = this.#options.services ? `127.0.0.1:${await freePort()}` : '';
    const web = this.#options.webFiles === '' ? '' : `127.0.0.1:${await freePort()}`;
    this.#running = await startNode({
      ...this.#options,
      env: { ...this.#options.env, ...env },
      main,
      listen: this.#running?.address ?? `127.0.0.1:${await freePort()}`,
      servicesListen: this.#running?.services ?? services,
      webListen: this.#running?.web ?? web,
      metricsListen: this.#running?.metrics ?? `127.0.0.1:${await freePort()}`,
    });
    this.#options.onStart(this.#running.child);
    await this.onReady();
  }

  /** Ends the process and resolves when it is gone; SIGTERM drains, and becomes SIGKILL after `graceMs`. */
  async kill(signal: NodeJS.Signals = 'SIGKILL', graceMs = 15_000): Promise<Ending | undefined> {
    return this.#running?.child.end(signal, graceMs);
  }

  /** Any signal, as SIGSTOP. An end that it causes counts as the platform's failure. */
  signal(signal: NodeJS.Signals): void {
    this.child.signal(signal);
  }

  /** Ends it if it runs, then starts it; resolves when clients reach it again. */
  async restart(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.isRunning) await this.kill(signal);
    await this.start();
  }
}
