// What `npm start` says once it listens: where everything is, and commands that work as they stand here.
import path from 'node:path';
import type { StartSettings } from './start-settings.ts';

/** What runs. */
export interface Listening {
  /** host:port of clients. */
  readonly gateway: string;
  /** host:port of other services. */
  readonly services: string;
  /** host:port of metrics. */
  readonly metrics: string;
  /** Absolute. */
  readonly dataDir: string;
}

/** With keys of an issuer the app must be told where tokens come from. */
export function servesWeb({ auth, nodeEnv }: StartSettings): boolean {
  return auth === undefined || nodeEnv['PARLEY_WEB_TOKEN_URL'] !== undefined;
}

/** `cwd`: the folder that the commands are typed in. */
export function startGreeting(listening: Listening, settings: StartSettings, cwd: string): string {
  const { gateway, services, metrics, dataDir } = listening;
  const { auth, tls } = settings;
  const shown = path.relative(cwd, dataDir) || '.';
  const folder = shown.startsWith('..') ? dataDir : `./${shown}`;
  // Tokens are signed by the key in that folder, so whoever makes one must be told of it.
  const elsewhere = folder === './data' ? '' : ` --data ${folder}`;
  const target = gateway === '127.0.0.1:8080' ? '' : ` --target ${gateway}`;
  const chat = (user: string): string => {
    const who = auth === undefined ? `--as ${user}${elsewhere}` : '--token TOKEN';
    return `npm run chat -- ${who}${target}${tls === undefined ? '' : ' --tls --ca FILE'}`;
  };
  const page = `${tls === undefined ? 'http' : 'https'}://${gateway}/`;
  return `
Parley listens on ${gateway} (gRPC and grpc-web${tls === undefined ? '' : ' with TLS'}).

  in a browser ${servesWeb(settings) ? page : 'with PARLEY_WEB_TOKEN_URL: where the app fetches tokens'}
  a token      ${auth === undefined ? `npm run token -- alice${elsewhere}` : `from ${auth.issuer}`}
  try it       ${chat('alice')}
               and in another terminal: ${chat('bob')}
  services     ${services} (parley.service.v1)${auth === undefined ? `: npm run token -- --service crm --scopes threads,messages${elsewhere}` : ''}
  metrics      http://${metrics}/metrics
  data, logs   ${folder}, ${folder}/log
  stop         Ctrl-C
`;
}
