// A line between a store and Cassandra that can be cut at the one point that matters: around the answer to a conditional
// batch. It reads the frames of the protocol (version 4: nine bytes of header, then the body).
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

const headerBytes = 9;
const batchOpcode = 0x0d;

/**
 * What becomes of the next batch: its answer is lost; it never arrives; or it arrives only when `release` is called. Each time
 * the connection breaks, so that the store does not know.
 */
export type Fault = 'answer-lost' | 'request-lost' | 'request-late';

export interface CassandraLine extends AsyncDisposable {
  /** host:port to use in place of the node's. */
  readonly address: string;
  /** Breaks the next batch that holds these bytes. Resolves when it did. */
  breakNext(fault: Fault, holding: string): Promise<void>;
  /** Lets a late batch arrive, and resolves when Cassandra has answered it. */
  release(): Promise<void>;
  /** Breaks every connection and takes no new ones, until it is mended. */
  cut(): void;
  mend(): void;
}

export async function openLine(node: string): Promise<CassandraLine> {
  const [host = '', port = ''] = node.split(':');
  const pairs = new Set<[Socket, Socket]>();
  let armed: { fault: Fault; holding: Buffer; broke: () => void } | undefined;
  let late: { frame: Buffer; upstream: Socket } | undefined;
  let isCut = false;

  const server = createServer((client) => {
    if (isCut) return void client.destroy();
    const upstream = connect(Number(port), host);
    const pair: [Socket, Socket] = [client, upstream];
    pairs.add(pair);
    let lostStream = -1;
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      if (late?.upstream !== upstream) upstream.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end).setNoDelay(true);
    onFrames(client, (frame) => {
      if (frame[4] !== batchOpcode || armed === undefined || !frame.includes(armed.holding))
        return upstream.write(frame);
      const { fault, broke } = armed;
      armed = undefined;
      if (fault === 'answer-lost') {
        lostStream = frame.readInt16BE(2);
        upstream.write(frame);
        upstream.once('lost-answer', broke);
        return undefined;
      }
      if (fault === 'request-late') late = { frame, upstream };
      end();
      return broke();
    });
    onFrames(upstream, (frame) => {
      if (lostStream >= 0 && frame.readInt16BE(2) === lostStream) {
        upstream.emit('lost-answer');
        return end();
      }
      if (late?.upstream === upstream) return upstream.emit('late-answer');
      return client.write(frame);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const breakAll = (): void => {
    for (const [client, upstream] of pairs) {
      client.destroy();
      upstream.destroy();
    }
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    breakNext: (fault, holding) =>
      new Promise((resolve) => {
        armed = { fault, holding: Buffer.from(holding), broke: resolve };
      }),
    async release() {
      if (late === undefined) throw new Error('nothing is late');
      const { frame, upstream } = late;
      const answered = once(upstream, 'late-answer');
      upstream.write(frame);
      await answered;
      late = undefined;
      upstream.destroy();
    },
    cut() {
      isCut = true;
      breakAll();
    },
    mend() {
      isCut = false;
    },
    async [Symbol.asyncDispose]() {
      breakAll();
      late?.upstream.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function onFrames(socket: Socket, take: (frame: Buffer) => unknown): void {
  let held: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    while (held.length >= headerBytes) {
      const end = headerBytes + held.readUInt32BE(5);
      if (held.length < end) return;
      take(held.subarray(0, end));
      held = held.subarray(end);
    }
  });
}
