// Builds the web app when it is not built as it stands: into .cache/app/HASH, where HASH is of everything that goes in.
// Two that build at once make the same, and the first is kept.
//
//   node platform/web-app.ts [FOLDER]     builds it, into FOLDER where one is given (the image does)
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { cacheDir, root, say } from './install/run.mjs';

/** What goes into it. */
const sources = ['clients/{app,core,web}/**/*', 'proto/**/*.proto', 'buf*.yaml', 'package-lock.json'];
/** Builds that are kept: those of branches one goes back and forth between. */
const keptBuilds = 3;

/** The folder of the built app, built now if need be (two seconds). Throws with what the build had to say. */
export function builtWebApp(): string {
  const apps = path.join(cacheDir, 'app');
  const folder = path.join(apps, hashOfSources());
  if (existsSync(folder)) return folder;
  say('building the web app …');
  mkdirSync(apps, { recursive: true });
  const draft = mkdtempSync(path.join(apps, 'draft-'));
  try {
    build(draft);
    chmodSync(draft, 0o755);
    renameSync(draft, folder);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  tidy(apps);
  return folder;
}

function build(folder: string): void {
  const vite = path.join(root, 'node_modules/vite/bin/vite.js');
  const args = [vite, 'build', '--config', 'clients/app/vite.config.ts', '--outDir', folder, '--logLevel', 'warn'];
  // Whatever the caller is, a test among them: React has two builds.
  const env = { ...process.env, NODE_ENV: 'production' };
  execFileSync(process.execPath, args, { cwd: root, env, stdio: ['ignore', 2, 2] });
  for (const name of globSync('**/*.{js,css,html,svg,json,webmanifest}', { cwd: folder })) {
    const file = path.join(folder, name);
    const body = readFileSync(file);
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: body.length };
    for (const [suffix, packed] of [
      ['.br', brotliCompressSync(body, { params })],
      ['.gz', gzipSync(body, { level: 9 })],
    ] as const) {
      if (packed.length < body.length) writeFileSync(file + suffix, packed);
    }
  }
}

function hashOfSources(): string {
  const hash = createHash('sha256');
  const files = globSync(sources, { cwd: root, exclude: (name) => name.endsWith('.test.ts') }).toSorted();
  for (const name of files) {
    const file = path.join(root, name);
    if (statSync(file).isFile()) hash.update(`${name}\0`).update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex').slice(0, 16);
}

function tidy(apps: string): void {
  const old = readdirSync(apps)
    .map((name) => ({ folder: path.join(apps, name), ms: statSync(path.join(apps, name)).mtimeMs }))
    .toSorted((a, b) => b.ms - a.ms)
    .slice(keptBuilds);
  for (const { folder } of old) rmSync(folder, { recursive: true, force: true });
}

if (import.meta.main) {
  const [target] = process.argv.slice(2);
  const folder = builtWebApp();
  if (target !== undefined) cpSync(folder, target, { recursive: true });
}
