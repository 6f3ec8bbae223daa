// What `npm start` can be told, by option or environment. Everything else named PARLEY_… goes to the node as it is.
import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { wrongOrigin } from '../gateway/origins.ts';
import { strangers } from '../server/strangers.ts';
import type { ExternalAuth } from './keys.ts';

export interface StartSettings {
  readonly port: number;
  readonly address: string;
  readonly dataDir: string;
  readonly auth: ExternalAuth | undefined;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly webOrigins: readonly string[] | undefined;
  /** Whether somebody who comes for the first time finds a group and a live post. */
  readonly demo: boolean;
  readonly nodeEnv: Readonly<Record<string, string>>;
}

/** Wrong options or environment; the message says what is right. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const startUsage = `npm start [-- OPTIONS]
  --port N          where clients connect (PARLEY_PORT, default 8080)
  --address IP      on which address (PARLEY_ADDRESS, default 127.0.0.1)
  --data FOLDER     where everything is kept (PARLEY_DATA, default ./data)
Environment:
  PARLEY_TLS_CERT, PARLEY_TLS_KEY     PEM files: TLS for clients, read again when replaced
  PARLEY_JWKS, PARLEY_JWT_ISSUER, PARLEY_JWT_AUDIENCE, PARLEY_JWT_ALGORITHMS
                                      an issuer of your own (a file or URL) in place of the dev key
  PARLEY_DEV_KEY_EXPOSE=1             listen beyond this machine although anybody could have the dev key
  PARLEY_WEB_ORIGINS                  web pages that may call, as https://app.example,http://localhost:*
  PARLEY_DEMO=0                       no group and no live post for who comes for the first time
  any other PARLEY_…                  goes to the node`;

/** What is read here, and what is no setting of a node. */
const ownNames: readonly string[] = [
  ...strangers,
  'PARLEY_DATA',
  'PARLEY_JWKS',
  'PARLEY_JWT_ISSUER',
  'PARLEY_JWT_AUDIENCE',
  'PARLEY_JWT_ALGORITHMS',
];

/** What the launcher decides for its node. */
const decidedNames: readonly string[] = ['PARLEY_LISTEN', 'PARLEY_NODE_ID', 'PARLEY_DEV_KEY'];

/** Throws UsageError. */
export function readStartSettings(args: readonly string[], env: NodeJS.ProcessEnv): StartSettings {
  const options = parseOptions(args);
  const portText = options.port ?? env['PARLEY_PORT'] ?? '8080';
  const port = Number(portText);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new UsageError(`the port must be a number from 1 to 65535, not "${portText}"`);
  }
  const address = options.address ?? env['PARLEY_ADDRESS'] ?? '127.0.0.1';
  if (isIP(address) === 0) throw new UsageError(`the address must be an IP address of this machine, not "${address}"`);
  const demo = env['PARLEY_DEMO'] ?? '1';
  if (demo !== '0' && demo !== '1') throw new UsageError(`PARLEY_DEMO must be 0 or 1, not "${demo}"`);
  const auth = readAuth(env);
  if (auth === undefined && !address.startsWith('127.') && env['PARLEY_DEV_KEY_EXPOSE'] !== '1') {
    throw new UsageError(
      `listening on ${address} is refused while tokens are signed by the dev key: it is meant for this machine only.\n` +
        'Give PARLEY_JWKS, PARLEY_JWT_ISSUER and PARLEY_JWT_AUDIENCE of a real issuer, or PARLEY_DEV_KEY_EXPOSE=1 if you mean it.',
    );
  }
  const decided = decidedNames.find((name) => env[name]);
  if (decided !== undefined) {
    throw new UsageError(
      `${decided} is decided by npm start; set it for a node that you start yourself (node server/main.ts)`,
    );
  }
  const nodeEnv = Object.entries(env).filter(([name]) => name.startsWith('PARLEY_') && !ownNames.includes(name));
  return {
    port,
    address,
    dataDir: options.data ?? env['PARLEY_DATA'] ?? 'data',
    auth,
    tls: readTls(env),
    webOrigins: readOrigins(env),
    demo: demo === '1',
    nodeEnv: Object.fromEntries(nodeEnv) as Record<string, string>,
  };
}

function parseOptions(args: readonly string[]): { port?: string; address?: string; data?: string } {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({ args: [...args], options: { port: text, address: text, data: text } }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${startUsage}`);
  }
}

function readAuth(env: NodeJS.ProcessEnv): ExternalAuth | undefined {
  const jwks = env['PARLEY_JWKS'];
  if (!jwks) return undefined;
  const issuer = env['PARLEY_JWT_ISSUER'];
  const audience = env['PARLEY_JWT_AUDIENCE'];
  if (!issuer || !audience) {
    throw new UsageError(
      'PARLEY_JWKS needs PARLEY_JWT_ISSUER and PARLEY_JWT_AUDIENCE beside it: which tokens to trust',
    );
  }
  return { jwks, issuer, audience, algorithms: (env['PARLEY_JWT_ALGORITHMS'] ?? 'ES256,RS256,EdDSA').split(',') };
}

function readOrigins(env: NodeJS.ProcessEnv): readonly string[] | undefined {
  const origins = env['PARLEY_WEB_ORIGINS']?.split(',').map((origin) => origin.trim());
  const wrong = wrongOrigin(origins ?? []);
  if (wrong !== undefined) throw new UsageError(wrong);
  return origins;
}

function readTls(env: NodeJS.ProcessEnv): StartSettings['tls'] {
  const { PARLEY_TLS_CERT: cert, PARLEY_TLS_KEY: key } = env;
  if (cert && key) return { cert, key };
  if (cert || key) throw new UsageError('TLS needs both PARLEY_TLS_CERT and PARLEY_TLS_KEY');
  return undefined;
}
