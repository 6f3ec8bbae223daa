// Starts one Parley node and learns from its ready line where it listens.
import path from 'node:path';
import { startChild } from './child.ts';
import type { Child } from './child.ts';

export interface NodeSettings {
  readonly id: string;
  /** host:port, port 0 for any. */
  readonly listen: string;
  readonly metricsListen: string;
  /** The same for other services; empty = they are not served. */
  readonly servicesListen: string;
  /** The same for the web app; empty = it is not served. */
  readonly webListen: string;
  /** Folder of the built web app; empty when it is not served. */
  readonly webFiles: string;
  readonly storeDir: string;
  readonly logFile: string;
  readonly auth: { jwks: string; issuer: string; audience: string; algorithms: string; isDevKey: boolean };
  /** More of the node's environment (PARLEY_…), winning over the above. */
  readonly env: Readonly<Record<string, string>>;
  /** For Node itself, as --cpu-prof. */
  readonly flags: readonly string[];
  /** The program; server/main.ts unless a test says otherwise. */
  readonly main: string;
}

export interface RunningNode {
  readonly child: Child;
  readonly address: string;
  /** Empty: other services are not served. */
  readonly services: string;
  /** Empty: the web app is not served. */
  readonly web: string;
  readonly metrics: string;
}

interface Ready {
  readonly grpc: string;
  readonly services?: string;
  readonly web?: string;
  readonly metrics: string;
}

const root = path.resolve(import.meta.dirname, '..');

/**
 * V8's memory reducer collects the whole heap when a process has been calm for some seconds. With 100,000 idle streams that
 * is a heap of 1 GB: heartbeats then wait for 2 s (p99 1.0 s with it, 0.3 s without).
 */
const nodeFlags = ['--no-memory-reducer'];
/** The first node of a new cluster makes the tables of Cassandra, and waits for it if need be. */
const startWithinMs = 120_000;

/** Resolves when the node serves. Throws, with what the node said, when it does not start. */
export async function startNode(settings: NodeSettings): Promise<RunningNode> {
  let announce: (line: string) => void = () => {};
  const announced = new Promise<string>((resolve) => {
    announce = resolve;
  });
  const child = await startChild({
    name: `node ${settings.id}`,
    command: process.execPath,
    args: [...nodeFlags, ...settings.flags, settings.main],
    cwd: root,
    env: environmentOf(settings),
    onLine: (line) => {
      if (line.startsWith('{"ready":true')) announce(line);
    },
  });
  const late = setTimeout(() => child.signal('SIGKILL'), startWithinMs);
  const first = await Promise.race([announced, child.ended]);
  clearTimeout(late);
  if (typeof first !== 'string') {
    const why = first.signal === 'SIGKILL' ? `was not ready after ${startWithinMs / 1000} s` : 'did not start';
    throw new Error([`${child.name} ${why}:`, ...child.tail()].join('\n  '));
  }
  const { grpc: address, services = '', web = '', metrics } = JSON.parse(first) as Ready;
  return { child, address, services, web, metrics };
}

/** What Node makes of our files is kept: the next start of a node takes 0.4 s of CPU instead of 0.9. */
const compileCache = path.join(root, '.cache/compiled');

/** Only what is named here reaches the node: a stray PARLEY_… of the caller's shell does not. */
function environmentOf(settings: NodeSettings): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, LANG, TZ, NODE_OPTIONS, NODE_EXTRA_CA_CERTS, NODE_V8_COVERAGE } = process.env;
  const { auth } = settings;
  const kept = { PATH, HOME, TMPDIR, LANG, TZ, NODE_OPTIONS, NODE_EXTRA_CA_CERTS, NODE_V8_COVERAGE };
  return {
    ...Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined)),
    NODE_COMPILE_CACHE: compileCache,
    PARLEY_NODE_ID: settings.id,
    PARLEY_LISTEN: settings.listen,
    PARLEY_METRICS_LISTEN: settings.metricsListen,
    ...(settings.servicesListen === '' ? {} : { PARLEY_SERVICE_LISTEN: settings.servicesListen }),
    ...(settings.webListen === ''
      ? {}
      : { PARLEY_WEB_LISTEN: settings.webListen, PARLEY_WEB_FILES: settings.webFiles }),
    PARLEY_DATA: settings.storeDir,
    PARLEY_LOG_FILE: settings.logFile,
    PARLEY_JWKS: auth.jwks,
    PARLEY_JWT_ISSUER: auth.issuer,
    PARLEY_JWT_AUDIENCE: auth.audience,
    PARLEY_JWT_ALGORITHMS: auth.algorithms,
    ...(auth.isDevKey ? { PARLEY_DEV_KEY: '1' } : {}),
    ...settings.env,
  };
}
