// The whole of Parley on one machine: nodes with their store, Envoy in front, started and stopped as one thing. Used by
// `npm start`, the replay, the bench and the tests; each platform has ports and folders of its own.
//
// Promises: when startPlatform returns, a client can call `gateway`. `stop()` drains the nodes, then stops Envoy, and
// leaves no process; nor does a launcher that is killed. Nothing is restarted behind the caller's back: a process that
// ends unasked settles `failed`.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openDevKey } from '../server/auth/dev-key.ts';
import type { DevKey, ServiceTokenOptions, TokenOptions } from '../server/auth/dev-key.ts';
import { systemClock } from '../server/core/clock.ts';
import { backendEnv, type Backends } from './backends.ts';
import { type Demo, startDemo } from './demo/demo.ts';
import { type DevDoor, introduce, openDevDoor } from './dev-door.ts';
import type { Child, Ending } from './child.ts';
import { gatewayLimits, startEnvoy } from './envoy.ts';
import type { RunningEnvoy } from './envoy.ts';
import { authSettings, checkCertificate, watchCertificate, watchKeys } from './keys.ts';
import type { ExternalAuth, PlatformAuth } from './keys.ts';
import { NodeHandle } from './node-handle.ts';
import { freePort, refuseTaken } from './ports.ts';
import { builtWebApp } from './web-app.ts';

export interface PlatformOptions {
  /** Kept; default: a temporary folder that stop() removes. */
  readonly dataDir?: string;
  /** Default: `log` in the data folder. */
  readonly logDir?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Where clients connect. Default 127.0.0.1. */
  readonly address?: string;
  /** Node processes. Default 1. */
  readonly nodes?: number;
  /** What the nodes share. Default: nothing, each has an embedded store of its own. */
  readonly backends?: Backends;
  /** No Envoy: `gateway` is the first node. */
  readonly direct?: boolean;
  /** Each node also serves other services, on a port of its own. Default: it does not. */
  readonly services?: boolean;
  /**
   * The web app is served at the gateway, with sign-in by name while the dev key is in use; `demo`: and with something to see for who comes
   * for the first time. Default: it is not served. Not with `direct`.
   */
  readonly web?: 'plain' | 'demo';
  /** More of the nodes' environment, as {PARLEY_MEMBER_CAP: '5000'}. */
  readonly env?: Readonly<Record<string, string>>;
  /** More of one node's environment, made from what it would have, as addresses of lines in place of those of others. */
  readonly envOf?: (nodeId: string, env: Readonly<Record<string, string>>) => Promise<Readonly<Record<string, string>>>;
  /** Options of Node for the node processes, as ['--cpu-prof']. */
  readonly nodeFlags?: readonly string[];
  /** Keys of an issuer. Default: the dev key in the data folder. */
  readonly auth?: ExternalAuth;
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Origins of web pages that may call. Default: localhost, any port. */
  readonly webOrigins?: readonly string[];
  /** The node's program. Default server/main.ts. */
  readonly main?: string;
}

export interface Platform extends AsyncDisposable {
  /** host:port for clients. */
  readonly gateway: string;
  readonly nodes: readonly NodeHandle[];
  /** Undefined when direct. */
  readonly envoy: RunningEnvoy | undefined;
  readonly dataDir: string;
  readonly logDir: string;
  /** A token signed by the dev key; throws when the platform has external keys. */
  token(user: string, options?: TokenOptions): Promise<string>;
  /** A token of another service, signed by the dev key; throws when the platform has external keys. */
  serviceToken(name: string, options: ServiceTokenOptions): Promise<string>;
  /** Settles when a process ended that nobody asked to. */
  readonly failed: Promise<Failure>;
  stop(): Promise<void>;
}

export interface Failure {
  readonly child: Child;
  readonly ending: Ending;
}

/** After the nodes' own bound on draining (PARLEY_DRAIN_S, 10 s by default) they get this long to exit. */
const exitGraceMs = 5000;

/** Throws PortTakenError, or an Error with what the process that did not start had to say. */
export async function startPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const address = options.address ?? '127.0.0.1';
  if (options.port !== undefined) await refuseTaken(options.port, address);
  if (options.tls !== undefined) await checkCertificate(options.tls);
  const dataDir = path.resolve(options.dataDir ?? (await mkdtemp(path.join(tmpdir(), 'parley-'))));
  const logDir = path.resolve(options.logDir ?? path.join(dataDir, 'log'));
  await mkdir(logDir, { recursive: true });

  const drainMs = Number(options.env?.['PARLEY_DRAIN_S'] ?? 10) * 1000;
  const { promise: failed, resolve: fail } = Promise.withResolvers<Failure>();
  const supervise = (child: Child): void => {
    void child.ended.then((ending) => {
      if (ending.isUnexpected) fail({ child, ending });
    });
  };
  let nodes: NodeHandle[] = [];
  let envoy: RunningEnvoy | undefined;
  const watching: Disposable[] = [];
  let door: DevDoor | undefined;
  let demo: Demo | undefined;
  // Nodes first, so that their goodbyes still travel through Envoy.
  const stop = async (): Promise<void> => {
    for (const watch of watching) watch[Symbol.dispose]();
    demo?.[Symbol.dispose]();
    await door?.[Symbol.asyncDispose]();
    await Promise.all(nodes.map((node) => node.kill('SIGTERM', drainMs + exitGraceMs)));
    await envoy?.child.end('SIGTERM', exitGraceMs);
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const devKey = options.auth === undefined ? await openDevKey(path.join(dataDir, 'auth'), systemClock) : undefined;
    const auth = authSettings(options.auth ?? (devKey as DevKey));
    nodes = await makeNodes(options, { dataDir, logDir, auth, supervise });
    await Promise.all(nodes.map((node) => node.start()));
    if (options.direct !== true) {
      const folder = path.join(dataDir, 'gateway');
      const port = options.port ?? (await freePort(address));
      const isWeb = options.web !== undefined;
      if (isWeb && devKey !== undefined)
        door = await openDevDoor(devKey, () => ({
          demo,
          introduce: (...who) => introduce(nodes[0]?.address ?? '', ...who),
        }));
      envoy = await startEnvoy(folder, path.join(logDir, 'envoy.log'), {
        address,
        port,
        adminPort: await freePort(),
        nodes: nodes.map((node) => node.address),
        ...(isWeb ? { web: nodes.map((node) => node.web) } : {}),
        ...(door === undefined ? {} : { devDoor: door.address }),
        auth: await auth.gateway(),
        ...(options.tls === undefined ? {} : { tls: { ...options.tls, watchedFolder: folder } }),
        webOrigins: options.webOrigins ?? ['http://localhost:*', 'http://127.0.0.1:*'],
        accessLog: path.join(logDir, 'access.log'),
        ...(await gatewayLimits()),
      });
      supervise(envoy.child);
      watching.push(watchKeys(auth, folder));
      if (options.tls !== undefined) watching.push(watchCertificate(options.tls, folder));
      const { findsHealthy } = envoy;
      if (options.web === 'demo' && devKey !== undefined) demo = demoOf(nodes[0] as NodeHandle, devKey);
      for (const node of nodes) node.onReady = () => findsHealthy(node.address);
    }
    return {
      gateway: envoy?.gateway ?? (nodes[0] as NodeHandle).address,
      nodes,
      envoy,
      dataDir,
      logDir,
      failed,
      async token(user, tokenOptions) {
        return signing(devKey).sign(user, tokenOptions);
      },
      async serviceToken(name, tokenOptions) {
        return signing(devKey).signService(name, tokenOptions);
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function demoOf(node: NodeHandle, devKey: DevKey): Demo {
  return startDemo({
    services: node.services,
    node: node.address,
    serviceToken: () => devKey.signService('demo', { scope: 'threads messages channels comments' }),
    userToken: (user) => devKey.sign(user),
  });
}

function signing(devKey: DevKey | undefined): DevKey {
  if (devKey === undefined) throw new Error('this platform has the keys of an issuer: ask it for tokens');
  return devKey;
}

interface Surroundings {
  readonly dataDir: string;
  readonly logDir: string;
  readonly auth: PlatformAuth;
  readonly supervise: (child: Child) => void;
}

async function makeNodes(
  options: PlatformOptions,
  { dataDir, logDir, auth, supervise }: Surroundings,
): Promise<NodeHandle[]> {
  const count = options.nodes ?? 1;
  const { backends } = options;
  const webFiles = options.web === undefined ? '' : builtWebApp();
  const nodes: NodeHandle[] = [];
  for (let number = 1; number <= count; number++) {
    const id = `n${number}`;
    // One after the other: the first makes the authority of all.
    const shared = backends === undefined ? {} : await backendEnv(backends, dataDir, id);
    const env = { ...shared, ...options.env };
    const handle = new NodeHandle({
      id,
      storeDir: path.join(dataDir, count === 1 ? 'store' : `store-${id}`),
      logFile: path.join(logDir, `${id}.log`),
      auth: auth.node,
      services: options.services ?? options.web === 'demo',
      webFiles,
      env: { ...env, ...(await options.envOf?.(id, env)) },
      flags: options.nodeFlags ?? [],
      main: options.main ?? path.join(import.meta.dirname, '../server/main.ts'),
      onStart: supervise,
    });
    nodes.push(handle);
  }
  return nodes;
}
