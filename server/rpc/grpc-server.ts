// What the ports of a node have in common, whoever they are for.
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Clock } from '../core/clock.ts';

/** Gives host:port that it listens on; port 0 of `address` = any. */
export async function listenOn(server: Server, address: string, credentials: ServerCredentials): Promise<string> {
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(new Error(`cannot listen on ${address}: ${error.message}`));
    });
  });
  return `${address.slice(0, address.lastIndexOf(':'))}:${port}`;
}

/** Waits for calls under way, `graceMs` at most. */
export async function stopGently(server: Server, clock: Clock, graceMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const force = clock.after(graceMs, () => {
      server.forceShutdown();
      resolve();
    });
    server.tryShutdown(() => {
      force.cancel();
      resolve();
    });
  });
}
