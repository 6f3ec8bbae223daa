// Where foreign tools come from. What is fetched or built lies under the cache folder (PARLEY_CACHE, default ./.cache),
// in a folder named after its versions: built once, found again by every later run, never in git.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');
export const cache = path.join(path.resolve(root, process.env['PARLEY_CACHE'] ?? '.cache'), 'interop');

/** A cold cache downloads and compiles: half a minute alone, minutes when other tests have the cores. */
export const coldLimitMs = 600_000;

/**
 * Modules and compiled packages stay in the cache folder; its files can be deleted like any other. The same for all that `go`
 * does here: of packages that were compiled with other flags nothing is used again, and the standard library takes the longest.
 */
export const goEnv = {
  GOMODCACHE: path.join(cache, 'go-modules'),
  GOCACHE: path.join(cache, 'go-build'),
  GOFLAGS: '-modcacherw -trimpath -buildvcs=false',
  GOTOOLCHAIN: 'local',
  GOWORK: 'off',
};

type Where = { cwd: string; env?: Record<string, string> };

/** Runs a program to its end and gives what it wrote to stdout. Throws with its whole output when it fails. */
export async function run(command: string, args: readonly string[], { cwd, env }: Where): Promise<Buffer> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const stdout: Buffer[] = [];
  const all: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout.push(chunk);
    all.push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => all.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code === 0) return Buffer.concat(stdout);
  throw new Error(`${command} ${args.join(' ')} ended with ${code ?? 'a signal'}:\n${Buffer.concat(all).toString()}`);
}

/**
 * The folder that `build` filled for exactly these `versions`, built now if it is not there. Nobody ever sees half of it:
 * it is built under another name, and of two runs that build at once the later one discards its own.
 * `build` is told the final path too, for what writes it into files.
 */
export async function cached(
  name: string,
  versions: readonly string[],
  build: (scratch: string, final: string) => Promise<void>,
): Promise<string> {
  const key = createHash('sha256').update(versions.join('\n')).digest('hex').slice(0, 12);
  const folder = path.join(cache, `${name}-${key}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(path.join(cache, `.${name}-`));
  try {
    await build(scratch, folder);
    renameSync(scratch, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return folder;
}
