import { startApp } from './app.ts';
import { ConfigError, readConfig } from './config.ts';

try {
  const config = readConfig(process.env);
  // From the first moment on: as process 1 of a container a node that waits for its stores would not hear of it otherwise.
  let stop = (): void => process.exit(0);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop());
  const app = await startApp(config);
  let stopping: Promise<void> | undefined;
  stop = () => {
    stopping ??= app.stop().then(
      () => process.exit(0),
      (error: unknown) => fail(error, 1),
    );
  };
  // Who reads this may stop the node at once.
  const { grpc, services, web, metrics } = app;
  const ready = { ready: true, node: config.PARLEY_NODE_ID, grpc, services, web, metrics, pid: process.pid };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
} catch (error) {
  fail(error, error instanceof ConfigError ? 78 : 1);
}

/** One line for people; what was thrown with its stack only where it is not a sentence for them. */
function fail(error: unknown, code: number): never {
  process.stderr.write(`parley: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(code);
}
