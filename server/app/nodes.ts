import { randomBytes } from 'node:crypto';
import type { Config } from '../config.ts';
import { HotThreads } from '../chat/hot-threads.ts';
import type { SendMessage } from '../chat/send-message.ts';
import type { SendRouter } from '../chat/send-router.ts';
import type { Clock } from '../core/clock.ts';
import type { Sessions } from '../delivery/sessions.ts';
import type { NodeDirectory } from '../presence/registry.ts';
import { NodeClient } from '../rpc/internal/node-client.ts';
import { NodeServer } from '../rpc/internal/node-server.ts';
import type { NodeTls } from '../rpc/internal/node-tls.ts';
import { makeTakeSends } from '../rpc/internal/routed-sends.ts';
import { DirectoryPeers } from '../rpc/internal/send-peers.ts';
import type { Submits } from '../rpc/submits.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';

interface Parts {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface NodeClientParts extends Parts {
  readonly directory: NodeDirectory;
}

/** How this node asks others. */
export interface OtherNodes extends Disposable {
  /** Undefined = routing is turned off. */
  readonly router: SendRouter | undefined;
  /** Hands a Submit to the node that has its session. */
  readonly submit: NodeClient['submit'];
}

export function reachOtherNodes({ config, clock, metrics, directory }: NodeClientParts): OtherNodes {
  const client = new NodeClient({ clock, tls: nodeTlsOf(config), directory });
  const router = new HotThreads({
    clock,
    nodeId: config.PARLEY_NODE_ID,
    peers: new DirectoryPeers(clock, directory, client),
    onRouted: (sends, answered) => metrics.sendsRouted(sends, answered),
  });
  return {
    router: config.PARLEY_NODES_ROUTE ? router : undefined,
    submit: (from, submit) => client.submit(from, submit),
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

export interface NodeServerParts extends Parts {
  readonly sessions: Sessions;
  readonly submits: Submits;
  readonly sendMessage: SendMessage;
}

/** Serves what other nodes ask of this one. */
export async function startNodeServer(parts: NodeServerParts): Promise<NodeServer> {
  const { config, clock, log, metrics, sessions, submits, sendMessage } = parts;
  const report = (cause: unknown, ids: { readonly request: string }): string => {
    metrics.internalError();
    log.error({ ...ids, err: cause }, 'something failed in the server');
    return ids.request;
  };
  const server = new NodeServer({
    clock,
    tls: nodeTlsOf(config),
    sessions,
    takeSubmit: async (from, submit) => submits.take(from, submit),
    takeSends: makeTakeSends(sendMessage, (cause) => report(cause, { request: randomBytes(8).toString('hex') })),
    observe: (method, code, ms, trace) => {
      metrics.call(method, code, ms);
      log.debug({ ...trace, method, code, ms: Math.round(ms * 10) / 10 }, 'call of a node');
    },
    report,
  });
  const address = await server.listen(config.PARLEY_NODES_LISTEN);
  log.info({ address }, 'listening for other nodes');
  return server;
}

function nodeTlsOf(config: Config): NodeTls {
  return {
    ca: config.PARLEY_NODES_TLS_CA,
    cert: config.PARLEY_NODES_TLS_CERT,
    key: config.PARLEY_NODES_TLS_KEY,
    serverName: config.PARLEY_NODES_TLS_NAME,
  };
}
