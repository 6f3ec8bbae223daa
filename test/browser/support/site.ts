// Built pages on an origin of their own, another one than the gateway's.
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { build } from 'vite';

const root = path.resolve(import.meta.dirname, '../../..');
const types: Readonly<Record<string, string>> = { html: 'text/html; charset=utf-8', js: 'text/javascript' };

/** Files by path, as `index.html`. */
export type Files = ReadonlyMap<string, string>;

/** A page with one module, which is built from `entry`; what it starts workers from are files of their own. */
export async function buildSite(entry: string): Promise<Files> {
  const built = await build({
    configFile: false,
    root,
    logLevel: 'error',
    build: { write: false, target: 'es2024', assetsInlineLimit: 0, rolldownOptions: { input: entry } },
  });
  const files = filesOf(built);
  const script = [...files.keys()].find((name) => name.includes(`/${path.basename(entry, '.ts')}`));
  if (script === undefined) throw new Error(`${entry} was built to nothing`);
  return new Map(files).set(
    'index.html',
    `<!doctype html><title>Parley</title><script type="module" src="/${script}"></script>`,
  );
}

/** What Vite built, in memory. */
export function filesOf(built: Awaited<ReturnType<typeof build>>): Files {
  const files = new Map<string, string>();
  for (const result of Array.isArray(built) ? built : [built]) {
    if (!('output' in result)) throw new Error('nothing was built');
    for (const file of result.output) {
      const content = file.type === 'chunk' ? file.code : file.source;
      files.set(file.fileName, typeof content === 'string' ? content : Buffer.from(content).toString());
    }
  }
  return files;
}

export interface Site extends AsyncDisposable {
  /** As http://localhost:1234. */
  readonly origin: string;
}

export interface Serving {
  /** host:port. With it: a policy that allows no inline script, and calls to it and to the pages' own origin alone; without: pages may call whom they like. */
  readonly gateway?: string;
  /** What is said under a path that no file has, as `a/b`; undefined = there is none. */
  readonly answer?: (path: string) => Promise<string> | undefined;
}

/** Serves files until disposed. */
export async function serveSite(files: Files, { gateway, answer }: Serving = {}): Promise<Site> {
  const policy = `default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self' http://${gateway}`;
  const serve = async (url: string, response: ServerResponse): Promise<void> => {
    const name = url.replace(/[?#].*$/, '').slice(1) || 'index.html';
    const content = files.get(name) ?? (await answer?.(name));
    response.statusCode = content === undefined ? 404 : 200;
    response.setHeader('content-type', types[name.split('.').at(-1) ?? ''] ?? 'text/plain');
    if (gateway !== undefined) response.setHeader('content-security-policy', policy);
    response.end(content ?? '');
  };
  const server = createServer((request, response) => {
    serve(request.url ?? '/', response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
