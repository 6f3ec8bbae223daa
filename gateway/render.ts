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
  /** gRPC addresses of the nodes: `IPv4:port`, or `name:port` where `nodesBy` is `dns`. */
  readonly nodes: readonly string[];
  /**
   * How the gateway learns of them. `list`, the default: as given, for good. `file`: from nodes.yaml, whenever it is replaced.
   * `dns`: every address that a name has, asked again every 2 s.
   */
  readonly nodesBy?: NodesBy;
  /** HTTP addresses of the nodes' web app, `name:port` or `IPv4:port`. Default: none, and no page is served. */
  readonly web?: readonly string[];
  /** Where tokens are given to whoever asks from this machine, `IPv4:port`. Default, and everywhere but in development: nowhere. */
  readonly devDoor?: string;
  /** The folder under which Envoy sees the files. Default: the one they are written into. */
  readonly seenAs?: string;
  readonly auth: AuthSettings;
  readonly tls?: TlsSettings;
  /** Origins of web pages that may call, exact, or `http://localhost:*` for any port. */
  readonly webOrigins: readonly string[];
  /** A path, or `-` for standard output, whatever that is (a socket has no path). */
  readonly accessLog: string;
  /** Envoy's own memory; above it new work is refused, see README.md. */
  readonly maxHeapBytes: number;
  /** Client connections at once; at most the open-file limit less some. */
  readonly maxConnections: number;
}

export type NodesBy = 'list' | 'file' | 'dns';

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

/** Writes the files into `folder`, and returns the path of the one to start Envoy with, as Envoy sees it. */
export async function writeGateway(folder: string, settings: GatewaySettings): Promise<string> {
  const { tls, nodes, nodesBy = 'list', web = [], devDoor, seenAs = path.resolve(folder) } = settings;
  const seen = (file: string): string => path.join(seenAs, file);
  await mkdir(folder, { recursive: true });
  await writeAuth(folder, settings.auth);
  if (tls !== undefined) await writeTls(folder, tls);
  if (nodesBy === 'file') await writeNodes(folder, nodes);
  const { jwks } = settings.auth;
  const url = 'url' in jwks ? new URL(jwks.url) : undefined;
  const isHttps = url?.protocol === 'https:';
  await renderFile('envoy.yaml', path.join(folder, 'envoy.yaml'), {
    node_id: `gateway-${settings.port}`,
    address: settings.address,
    port: settings.port,
    admin_port: settings.adminPort,
    folder: seenAs,
    nodes_listed: nodesBy === 'list' ? nodes.map(endpoint) : undefined,
    nodes_file: nodesBy === 'file' ? seen('nodes.yaml') : undefined,
    nodes_named: nodesBy === 'dns' ? nodes.map(namedEndpoint) : undefined,
    web: web.length > 0,
    web_named: web.map(namedEndpoint),
    dev_door: devDoor === undefined ? undefined : endpoint(devDoor),
    tls: tls !== undefined,
    tls_file: tls === undefined ? undefined : seen('tls.yaml'),
    auth_file: seen('auth.yaml'),
    web_origins: settings.webOrigins.map(originMatcher),
    local_replies: localReplyConfig(),
    access_log: settings.accessLog === '-' ? undefined : settings.accessLog,
    access_log_to_stdout: settings.accessLog === '-',
    jwks_url: url !== undefined,
    jwks_tls: isHttps,
    jwks_host: url?.hostname,
    jwks_port: url === undefined ? undefined : Number(url.port || (isHttps ? 443 : 80)),
    ca_file: settings.auth.caFile ?? '/etc/ssl/certs/ca-certificates.crt',
    max_heap_bytes: settings.maxHeapBytes,
    max_connections: settings.maxConnections,
  });
  return seen('envoy.yaml');
}

/** Writes nodes.yaml alone: a gateway whose nodes are told by file takes the new ones from it at once. */
export async function writeNodes(folder: string, nodes: readonly string[]): Promise<void> {
  await renderFile('nodes.yaml', path.join(folder, 'nodes.yaml'), { nodes: nodes.map(endpoint) });
}

/** Writes auth.yaml alone: Envoy takes new keys from it at once, and no stream notices. */
export async function writeAuth(folder: string, auth: AuthSettings): Promise<void> {
  await renderFile('auth.yaml', path.join(folder, 'auth.yaml'), {
    issuer: auth.issuer,
    audience: auth.audience,
    jwks_inline: 'text' in auth.jwks ? auth.jwks.text : undefined,
    jwks_url: 'url' in auth.jwks ? auth.jwks.url : undefined,
  });
}

async function writeTls(folder: string, { cert, key, watchedFolder }: TlsSettings): Promise<void> {
  await renderFile('tls.yaml', path.join(folder, 'tls.yaml'), {
    tls_cert: path.resolve(cert),
    tls_key: path.resolve(key),
    tls_folder: watchedFolder ?? path.dirname(path.resolve(cert)),
  });
}

async function renderFile(
  template: string,
  target: string,
  settings: Parameters<typeof renderTemplate>[1],
): Promise<void> {
  const text = await readFile(path.join(import.meta.dirname, template), 'utf8');
  // Envoy notices renames only, and a rename never shows it half a file.
  await writeFile(`${target}.new`, renderTemplate(text, settings));
  await rename(`${target}.new`, target);
}

function endpoint(node: string): Record<string, unknown> {
  const { host, port } = addressOf(node);
  if (!isIPv4(host)) throw new Error(`a node's address must be IPv4:port, not "${node}"`);
  return socketAddress(host, port);
}

function namedEndpoint(node: string): Record<string, unknown> {
  const { host, port } = addressOf(node);
  if (!/^[A-Za-z0-9._-]+$/.test(host)) throw new Error(`a node's address must be name:port, not "${node}"`);
  return socketAddress(host, port);
}

function addressOf(node: string): { host: string; port: number } {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(node) ?? [];
  return { host, port: Number(port) };
}

function socketAddress(address: string, port: number): Record<string, unknown> {
  return { endpoint: { address: { socket_address: { address, port_value: port } } } };
}

function originMatcher(origin: string): Record<string, unknown> {
  if (!origin.endsWith(':*')) return { exact: origin };
  const escaped = origin.slice(0, -2).replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return { safe_regex: { regex: `${escaped}(:[0-9]+)?` } };
}
