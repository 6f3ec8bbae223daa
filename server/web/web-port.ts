import type { IncomingMessage, ServerResponse } from 'node:http';
import { type HttpPort, listenHttp } from '../http-port.ts';
import type { Encoding, WebFile } from './web-files.ts';

/** What the app is told by its deployment, as /config.json. */
export interface WebConfig {
  /** True: tokens are the dev key's, and whoever types a name gets one. */
  readonly dev: boolean;
  /** Where the page fetches tokens: `{"token": "…"}`, with the cookies of that origin; 401 = nobody is signed in there. */
  readonly tokenUrl: string;
  /** Where somebody signs in; the page's address follows as `return_to`. Empty = the app says that it cannot. */
  readonly signInUrl: string;
}

/** Paths of the app's own screens: each is the same page, which shows what the path says. */
const screens = /^\/(?:$|t\/|live\/)/;

/**
 * Serves the web app over HTTP/1.1, to the gateway. Paths are looked up in a table, so none leads anywhere else. Hashed
 * names may be kept for ever, everything else is asked for again and answered 304 when it is the same.
 */
export async function serveWeb(
  files: ReadonlyMap<string, WebFile>,
  config: WebConfig,
  address: { readonly host: string; readonly port: number },
): Promise<HttpPort> {
  const common = headersOf(config);
  const text = JSON.stringify(config);
  return listenHttp((request, response) => {
    for (const [name, value] of common) response.setHeader(name, value);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    const [path = '/'] = (request.url ?? '/').split('?');
    if (path === '/config.json') {
      response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
      response.end(request.method === 'HEAD' ? undefined : text);
      return;
    }
    const file = files.get(screens.test(path) ? '/index.html' : path);
    if (file === undefined) {
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
      response.end(request.method === 'HEAD' ? undefined : 'There is nothing here.\n');
    } else answer(request, response, file);
  }, address);
}

function answer(request: IncomingMessage, response: ServerResponse, file: WebFile): void {
  const encoding = encodingFor(request.headers['accept-encoding'] ?? '', file.bodies);
  const etag = `"${file.etag}-${encoding}"`;
  response.setHeader('etag', etag);
  response.setHeader('vary', 'accept-encoding');
  response.setHeader('cache-control', file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache');
  const held = (request.headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (held.includes(etag) || held.includes('*')) {
    response.writeHead(304).end();
    return;
  }
  const body = file.bodies.get(encoding) ?? Buffer.alloc(0);
  if (encoding !== 'identity') response.setHeader('content-encoding', encoding);
  response.writeHead(200, { 'content-type': file.type, 'content-length': body.length });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** The smallest that the page takes; `identity` always is. */
function encodingFor(accepted: string, bodies: ReadonlyMap<Encoding, Buffer>): Encoding {
  const taken = new Set<string>();
  for (const part of accepted.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((it) => it.trim());
    if (!parameters.some((it) => /^q=0(\.0*)?$/.test(it))) taken.add(name);
  }
  for (const encoding of ['br', 'gzip'] as const) {
    if (bodies.has(encoding) && taken.has(encoding)) return encoding;
  }
  return 'identity';
}

/** What holds for every answer. No script, style or frame comes from anywhere but here; pictures may, since avatars do. */
function headersOf({ tokenUrl }: WebConfig): readonly (readonly [string, string])[] {
  const tokens = /^https?:\/\//.test(tokenUrl) ? ` ${new URL(tokenUrl).origin}` : '';
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' https:",
    "font-src 'self'",
    `connect-src 'self'${tokens}`,
    "manifest-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types default',
  ];
  return [
    ['content-security-policy', policy.join('; ')],
    ['x-content-type-options', 'nosniff'],
    ['referrer-policy', 'no-referrer'],
    ['cross-origin-opener-policy', 'same-origin'],
    ['cross-origin-resource-policy', 'same-origin'],
    ['permissions-policy', 'camera=(), geolocation=(), microphone=(), payment=(), usb=()'],
  ];
}
