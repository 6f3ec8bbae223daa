// `node deploy/check-packages.mjs [--production]`, in a folder where npm has installed: ends with code 1 unless what stands in
// node_modules is what package-lock.json says, by version and hash. `npm ci` would promise that, but refuses this lock
// (platform/install/node-modules.mjs says why).
import { readFileSync } from 'node:fs';
import { treeMatchesLock } from '../platform/install/node-modules.mjs';

const packagesOf = (file) => Object.entries(JSON.parse(readFileSync(file, 'utf8')).packages);
const isProduction = process.argv.includes('--production');
const locked = packagesOf('package-lock.json').filter(([, it]) => !(isProduction && it.dev));
if (!treeMatchesLock(Object.fromEntries(locked), Object.fromEntries(packagesOf('node_modules/.package-lock.json')))) {
  console.error('parley: node_modules is not what package-lock.json says');
  process.exit(1);
}
