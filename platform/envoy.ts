// Starts Envoy and tells when it serves.
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { totalmem } from 'node:os';
import path from 'node:path';
import { writeGateway } from '../gateway/render.ts';
import type { GatewaySettings } from '../gateway/render.ts';
import { startChild } from './child.ts';
import type { Child } from './child.ts';
import { isHealthServed } from './health-call.ts';
import { locateEnvoy } from './install/envoy.mjs';
import { until } from './wait.ts';

const startWithinMs = 20_000;

export interface RunningEnvoy {
  /** host:port for clients. */
  readonly gateway: string;
  /** Envoy's admin interface, host:port on loopback. */
  readonly admin: string;
  readonly pid: number;
  readonly child: Child;
  /** Resolves when Envoy sends calls to the node at this address, whichever of its threads a client meets. */
  findsHealthy(node: string): Promise<void>;
}

/** Writes the configuration into `folder` and starts Envoy with it. Resolves when clients can call. */
export async function startEnvoy(folder: string, logFile: string, settings: GatewaySettings): Promise<RunningEnvoy> {
  const binary = locateEnvoy();
  if (binary === undefined) throw new Error('Envoy is not installed. Run: node platform/install.mjs');
  const config = await writeGateway(folder, settings);
  const child = await startChild({
    name: 'Envoy',
    command: binary,
    args: ['-c', config, '--disable-hot-restart', '--log-path', logFile, '--log-level', 'info'],
    cwd: path.dirname(config),
    env: { PATH: process.env['PATH'] },
  });
  const admin = `127.0.0.1:${settings.adminPort}`;
  const host = isIPv6(settings.address) ? `[${settings.address}]` : settings.address;
  const gateway = `${host}:${settings.port}`;
  const url = `${settings.tls === undefined ? 'http' : 'https'}://${gateway}`;
  const findsHealthy = async (node: string): Promise<void> => {
    const what = `Envoy to find the node at ${node} healthy`;
    const isFound = async (): Promise<true | undefined> =>
      ((await isHealthy(admin, node)) && (await isServedByEveryThread(url, admin))) || undefined;
    await until(isFound, { what, withinMs: startWithinMs });
  };
  try {
    await until(() => isReady(child, admin), { what: 'Envoy to serve', withinMs: startWithinMs });
    await Promise.all(settings.nodes.map(findsHealthy));
  } catch (error) {
    await child.end('SIGKILL', 0);
    const said = [...child.tail(), ...(await lastLines(logFile, 5))];
    throw new Error([`Envoy did not start (${(error as Error).message}):`, ...said].join('\n  '), { cause: error });
  }
  return { gateway, admin, pid: child.pid, child, findsHealthy };
}

async function isReady(child: Child, admin: string): Promise<true | undefined> {
  if (child.ending) throw new Error(`it ended with ${child.ending.signal ?? `code ${child.ending.code}`}`);
  const answer = await fetch(`http://${admin}/ready`).catch(() => undefined);
  return answer?.status === 200 ? true : undefined;
}

async function isHealthy(admin: string, node: string): Promise<boolean> {
  const text = await (await fetch(`http://${admin}/clusters`)).text();
  return text.split('\n').includes(`nodes::${node}::health_flags::healthy`);
}

/**
 * The admin interface tells what Envoy's main thread knows; the threads that serve clients learn it a moment later. They
 * share new connections evenly, so as many at once as there are threads meet them all.
 */
async function isServedByEveryThread(url: string, admin: string): Promise<boolean> {
  const info = (await (await fetch(`http://${admin}/server_info`)).json()) as ServerInfo;
  const calls = Array.from({ length: info.command_line_options.concurrency }, () => isHealthServed(url));
  return (await Promise.all(calls)).every(Boolean);
}

interface ServerInfo {
  readonly command_line_options: { readonly concurrency: number };
}

/** Half of the machine's memory, and nearly all file descriptors: Envoy needs one per client connection. */
export async function gatewayLimits(): Promise<Pick<GatewaySettings, 'maxHeapBytes' | 'maxConnections'>> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const openFiles = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 10_000);
  return { maxHeapBytes: Math.floor(totalmem() / 2), maxConnections: Math.max(openFiles - 500, 100) };
}

export async function lastLines(file: string, count: number): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-count);
}
