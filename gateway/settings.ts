// What a deployment says about its gateway, by environment. `npm start` has its own way, platform/start-settings.ts.
import { readFile } from 'node:fs/promises';
import { wrongOrigin } from './origins.ts';
import type { AuthSettings, GatewaySettings, NodesBy } from './render.ts';

/** Name, default and meaning. Without a default it is required. */
const settings: Readonly<Record<string, readonly [fallback: string | undefined, meaning: string]>> = {
  PARLEY_GATEWAY_LISTEN: ['0.0.0.0:8080', 'IP:port where clients connect'],
  PARLEY_GATEWAY_NODES: [undefined, 'where the nodes are: host:port, comma separated'],
  PARLEY_GATEWAY_NODES_BY: [
    'dns',
    '`dns`: all addresses of those names, asked every 2 s · `file`: IPv4 addresses in nodes.yaml, read again when it is ' +
      'replaced · `list`: IPv4 addresses, for good',
  ],
  PARLEY_GATEWAY_WEB: [
    '',
    'where the nodes serve the web app: host:port, comma separated, found as by `dns`; empty = it is not served',
  ],
  PARLEY_GATEWAY_SEEN_AS: ['', 'the folder under which Envoy sees the files; empty = the one they are written into'],
  PARLEY_GATEWAY_ADMIN_PORT: ['9901', "Envoy's admin interface, on 127.0.0.1 always"],
  PARLEY_GATEWAY_MAX_HEAP_MIB: ['1024', "Envoy's memory; less than its container's limit"],
  PARLEY_GATEWAY_MAX_CONNECTIONS: ['10000', 'client connections at once, about 50 KiB each; below the open-file limit'],
  PARLEY_GATEWAY_ACCESS_LOG: ['-', 'path of the access log; `-` = standard output'],
  PARLEY_GATEWAY_JWKS_CA: ['', "path of CA certificates for the keys' URL; empty = those of Envoy's machine"],
  PARLEY_TLS_CERT: ['', 'path of the PEM certificate chain that clients are shown, as Envoy sees it; empty = no TLS'],
  PARLEY_TLS_KEY: ['', 'path of its key'],
  PARLEY_WEB_ORIGINS: ['', 'web pages that may call, comma separated, as https://app.example'],
  PARLEY_JWKS: [undefined, 'file or http(s) URL of the keys that tokens are checked with'],
  PARLEY_JWT_ISSUER: [undefined, '`iss` that tokens must have'],
  PARLEY_JWT_AUDIENCE: [undefined, '`aud` that tokens must have'],
};

/** Wrong settings; the message says what is right. */
class GatewaySettingsError extends Error {
  override readonly name = 'GatewaySettingsError';
}

/** Names of the node, the launcher and the set-up are left alone; a PARLEY_GATEWAY_ name must be known. */
export async function readGatewaySettings(env: NodeJS.ProcessEnv): Promise<GatewaySettings> {
  const unknown = Object.keys(env).filter((name) => name.startsWith('PARLEY_GATEWAY_') && !(name in settings));
  if (unknown.length > 0) {
    throw new GatewaySettingsError(
      `no such setting: ${unknown.join(', ')}; there are ${Object.keys(settings).join(', ')}`,
    );
  }
  const of = (name: string): string => {
    const [fallback, meaning] = settings[name] ?? [];
    const value = (env[name] ?? '') === '' ? fallback : env[name];
    if (value === undefined) throw new GatewaySettingsError(`${name} is required: ${meaning}`);
    return value;
  };
  const [, address = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(of('PARLEY_GATEWAY_LISTEN')) ?? [];
  if (address === '') {
    throw new GatewaySettingsError(`PARLEY_GATEWAY_LISTEN must be IP:port, not "${of('PARLEY_GATEWAY_LISTEN')}"`);
  }
  const [cert, key, seenAs] = [of('PARLEY_TLS_CERT'), of('PARLEY_TLS_KEY'), of('PARLEY_GATEWAY_SEEN_AS')];
  if ((cert === '') !== (key === ''))
    throw new GatewaySettingsError('TLS needs both PARLEY_TLS_CERT and PARLEY_TLS_KEY');
  const whole = (name: string): number => {
    if (!/^[1-9]\d*$/.test(of(name)))
      throw new GatewaySettingsError(`${name} must be a whole number, not "${of(name)}"`);
    return Number(of(name));
  };
  const webOrigins = listOf(of('PARLEY_WEB_ORIGINS'));
  const wrong = wrongOrigin(webOrigins);
  if (wrong !== undefined) throw new GatewaySettingsError(wrong);
  return {
    address,
    port: Number(port),
    adminPort: whole('PARLEY_GATEWAY_ADMIN_PORT'),
    nodes: listOf(of('PARLEY_GATEWAY_NODES')),
    nodesBy: nodesByOf(of('PARLEY_GATEWAY_NODES_BY')),
    web: listOf(of('PARLEY_GATEWAY_WEB')),
    ...(seenAs === '' ? {} : { seenAs }),
    auth: await authOf(of),
    ...(cert === '' ? {} : { tls: { cert, key } }),
    webOrigins,
    accessLog: of('PARLEY_GATEWAY_ACCESS_LOG'),
    maxHeapBytes: whole('PARLEY_GATEWAY_MAX_HEAP_MIB') * 1024 ** 2,
    maxConnections: whole('PARLEY_GATEWAY_MAX_CONNECTIONS'),
  };
}

/** The settings as a table in Markdown, for README.md; a test holds the two together. */
export function gatewaySettingsTable(): string {
  const rows = Object.entries(settings).map(([name, [fallback, meaning]]) => {
    const shown = fallback === undefined ? 'required' : fallback === '' ? '' : `\`${fallback}\``;
    return `| ${name} | ${shown} | ${meaning} |`;
  });
  return ['| setting | default | what follows |', '| --- | --- | --- |', ...rows].join('\n');
}

async function authOf(of: (name: string) => string): Promise<AuthSettings> {
  const [issuer, audience, jwks] = [of('PARLEY_JWT_ISSUER'), of('PARLEY_JWT_AUDIENCE'), of('PARLEY_JWKS')];
  const caFile = of('PARLEY_GATEWAY_JWKS_CA');
  const trust = caFile === '' ? {} : { caFile };
  if (/^https?:\/\//.test(jwks)) return { issuer, audience, jwks: { url: jwks }, ...trust };
  try {
    const text = await readFile(jwks, 'utf8');
    JSON.parse(text);
    return { issuer, audience, jwks: { text } };
  } catch (error) {
    throw new GatewaySettingsError(`PARLEY_JWKS: ${jwks} has no keys: ${(error as Error).message}`, { cause: error });
  }
}

function nodesByOf(text: string): NodesBy {
  if (text === 'dns' || text === 'file' || text === 'list') return text;
  throw new GatewaySettingsError(`PARLEY_GATEWAY_NODES_BY must be dns, file or list, not "${text}"`);
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}
