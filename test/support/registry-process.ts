// A node's registry in a process of its own, so that a test can pause and kill it. Told in lines of JSON what to do; answers
// each with a line.
import { fork, type ChildProcess } from 'node:child_process';
import { RedisBus } from '../../server/bus/redis.ts';
import { systemClock } from '../../server/core/clock.ts';
import { RedisRegistry } from '../../server/presence/redis.ts';
import type { RegistrySession } from '../../server/presence/registry.ts';
import type { RedisSettings } from '../../server/redis/settings.ts';
import { Shards } from '../../server/redis/shards.ts';
import { forgetfulStore } from './forgetful-store.ts';

export interface RegistryProcessOptions {
  readonly settings: RedisSettings;
  readonly nodeId: string;
  readonly prefix: string;
  readonly leaseMs: number;
  readonly settleMs: number;
}

type Order =
  | { readonly order: 'open'; readonly options: RegistryProcessOptions }
  | { readonly order: 'announce'; readonly sessions: readonly RegistrySession[] }
  | { readonly order: 'withdraw'; readonly session: RegistrySession; readonly lastSeenMs: number };

/** The process, from the test's side. */
export class RegistryProcess implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(options: RegistryProcessOptions): Promise<RegistryProcess> {
    const started = new RegistryProcess(
      fork(import.meta.filename, ['child'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }),
    );
    await started.#do({ order: 'open', options });
    return started;
  }

  announce(...sessions: RegistrySession[]): Promise<void> {
    return this.#do({ order: 'announce', sessions });
  }

  withdraw(session: RegistrySession, lastSeenMs: number): Promise<void> {
    return this.#do({ order: 'withdraw', session, lastSeenMs });
  }

  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  /** One at a time. */
  #do(order: Order): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#child.once('message', () => resolve());
      this.#child.once('exit', () => reject(new Error('the process of a registry has ended')));
      this.#child.send(order);
    });
  }
}

async function openRegistry({ settings, prefix, ...more }: RegistryProcessOptions): Promise<RedisRegistry> {
  const clock = systemClock;
  const bus = new RedisBus({ settings, clock, prefix });
  const shards = new Shards({ settings, clock, name: 'parley-presence' });
  await Promise.all([bus.ready(), shards.ready()]);
  return new RedisRegistry({ clock, bus, shards, store: forgetfulStore, prefix, ...more });
}

function obey(): void {
  let registry: RedisRegistry | undefined;
  const carryOut = async (order: Order): Promise<void> => {
    if (order.order === 'open') registry = await openRegistry(order.options);
    if (registry === undefined) return;
    const opened = registry;
    if (order.order === 'announce') await Promise.all(order.sessions.map((one) => opened.announce(one)));
    if (order.order === 'withdraw')
      await opened.withdraw(order.session, { clean: false, lastSeenMs: order.lastSeenMs });
  };
  process.on('message', (order: Order) => {
    void carryOut(order).then(() => process.send?.('done'));
  });
  process.on('disconnect', () => process.exit());
}

if (process.argv[2] === 'child' && import.meta.main) obey();
