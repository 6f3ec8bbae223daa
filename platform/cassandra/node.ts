import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { type Child, startChild } from '../child.ts';
import { lastLines } from '../envoy.ts';
import { locateCassandra } from '../install/cassandra.mjs';
import { until } from '../wait.ts';
import { type CassandraSettings, prepareCassandra } from './settings.ts';

/** A cold machine that others use too; a node is up in 7 s otherwise. */
const startWithinMs = 120_000;
const stopGraceMs = 20_000;
const readyLine = 'Starting listening for CQL clients';
/** The user of a node that asks for one is made a moment later, the first time. */
const userLine = 'Created default superuser role';

/** One Cassandra process, which may be killed and started again on the same folder. */
export class CassandraNode {
  readonly settings: CassandraSettings;
  #child: Child | undefined;

  constructor(settings: CassandraSettings) {
    this.settings = settings;
  }

  /** host:port where it speaks CQL. */
  get address(): string {
    return `${this.settings.address}:${this.settings.port}`;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#child?.ending === undefined ? this.#child?.pid : undefined;
  }

  /** Resolves when it takes CQL; throws with what it had to say when it does not. */
  async start(): Promise<void> {
    const { folder } = this.settings;
    const found = locateCassandra();
    if (found === undefined) throw new Error('Cassandra is not installed. Run: node platform/install.mjs --test');
    await mkdir(folder, { recursive: true });
    const args = await prepareCassandra(found.lib, found.jamm, this.settings);
    const awaited = new Set([readyLine]);
    if (this.settings.password && !existsSync(path.join(folder, 'data'))) awaited.add(userLine);
    const child = await startChild({
      name: `Cassandra ${this.address}`,
      command: found.java,
      args,
      cwd: folder,
      env: { PATH: process.env['PATH'] },
      onLine: (line) => {
        for (const part of awaited) if (line.includes(part)) awaited.delete(part);
      },
    });
    this.#child = child;
    try {
      await until(() => isReady(child, awaited, this.settings), {
        what: `${child.name} to start`,
        withinMs: startWithinMs,
      });
    } catch (error) {
      await child.end('SIGKILL', 0);
      const said = [...child.tail(), ...(await lastLines(path.join(folder, 'system.log'), 5))];
      throw new Error([`${child.name} did not start (${(error as Error).message}):`, ...said].join('\n  '), {
        cause: error,
      });
    }
  }

  /** SIGSTOP, SIGCONT, or an end that nobody announced. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.signal(signal);
  }

  async kill(): Promise<void> {
    await this.#child?.end('SIGKILL', 0);
  }

  async stop(): Promise<void> {
    if (this.#child?.ending !== undefined) return;
    await this.#child?.end('SIGTERM', stopGraceMs);
  }
}

async function isReady(
  child: Child,
  awaited: ReadonlySet<string>,
  { address, port }: CassandraSettings,
): Promise<true | undefined> {
  if (child.ending) throw new Error(`it ended with ${child.ending.signal ?? `code ${child.ending.code}`}`);
  // It says that it starts to listen a moment before it does.
  return (awaited.size === 0 && (await takesConnections(port, address))) || undefined;
}

function takesConnections(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const end = (taken: boolean): void => {
      socket.destroy();
      resolve(taken);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}
