// Redis, the socket.io server and Envoy, started on free ports and stopped as one thing.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startChild } from '../../platform/child.ts';
import type { Child } from '../../platform/child.ts';
import { locateEnvoy } from '../../platform/install/envoy.mjs';
import { freePort } from '../../platform/ports.ts';
import { until } from '../../platform/wait.ts';
import { openDevKey } from '../../server/auth/dev-key.ts';
import { systemClock } from '../../server/core/clock.ts';
import type { PeerPrograms } from './peer-install.ts';

const source = path.join(import.meta.dirname, 'peer');
const startWithinMs = 20_000;

export interface PeerPlatform extends AsyncDisposable {
  /** host:port for clients. */
  readonly gateway: string;
  /** File of the key that tokens are signed with. */
  readonly key: string;
  readonly processes: Readonly<Record<string, number>>;
  /** Settles when a process ended that nobody asked to. */
  readonly failed: Promise<Child>;
}

/** Starts the three (without Envoy when `direct`) and resolves when clients can connect. */
export async function startPeer(programs: PeerPrograms, direct: boolean): Promise<PeerPlatform> {
  const folder = mkdtempSync(path.join(tmpdir(), 'parley-peer-'));
  const children: Child[] = [];
  const { promise: failed, resolve: fail } = Promise.withResolvers<Child>();
  const start = async (name: string, command: string, args: string[], port: number, env = {}): Promise<number> => {
    const child = await startChild({ name, command, args, cwd: folder, env: { PATH: process.env['PATH'], ...env } });
    children.push(child);
    void child.ended.then(({ isUnexpected }) => isUnexpected && fail(child));
    await until(() => (child.ending ? Promise.reject(notStarted(child)) : accepts(port)), {
      what: `${name} to listen`,
      withinMs: startWithinMs,
    });
    return child.pid;
  };
  const stop = async (): Promise<void> => {
    for (const child of children.toReversed()) await child.end('SIGTERM', 5000);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const { jwksFile } = await openDevKey(path.join(folder, 'auth'), systemClock);
    const [redisPort, nodePort, envoyPort] = [await freePort(), await freePort(), await freePort()];
    const inMemory = ['--save', '', '--appendonly', 'no', '--bind', '127.0.0.1'];
    const redis = await start('redis', programs.redis, ['--port', `${redisPort}`, ...inMemory], redisPort);
    const node = await start('node', process.execPath, [path.join(source, 'server.mjs')], nodePort, {
      PEER_PACKAGES: programs.packages,
      PEER_REDIS: `redis://127.0.0.1:${redisPort}`,
      PEER_JWKS: jwksFile,
      PEER_PORT: `${nodePort}`,
    });
    const processes: Record<string, number> = { node, redis };
    if (!direct) {
      const config = writeEnvoyConfig(folder, { PEER_PORT: nodePort, ADMIN_PORT: await freePort(), PORT: envoyPort });
      const args = ['-c', config, '--disable-hot-restart', '--log-level', 'warn'];
      processes['envoy'] = await start('envoy', envoyBinary(), args, envoyPort);
    }
    const gateway = `127.0.0.1:${direct ? nodePort : envoyPort}`;
    return { gateway, key: path.join(folder, 'auth/dev-key.json'), processes, failed, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function notStarted(child: Child): Error {
  return new Error([`${child.name} did not start:`, ...child.tail()].join('\n  '));
}

function envoyBinary(): string {
  const binary = locateEnvoy();
  if (binary === undefined) throw new Error('Envoy is not installed. Run: node platform/install.mjs');
  return binary;
}

function writeEnvoyConfig(folder: string, values: Readonly<Record<string, number>>): string {
  let config = readFileSync(path.join(source, 'envoy.yaml'), 'utf8');
  // In this order: PORT is the end of the other two names.
  for (const [name, value] of Object.entries(values)) config = config.replaceAll(name, `${value}`);
  const file = path.join(folder, 'envoy.yaml');
  writeFileSync(file, config);
  return file;
}

async function accepts(port: number): Promise<true | undefined> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(undefined));
  }).then((accepted) => (socket.destroy(), accepted as true | undefined));
}
