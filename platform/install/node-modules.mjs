// node_modules, as package-lock.json says. npm writes node_modules/.package-lock.json last, so a tree whose
// installation was interrupted has none; a tree of another lock differs in a version or an integrity hash.
//
// `npm install --no-save` rather than `npm ci`: `npm ci` refuses a lock without the optional packages of every other
// platform, and a lock made behind a registry mirror lacks those that the mirror lacks. What `npm ci` would promise
// (exactly the locked versions and hashes) is checked here afterwards instead. It also leaves a running node_modules alone.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root, runVisibly, say } from './run.mjs';

const installedFile = path.join(root, 'node_modules/.package-lock.json');

export function nodeModulesMatch() {
  if (!existsSync(installedFile)) return false;
  return treeMatchesLock(packagesOf(path.join(root, 'package-lock.json')), packagesOf(installedFile));
}

/** Both arguments: place → {version, integrity, optional, …}, as npm writes them. */
export function treeMatchesLock(locked, installed) {
  const needed = Object.entries(locked).filter(([place, it]) => place !== '' && !it.optional && !it.devOptional);
  if (needed.some(([place]) => !(place in installed))) return false;
  return Object.entries(installed).every(([place, it]) => {
    const wanted = locked[place];
    if (!wanted) return it.optional === true;
    return wanted.version === it.version && wanted.integrity === it.integrity;
  });
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
  } catch {
    return {};
  }
}

export function installNodeModules() {
  say('installing npm packages (once, about 500 MB on disk) …');
  const args = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  args.push('--include=dev', '--include=optional', '--include=peer');
  const remedy = 'Check the network and run the same command again.';
  // The npm and the Node that run this script's parent, never node_modules/.bin/node, which may be replaced meanwhile.
  const { npm_execpath: npmScript, npm_node_execpath: npmNode } = process.env;
  const outerNpm =
    npmScript && /\.c?js$/.test(npmScript) && npmNode && !npmNode.startsWith(path.join(root, 'node_modules'));
  const [command, first] = outerNpm ? [npmNode, [npmScript]] : ['npm', []];
  runVisibly(command, [...first, ...args], remedy, { env: outerEnvironment() });
}

/** Without node_modules/.bin on PATH, and without the settings that the outer npm passes down for its own command line. */
function outerEnvironment() {
  const own =
    /^(npm_(config_(global|prefix|omit|production|local_prefix|package_lock)|package_|lifecycle_)|NODE_ENV$)/i;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
  const folders = (env.PATH ?? '').split(path.delimiter);
  env.PATH = folders.filter((folder) => !folder.endsWith(path.join('node_modules', '.bin'))).join(path.delimiter);
  return env;
}
