import { createServer, type RequestListener } from 'node:http';

export interface HttpPort {
  /** host:port */
  readonly address: string;
  /** Ends it and what is open on it. */
  close(): Promise<void>;
}

/** Longer than the gateway keeps a connection on which nothing is asked (gateway/envoy.yaml): it is the one to let go. */
export const keptConnectionMs = 60_000;

/** Listens for HTTP/1.1; port 0 = any that is free. Rejects when it cannot. */
export async function listenHttp(
  answer: RequestListener,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<HttpPort> {
  const server = createServer({ keepAliveTimeout: keptConnectionMs }, answer);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new Error(`cannot listen on ${host}:${port}: ${error.message}`)));
    server.listen(port, host, resolve);
  });
  const bound = server.address();
  return {
    address: `${host}:${typeof bound === 'object' && bound !== null ? bound.port : port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
