// What Parley needs beside a bare machine, in the order of installation. A later component may rely on the earlier ones.
//   name     what PARLEY_SKIP calls it          for      what needs it: 'start', 'cluster', 'browser', 'browsers' or 'test'
//   why      what is missing without it         present  true when there is nothing to do (fast: asked at every start)
//   install  makes it present, if we can        remedy   what a person types when we cannot
//   spare    true when what needs it does without, and says so itself
import path from 'node:path';
import { locateChromium, locateFirefox, locateWebKit } from './browsers.mjs';
import { cassandraRemedy, installCassandra, locateCassandra } from './cassandra.mjs';
import { aptCommand, envoyRemedy, installEnvoy, locateEnvoy } from './envoy.mjs';
import { checkHost } from './host.mjs';
import { installNodeModules, nodeModulesMatch } from './node-modules.mjs';
import { probeVersion } from './probe.mjs';
import { isExecutable, onPath, root, runVisibly, say } from './run.mjs';

const pinnedNode = path.join(root, 'node_modules/.bin/node');

export const components = [
  {
    name: 'machine',
    for: 'start',
    why: 'Parley runs on Linux (glibc) and macOS',
    present: checkHost,
    remedy: () => '',
  },
  {
    name: 'packages',
    for: 'start',
    why: 'the npm packages of package-lock.json, with the pinned Node',
    present: nodeModulesMatch,
    install: installNodeModules,
    remedy: () => 'rm -rf node_modules, then run the same command again.',
  },
  {
    name: 'envoy',
    for: 'start',
    why: 'clients reach the nodes through Envoy',
    present: () => locateEnvoy() !== undefined,
    install: installEnvoy,
    remedy: envoyRemedy,
  },
  {
    name: 'generated',
    for: 'start',
    why: 'TypeScript made from proto/',
    // The generator keeps its own stamp and does nothing when its inputs are unchanged, so it is run rather than asked.
    present: generate,
    remedy: () => 'npm run gen',
  },
  {
    name: 'go',
    for: 'test',
    why: 'tests compile Go stubs and run the Go load generator and the checkers of deployments',
    present: () => isAtLeast('go', ['version'], /go(\d+)\.(\d+)/, [1, 24]),
    remedy: () => 'Install Go 1.24 or later: https://go.dev/dl',
  },
  {
    name: 'java',
    for: 'cluster',
    why: 'Cassandra runs on it, and tests compile Java stubs',
    present: () => isAtLeast('javac', ['-version'], /javac (\d+)(?:\.(\d+))?/, [17, 0]),
    remedy: () => aptCommand('openjdk-17-jdk-headless'),
  },
  {
    name: 'maven',
    for: 'cluster',
    why: 'Cassandra is fetched by it, and tests compile Java stubs with it',
    present: () => onPath('mvn') !== undefined,
    remedy: () => aptCommand('maven'),
  },
  {
    name: 'cassandra',
    for: 'cluster',
    why: 'a cluster keeps its messages in it',
    present: () => Boolean(process.env.CASSANDRA_CONTACT_POINTS) || locateCassandra() !== undefined,
    install: installCassandra,
    remedy: cassandraRemedy,
  },
  {
    name: 'python',
    for: 'test',
    why: 'tests run a Python client over generated stubs, and check the manifests of a deployment',
    present: () => isAtLeast('python3', ['--version'], /Python (\d+)\.(\d+)/, [3, 9]),
    remedy: () => aptCommand('python3 python3-venv'),
  },
  {
    name: 'openssl',
    for: 'cluster',
    why: 'the nodes of a cluster know one another by certificates',
    present: () => onPath('openssl') !== undefined,
    ...(canUseApt() ? { install: () => installWithApt('openssl') } : {}),
    remedy: () => aptCommand('openssl'),
  },
  {
    name: 'redis',
    for: 'cluster',
    why: 'it carries the live traffic of a cluster',
    present: () => isAtLeast('redis-server', ['--version'], /v=(\d+)\.(\d+)/, [7, 0]),
    ...(canUseApt() ? { install: () => installWithApt('redis-server') } : {}),
    remedy: () => (process.platform === 'darwin' ? 'brew install redis' : aptCommand('redis-server')),
  },
  {
    name: 'tmux',
    for: 'test',
    why: 'tests play the terminal client in it',
    present: () => onPath('tmux') !== undefined,
    ...(canUseApt() ? { install: () => installWithApt('tmux') } : {}),
    remedy: () => aptCommand('tmux'),
  },
  {
    name: 'strace',
    for: 'test',
    why: 'tests see by it that no answer leaves before its fsync',
    present: () => onPath('strace') !== undefined,
    ...(canUseApt() ? { install: () => installWithApt('strace') } : {}),
    remedy: () => aptCommand('strace'),
  },
  {
    name: 'chromium',
    for: 'browser',
    why: 'tests run the web SDK and the web app in it',
    present: () => locateChromium() !== undefined,
    ...(canUseApt() ? { install: () => installWithApt('chromium') } : {}),
    remedy: () => (process.platform === 'darwin' ? 'brew install --cask chromium' : aptCommand('chromium')),
  },
  {
    name: 'firefox',
    for: 'browsers',
    spare: true,
    why: 'the suite of carriers runs in it too',
    present: () => locateFirefox() !== undefined,
    ...(canUseApt() ? { install: () => installWithApt('firefox-esr') } : {}),
    remedy: () => aptCommand('firefox-esr'),
  },
  {
    name: 'webkit',
    for: 'browsers',
    spare: true,
    why: 'the suite of carriers runs in it too',
    present: () => locateWebKit() !== undefined,
    ...(canUseApt() ? { install: () => installWithApt('webkit2gtk-driver', 'xvfb') } : {}),
    remedy: () => aptCommand('webkit2gtk-driver xvfb'),
  },
];

function generate() {
  if (!isExecutable(pinnedNode) && process.platform === 'linux') return false;
  const node = isExecutable(pinnedNode) ? pinnedNode : process.execPath;
  runVisibly(node, [path.join(root, 'platform/gen.ts')], 'See the lines above; `npm run gen` shows them again.');
  return true;
}

function isAtLeast(program, args, pattern, [major, minor]) {
  const found = onPath(program);
  const [, a, b = '0'] = (found && pattern.exec(probeVersion(found, args) ?? '')) || [];
  return a !== undefined && (Number(a) > major || (Number(a) === major && Number(b) >= minor));
}

function canUseApt() {
  return process.getuid?.() === 0 && onPath('apt-get') !== undefined;
}

function installWithApt(...names) {
  const all = names.join(' ');
  say(`installing ${all} with apt-get …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  runVisibly('apt-get', ['update', '-qq'], aptCommand(all), { env });
  runVisibly('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], aptCommand(all), { env });
}
