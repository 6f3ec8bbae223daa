import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** How a body is sent. */
export type Encoding = 'br' | 'gzip' | 'identity';

/** A file of the web app, in memory: its size is that of the app, some hundred KiB. */
export interface WebFile {
  readonly type: string;
  /** Strong: a hash of the content. Each encoding adds its name. */
  readonly etag: string;
  /** Its name has a hash of what is in it: what is cached of it never gets old. */
  readonly immutable: boolean;
  /** Always with `identity`; the others where they are smaller. */
  readonly bodies: ReadonlyMap<Encoding, Buffer>;
}

/** Media types of what the app consists of; a file of another kind is a mistake in its build. */
const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.woff2': 'font/woff2',
};

/** What a build puts beside a file: the same, compressed. */
const packed = { br: '.br', gzip: '.gz' } as const;

/**
 * Reads a built app: paths as in URLs (`/index.html`, `/assets/app-….js`) and what is served under them. A file with `.br` or
 * `.gz` behind its name is another form of that file: nothing is compressed here. Names that begin with a dot are left out.
 * @throws Error when there is no index.html, or a file of a type that is not known
 */
export async function readWebFiles(folder: string): Promise<ReadonlyMap<string, WebFile>> {
  const files = new Map<string, WebFile>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || /^\.|\.(br|gz)$/.test(entry.name)) continue;
    const file = path.join(entry.parentPath, entry.name);
    const url = `/${path.relative(folder, file).split(path.sep).join('/')}`;
    files.set(url, await readOne(file, url));
  }
  if (!files.has('/index.html')) throw new Error(`${folder} has no index.html: the web app is not built`);
  return files;
}

async function readOne(file: string, url: string): Promise<WebFile> {
  const extension = path.extname(file);
  const type = types[extension];
  if (type === undefined) throw new Error(`${file} is of no type that a web app has`);
  const body = await readFile(file);
  const bodies = new Map<Encoding, Buffer>([['identity', body]]);
  for (const [encoding, suffix] of Object.entries(packed) as [Encoding, string][]) {
    const bytes = await readFile(file + suffix).catch(() => undefined);
    if (bytes !== undefined) bodies.set(encoding, bytes);
  }
  const etag = createHash('sha256').update(body).digest('base64url').slice(0, 22);
  return { type, etag, immutable: url.startsWith('/assets/'), bodies };
}
