import { startApp } from './app.ts';
import { ConfigError, readConfig } from './config.ts';

try {
  const config = readConfig(process.env);
  const app = await startApp(config);
  let stopping: Promise<void> | undefined;
  const stop = (): void => {
    stopping ??= app.stop().then(
      () => process.exit(0),
      (error: unknown) => fail(error, 1),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // Who reads this may stop the node at once.
  const ready = { ready: true, node: config.PARLEY_NODE_ID, grpc: app.grpc, metrics: app.metrics, pid: process.pid };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
} catch (error) {
  fail(error, error instanceof ConfigError ? 78 : 1);
}

/** One line for people; what was thrown with its stack only where it is not a sentence for them. */
function fail(error: unknown, code: number): never {
  process.stderr.write(`parley: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(code);
}
