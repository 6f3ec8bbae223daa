// `npm start`: Envoy on 127.0.0.1:8080 and one node on the embedded store in ./data, until Ctrl-C.
// Exit codes: 0 stopped as asked, 1 something failed (said on stderr), 2 wrong options.
import path from 'node:path';
import { untilAsked } from './asked.ts';
import { ClaimedError, claimFolder, FolderError } from './claim.ts';
import { lastLines } from './envoy.ts';
import { servesWeb, startGreeting } from './greeting.ts';
import type { NodeHandle } from './node-handle.ts';
import { startPlatform } from './platform.ts';
import type { Failure, Platform } from './platform.ts';
import { PortTakenError } from './ports.ts';
import { readStartSettings, startUsage, UsageError } from './start-settings.ts';
import type { StartSettings } from './start-settings.ts';

function fail(message: string, code: number): never {
  console.error(`\nparley: ${message}`);
  process.exit(code);
}

async function run(settings: StartSettings): Promise<void> {
  const dataDir = path.resolve(settings.dataDir);
  const claim = claimFolder(dataDir, `${settings.address}:${settings.port}`);
  process.on('exit', () => claim.release());

  // The guards of the children see this process end, and end them.
  const asked = untilAsked(() => fail('forced to stop; what was acknowledged is in the store', 1));

  console.log('parley: starting …');
  const starting = startPlatform({
    dataDir,
    address: settings.address,
    port: settings.port,
    services: true,
    ...(servesWeb(settings) ? { web: settings.demo ? 'demo' : 'plain' } : {}),
    // A lone node has nobody to hand its streams to: the whole of the usual drain would only be waited for.
    env: { PARLEY_DRAIN_S: '1', ...settings.nodeEnv },
    ...(settings.auth ? { auth: settings.auth } : {}),
    ...(settings.tls ? { tls: settings.tls } : {}),
    ...(settings.webOrigins ? { webOrigins: settings.webOrigins } : {}),
  });
  const platform = await Promise.race([starting, asked]);
  if (platform === 'asked') {
    await (await starting).stop();
    return;
  }
  const [node] = platform.nodes as [NodeHandle];
  console.log(
    startGreeting(
      { gateway: platform.gateway, services: node.services, metrics: node.metrics, dataDir: platform.dataDir },
      settings,
      process.cwd(),
    ),
  );
  const end = await Promise.race([asked, platform.failed]);
  if (end === 'asked') {
    console.log('\nparley: stopping; open streams are told to go (Ctrl-C again forces) …');
    await platform.stop();
    console.log('parley: stopped');
    return;
  }
  console.error(await obituary(end, platform));
  await platform.stop();
  process.exit(1);
}

async function obituary({ child, ending }: Failure, platform: Platform): Promise<string> {
  const node = platform.nodes.find((it) => it.child === child);
  const logFile = node?.logFile ?? path.join(platform.logDir, 'envoy.log');
  // What it did for whom is no reason to end.
  const said = (await lastLines(logFile, 200)).filter((line) => !line.includes('"audit":true')).slice(-15);
  const lines = [...child.tail().slice(-15), ...said].filter((line) => line !== '');
  const how = ending.signal === null ? `with code ${ending.code}` : `by ${ending.signal}`;
  return [
    `\nparley: ${child.name} (process ${child.pid}) ended ${how}; stopping everything. Its last lines (${logFile}):`,
    ...lines,
  ].join('\n  ');
}

const args = process.argv.slice(2);
try {
  if (args.includes('--help')) console.log(startUsage);
  else await run(readStartSettings(args, process.env));
} catch (error) {
  if (error instanceof UsageError) fail(error.message, 2);
  if (error instanceof ClaimedError) {
    fail(
      `${error.message}.\n        Stop it, or choose another folder and port: npm start -- --data ./data2 --port 8090`,
      1,
    );
  }
  if (error instanceof FolderError) {
    fail(`${error.message}.\n        Choose a folder that is yours: npm start -- --data FOLDER    (or PARLEY_DATA)`, 1);
  }
  if (error instanceof PortTakenError) {
    fail(
      `${error.message}.\n        Choose another port: npm start -- --port 8090    (or PARLEY_PORT=8090 npm start)`,
      1,
    );
  }
  fail((error as Error).message, 1);
}
