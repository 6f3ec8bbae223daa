// Redis servers of this machine, for the tests and for the cluster on one machine (platform/redis-cluster.ts makes several
// one). Each has a port and a folder of its own, keeps nothing on disk unless asked, and ends with its launcher.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { startChild } from './child.ts';
import type { Child } from './child.ts';
import { freePort } from './ports.ts';
import { until } from './wait.ts';

export interface RedisServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** More settings, as in redis.conf, winning over the defaults: {requirepass: 'secret'}. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** One redis-server, which can be paused, killed and started again on the same port. */
export interface RedisServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly child: Child;
  /** Runs a command on a connection of its own. */
  call(command: string, ...args: string[]): Promise<unknown>;
  pause(): void;
  resume(): void;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  /** Starts it after a kill. */
  restart(): Promise<void>;
}

const startWithinMs = 10_000;
const stopWithinMs = 3_000;
const host = '127.0.0.1';

/** Resolves when it answers. Throws, with what it said, when it does not start. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort(host));
  const folder = await mkdtemp(path.join(tmpdir(), 'parley-redis-'));
  const settings = {
    port: String(port),
    bind: host,
    dir: folder,
    save: '',
    appendonly: 'no',
    daemonize: 'no',
    'maxmemory-policy': 'noeviction',
    ...options.settings,
  };
  const auth = settings['requirepass' as keyof typeof settings];
  const call = async (command: string, ...args: string[]): Promise<unknown> => {
    const redis = new Redis({
      host,
      port,
      lazyConnect: true,
      retryStrategy: null,
      ...(auth === undefined ? {} : { password: auth }),
    });
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      return await redis.call(command, args);
    } finally {
      redis.disconnect();
    }
  };
  const start = async (): Promise<Child> => {
    const child = await startChild({
      name: `Redis on ${port}`,
      command: process.env['REDIS_SERVER_BIN'] ?? 'redis-server',
      args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
      env: { PATH: process.env['PATH'] },
      cwd: folder,
    });
    const answers = async (): Promise<true | undefined> => {
      if (child.ending !== undefined) throw new Error([`${child.name} did not start:`, ...child.tail()].join('\n  '));
      return (await call('PING').catch(() => undefined)) === 'PONG' ? true : undefined;
    };
    await until(answers, { what: `${child.name} to answer`, withinMs: startWithinMs });
    return child;
  };
  let child = await start();
  return {
    host,
    port,
    get child() {
      return child;
    },
    call,
    pause: () => child.signal('SIGSTOP'),
    resume: () => child.signal('SIGCONT'),
    async kill() {
      await child.end('SIGKILL', 0);
    },
    async restart() {
      child = await start();
    },
    async [Symbol.asyncDispose]() {
      // One that is paused does not hear SIGTERM.
      child.signal('SIGCONT');
      await child.end('SIGTERM', stopWithinMs);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
