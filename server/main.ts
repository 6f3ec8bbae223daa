import { type App, startApp } from './app.ts';
import { ConfigError, readConfig } from './config.ts';

try {
  const config = readConfig(process.env);
  let app: App | undefined;
  let stopping: Promise<void> | undefined;
  // From the first moment on: as process 1 of a container a node that waits for its stores would not hear of it otherwise.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (app === undefined) process.exit(0);
      stopping ??= app.stop().then(
        () => process.exit(0),
        (error: unknown) => fail(error, 1),
      );
    });
  }
  app = await startApp(config);
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
