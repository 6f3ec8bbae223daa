// `npm run cluster`: three nodes behind Envoy, a Redis Cluster and Cassandra, all on this machine, until Ctrl-C. What is killed
// stays gone, and is shown, until `r` starts it again. Exit codes: 0 stopped as asked, 1 something failed, 2 wrong options.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { untilAsked } from './asked.ts';
import { ClaimedError, claimFolder } from './claim.ts';
import { type PartStatus, statusOf, tableOf } from './cluster-status.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { PortTakenError } from './ports.ts';

const usage = `npm run cluster [-- OPTIONS]
  --cassandra N     processes of Cassandra, 1 or 3 (default 1; each about 1 GiB)
  --nodes N         node processes, 1 to 9 (default 3)
  --port N          where clients connect (default 8080)
  --data FOLDER     where everything is kept (default ./data/cluster)`;

const lookEveryMs = 1_000;
const isTerminal = process.stdout.isTTY && process.stdin.isTTY;

interface Settings {
  readonly cassandra: 1 | 3;
  readonly nodes: number;
  readonly port: number;
  readonly dataDir: string;
}

class UsageError extends Error {}

function fail(message: string, code: number): never {
  console.error(`\nparley: ${message}`);
  process.exit(code);
}

function readSettings(args: readonly string[]): Settings {
  const options = { cassandra: '1', nodes: '3', port: '8080', data: 'data/cluster' };
  const strings = Object.keys(options).map((name) => [name, { type: 'string' }] as const);
  let values: Partial<Record<keyof typeof options, string>>;
  try {
    values = parseArgs({ args: [...args], options: Object.fromEntries(strings) }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${usage}`);
  }
  const { cassandra, nodes, port, data } = { ...options, ...values };
  const number = (name: string, text: string, min: number, max: number): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new UsageError(`--${name} takes a number from ${min} to ${max}, not "${text}"\n\n${usage}`);
  };
  if (cassandra !== '1' && cassandra !== '3') throw new UsageError(`--cassandra takes 1 or 3, not "${cassandra}"`);
  return {
    cassandra: cassandra === '3' ? 3 : 1,
    nodes: number('nodes', nodes, 1, 9),
    port: number('port', port, 1, 65_535),
    dataDir: path.resolve(data),
  };
}

async function run({ dataDir, ...settings }: Settings): Promise<void> {
  const claim = claimFolder(dataDir, `127.0.0.1:${settings.port}`);
  process.on('exit', () => claim.release());
  const asked = untilAsked(() => fail('forced to stop; what was acknowledged is in Cassandra', 1));
  const onProgress = (what: string): void => console.log(`parley: starting ${what} …`);
  const starting = startCluster({ ...settings, dataDir, services: true, web: 'demo', onProgress });
  const cluster = await Promise.race([starting, asked]);
  if (cluster === 'asked') {
    await (await starting).stop();
    return;
  }
  const show = showing(cluster, greeting(cluster, settings.port, dataDir));
  await asked;
  show.stop();
  console.log('\nparley: stopping; open streams are told to go (Ctrl-C again forces) …');
  await cluster.stop();
  console.log('parley: stopped');
}

function greeting({ platform }: Cluster, port: number, dataDir: string): string {
  const target = port === 8080 ? '' : ` --target ${platform.gateway}`;
  const relative = path.relative(process.cwd(), dataDir) || '.';
  const folder = relative.startsWith('..') ? dataDir : relative;
  return `Parley listens on ${platform.gateway} (gRPC and grpc-web).
  a browser   http://${platform.gateway}/
  try it      npm run chat -- --as alice --data ${folder}${target}
  a token     npm run token -- alice --data ${folder}
  services    ${platform.nodes.map(({ services }) => services).join(' ')} (parley.service.v1)
  break it    kill -9 or kill -STOP any pid below, and go on chatting
  data, logs  ${folder}, ${folder}/log
`;
}

/** Shows the table anew each second on a terminal, and a line at each change of a state elsewhere. */
function showing(cluster: Cluster, greet: string): { stop(): void } {
  let before: PartStatus[] = [];
  let lookedMs = performance.now();
  let said = '';
  let isLooking = false;
  if (!isTerminal) console.log(greet);
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    const parts = await statusOf(cluster);
    const nowMs = performance.now();
    const table = tableOf(parts, before, (nowMs - lookedMs) / 1_000);
    for (const line of isTerminal ? [] : changes(parts, before)) console.log(`parley: ${line}`);
    if (isTerminal)
      process.stdout.write(
        `\u001B[H\u001B[2J${greet}\n${table}\n\n${said}r  start again what is gone    Ctrl-C  stop\n`,
      );
    [before, lookedMs, isLooking] = [parts, nowMs, false];
  };
  const timer = setInterval(() => void look(), lookEveryMs);
  void look();
  const onKey = (key: Buffer): void => {
    // In raw mode the terminal sends Ctrl-C as a letter.
    if (key.includes(3) || key.includes('q')) process.emit('SIGINT');
    if (!key.includes('r')) return;
    said = 'starting …\n';
    restart(cluster).then(
      () => (said = ''),
      (error: unknown) => (said = `${(error as Error).message}\n`),
    );
  };
  if (isTerminal) process.stdin.setRawMode(true).on('data', onKey);
  return {
    stop() {
      clearInterval(timer);
      if (isTerminal) process.stdin.setRawMode(false).off('data', onKey).pause();
    },
  };
}

function changes(parts: readonly PartStatus[], before: readonly PartStatus[]): string[] {
  return parts
    .filter(({ state }, at) => before[at]?.state !== state)
    .map(({ name, address, pid, state }) => `${name} ${address}${pid === undefined ? '' : ` (${pid})`}: ${state}`);
}

async function restart({ platform, redis, cassandra }: Cluster): Promise<void> {
  const servers = [...redis.masters, ...redis.replicas].filter(({ child }) => child.ending !== undefined);
  await Promise.all([
    ...servers.map((server) => server.restart()),
    ...cassandra.nodes.filter(({ pid }) => pid === undefined).map((node) => node.start()),
    ...platform.nodes.filter(({ isRunning }) => !isRunning).map((node) => node.start()),
  ]);
  if (platform.envoy?.child.ending !== undefined) throw new Error('Envoy is gone: stop, and start the cluster again');
}

try {
  await run(readSettings(process.argv.slice(2)));
  process.exit(0);
} catch (error) {
  if (error instanceof UsageError) fail(error.message, 2);
  if (error instanceof ClaimedError) fail(`${error.message}. Stop it, or choose another folder: --data ./data2`, 1);
  if (error instanceof PortTakenError) fail(`${error.message}. Choose another port: npm run cluster -- --port 8090`, 1);
  fail((error as Error).message, 1);
}
