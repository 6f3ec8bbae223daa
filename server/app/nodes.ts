import type { Config } from '../config.ts';
import type { Clock } from '../core/clock.ts';
import type { Sessions } from '../delivery/sessions.ts';
import { NodeServer } from '../rpc/internal/node-server.ts';
import type { NodeTls } from '../rpc/internal/node-tls.ts';
import { notServed } from '../rpc/service.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface NodeServerParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly sessions: Sessions;
}

/** Serves what other nodes ask of this one. */
export async function startNodeServer({ config, clock, log, metrics, sessions }: NodeServerParts): Promise<NodeServer> {
  const server = new NodeServer({
    clock,
    tls: nodeTlsOf(config),
    sessions,
    takeSubmit: notServed,
    observe: (method, code, ms, trace) => {
      metrics.call(method, code, ms);
      log.debug({ ...trace, method, code, ms: Math.round(ms * 10) / 10 }, 'call of a node');
    },
    report: (cause, ids) => {
      metrics.internalError();
      log.error({ ...ids, err: cause }, 'something failed in the server');
      return ids.request;
    },
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
