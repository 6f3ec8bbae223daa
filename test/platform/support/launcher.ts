// `npm start`'s program in a process of its own, with a data folder and a port of its own.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../../../platform/ports.ts';
import { until } from '../../../platform/wait.ts';

export const start = path.join(import.meta.dirname, '../../../platform/start.ts');

export class Launcher implements AsyncDisposable {
  readonly port: number;
  readonly dataDir: string;
  readonly #child: ChildProcess;
  /** All it said so far, standard output and error. */
  said = '';
  readonly ended: Promise<number | null>;

  private constructor(port: number, dataDir: string, env: NodeJS.ProcessEnv) {
    this.port = port;
    this.dataDir = dataDir;
    this.#child = spawn(process.execPath, [start, '--port', String(port), '--data', dataDir], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const hear = (text: Buffer): void => void (this.said += text.toString());
    this.#child.stdout?.on('data', hear);
    this.#child.stderr?.on('data', hear);
    this.ended = new Promise((resolve) => this.#child.once('close', resolve));
  }

  static async begin(options: { port?: number; dataDir?: string; env?: NodeJS.ProcessEnv } = {}): Promise<Launcher> {
    const dataDir = options.dataDir ?? mkdtempSync(path.join(tmpdir(), 'parley-start-'));
    return new Launcher(options.port ?? (await freePort()), dataDir, options.env ?? {});
  }

  /** Begun, and ready for clients. */
  static async ready(options: Parameters<typeof Launcher.begin>[0] = {}): Promise<Launcher> {
    const launcher = await Launcher.begin(options);
    await launcher.hears('Parley listens on');
    return launcher;
  }

  async hears(text: string): Promise<void> {
    const heard = (): true | undefined => this.said.includes(text) || undefined;
    await until(heard, { what: `"${text}" in:\n${this.said}`, withinMs: 30_000 });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Process ids of its children: nodes, Envoy, guards. */
  children(): number[] {
    const { pid } = this.#child;
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  }

  /** The child whose command holds `text`. */
  child(text: string): number {
    const found = this.children().find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text));
    if (found === undefined) throw new Error(`no child runs ${text}`);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGTERM');
    await this.ended;
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

export function isAlive(pid: number): boolean {
  try {
    // A zombie still takes signals: it has no memory map left.
    return readFileSync(`/proc/${pid}/statm`, 'utf8') !== '0 0 0 0 0 0 0\n';
  } catch {
    return false;
  }
}
