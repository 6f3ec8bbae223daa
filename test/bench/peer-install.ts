// Installs what the comparison runs on: Redis from PATH or apt, the npm packages of peer/package-lock.json into
// .cache/bench-peer. Nothing of it is a dependency of Parley.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from './args.ts';

const source = path.join(import.meta.dirname, 'peer');
const packages = path.resolve(import.meta.dirname, '../../.cache/bench-peer');

export interface PeerPrograms {
  /** Folder with node_modules. */
  readonly packages: string;
  /** redis-server. */
  readonly redis: string;
}

/** @throws UsageError when something is missing that only a person can install */
export function installPeer(): PeerPrograms {
  installPackages();
  return { packages, redis: locateRedis() };
}

function installPackages(): void {
  const lock = readFileSync(path.join(source, 'package-lock.json'), 'utf8');
  const stamp = path.join(packages, '.installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  rmSync(packages, { recursive: true, force: true });
  mkdirSync(packages, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) cpSync(path.join(source, file), path.join(packages, file));
  runVisibly('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], packages);
  writeFileSync(stamp, lock);
}

function locateRedis(): string {
  const found = onPath('redis-server');
  if (found !== undefined) return found;
  if (process.getuid?.() === 0 && onPath('apt-get') !== undefined) {
    // Not started by the package: it belongs to the bench alone.
    runVisibly('apt-get', ['update', '-q'], packages);
    runVisibly('apt-get', ['install', '-yq', '--no-install-recommends', 'redis-server'], packages);
  }
  const installed = onPath('redis-server');
  if (installed === undefined) throw new UsageError('--peer socketio needs Redis: apt-get install redis-server');
  return installed;
}

function runVisibly(command: string, args: readonly string[], cwd: string): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const { status } = spawnSync(command, args, { cwd, env, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new UsageError(`\`${command} ${args.join(' ')}\` failed`);
}

function onPath(name: string): string | undefined {
  const files = (process.env['PATH'] ?? '').split(path.delimiter).map((folder) => path.join(folder, name));
  return files.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
