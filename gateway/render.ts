// From settings to the files that Envoy reads. Everything a deployment can choose about the gateway is in GatewaySettings.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import path from 'node:path';
import { localReplyConfig } from './local-replies.ts';
import { renderTemplate } from './template.ts';

export interface GatewaySettings {
  /** Where clients connect. A loopback address unless the deployment says otherwise. */
  readonly address: string;
  readonly port: number;
  /** On 127.0.0.1, always. */
  readonly adminPort: number;
  /** gRPC addresses of the nodes, `IPv4:port`. */
  readonly nodes: readonly string[];
  readonly auth: AuthSettings;
  readonly tls?: TlsSettings;
  /** Origins of web pages that may call, exact, or `http://localhost:*` for any port. */
  readonly webOrigins: readonly string[];
  readonly accessLog: string;
  /** Envoy's own memory; above it new work is refused, see README.md. */
  readonly maxHeapBytes: number;
  /** Client connections at once; at most the open-file limit less some. */
  readonly maxConnections: number;
}

export interface TlsSettings {
  readonly cert: string;
  readonly key: string;
  /** Both are read again when a file is renamed into this folder. Default: the certificate's own. */
  readonly watchedFolder?: string;
}

export interface AuthSettings {
  readonly issuer: string;
  readonly audience: string;
  /** The text of a JWKS, or the URL where Envoy fetches it. */
  readonly jwks: { readonly text: string } | { readonly url: string };
  /** CA certificates for an https URL. */
  readonly caFile?: string;
}

/** Writes the files into `folder`, and returns the path of the one to start Envoy with. */
export async function writeGateway(folder: string, settings: GatewaySettings): Promise<string> {
  await mkdir(folder, { recursive: true });
  const authFile = await writeAuth(folder, settings.auth);
  const tlsFile = settings.tls === undefined ? undefined : await writeTls(folder, settings.tls);
  const { jwks } = settings.auth;
  const url = 'url' in jwks ? new URL(jwks.url) : undefined;
  const isHttps = url?.protocol === 'https:';
  return renderFile('envoy.yaml', path.join(folder, 'envoy.yaml'), {
    node_id: `gateway-${settings.port}`,
    address: settings.address,
    port: settings.port,
    admin_port: settings.adminPort,
    nodes: settings.nodes.map(endpoint),
    tls: settings.tls !== undefined,
    tls_file: tlsFile,
    auth_file: authFile,
    web_origins: settings.webOrigins.map(originMatcher),
    local_replies: localReplyConfig(),
    access_log: settings.accessLog,
    jwks_url: url !== undefined,
    jwks_tls: isHttps,
    jwks_host: url?.hostname,
    jwks_port: url === undefined ? undefined : Number(url.port || (isHttps ? 443 : 80)),
    ca_file: settings.auth.caFile ?? '/etc/ssl/certs/ca-certificates.crt',
    max_heap_bytes: settings.maxHeapBytes,
    max_connections: settings.maxConnections,
  });
}

/** Writes auth.yaml alone: Envoy takes new keys from it at once, and no stream notices. */
export async function writeAuth(folder: string, auth: AuthSettings): Promise<string> {
  return renderFile('auth.yaml', path.join(folder, 'auth.yaml'), {
    issuer: auth.issuer,
    audience: auth.audience,
    jwks_inline: 'text' in auth.jwks ? auth.jwks.text : undefined,
    jwks_url: 'url' in auth.jwks ? auth.jwks.url : undefined,
  });
}

async function writeTls(folder: string, { cert, key, watchedFolder }: TlsSettings): Promise<string> {
  return renderFile('tls.yaml', path.join(folder, 'tls.yaml'), {
    tls_cert: path.resolve(cert),
    tls_key: path.resolve(key),
    tls_folder: watchedFolder ?? path.dirname(path.resolve(cert)),
  });
}

async function renderFile(
  template: string,
  target: string,
  settings: Parameters<typeof renderTemplate>[1],
): Promise<string> {
  const text = await readFile(path.join(import.meta.dirname, template), 'utf8');
  // Envoy notices renames only, and a rename never shows it half a file.
  await writeFile(`${target}.new`, renderTemplate(text, settings));
  await rename(`${target}.new`, target);
  return target;
}

function endpoint(node: string): Record<string, unknown> {
  const [, address = '', port = ''] = /^(.*):(\d+)$/.exec(node) ?? [];
  if (!isIPv4(address)) throw new Error(`a node's address must be IPv4:port, not "${node}"`);
  return { endpoint: { address: { socket_address: { address, port_value: Number(port) } } } };
}

function originMatcher(origin: string): Record<string, unknown> {
  if (!origin.endsWith(':*')) return { exact: origin };
  const escaped = origin.slice(0, -2).replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return { safe_regex: { regex: `${escaped}(:[0-9]+)?` } };
}
