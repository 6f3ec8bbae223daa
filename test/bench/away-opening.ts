// One device of `bench -- away` comes back: the SDK through a line that counts its bytes, or a session in this process whose reads are counted.
import { once } from 'node:events';
import net from 'node:net';
import type { CallOptions, Carrier, CarrierStream, StreamListener } from '../../clients/core/carrier.ts';
import { ParleyClient } from '../../clients/core/client.ts';
import type { Path, RequestOf, ResponseOf } from '../../clients/core/methods.ts';
import { NodeCarrier } from '../../clients/node/carrier.ts';
import type { Hello } from '#proto/parley/v1/stream_service.ts';
import { MemoryBus } from '../../server/bus/memory.ts';
import { MemoryRegistry } from '../../server/presence/memory.ts';
import type { Store } from '../../server/store/store.ts';
import { HandClock } from '../support/clock.ts';
import { openDeliveryNode } from '../support/delivery-node.ts';
import { type Away, user } from './away-inbox.ts';

export interface Opening {
  /** Ms from the wish to open until Welcome, the first heads, the last, and CaughtUp: then the device is usable. */
  readonly welcome_ms: number;
  readonly first_heads_ms: number;
  readonly all_heads_ms: number;
  readonly usable_ms: number;
  readonly heads: number;
  /** Messages that the heads tell as unread. */
  readonly unread: number;
  /** Messages whose bodies were told. */
  readonly bodies: number;
  /** On the wire until then, with HTTP/2. */
  readonly bytes_in: number;
  readonly bytes_out: number;
}

/** Notes when what is told comes, before the client sees it. */
class TimedCarrier implements Carrier {
  readonly name = 'parley-bench';
  readonly version = '0.0.0';
  readonly at = new Map<'welcome' | 'firstHeads' | 'allHeads' | 'caughtUp', number>();
  bodies = 0;
  readonly #inner: NodeCarrier;

  constructor(target: string) {
    this.#inner = new NodeCarrier({ target });
  }

  open(hello: Hello, token: string, listener: StreamListener): CarrierStream {
    return this.#inner.open(hello, token, {
      frames: (frames, bytes) => {
        const nowMs = performance.now();
        for (const { frame } of frames) {
          if (frame?.$case === 'welcome') this.at.set('welcome', nowMs);
          if (frame?.$case === 'headsChanged') {
            if (!this.at.has('firstHeads')) this.at.set('firstHeads', nowMs);
            this.at.set('allHeads', nowMs);
          }
          if (frame?.$case === 'entriesAppended') this.bodies += frame.value.entries.length;
        }
        listener.frames(frames, bytes);
      },
      ended: (error) => listener.ended(error),
    });
  }

  call<P extends Path>(path: P, request: RequestOf<P>, options: CallOptions): Promise<ResponseOf<P>> {
    return this.#inner.call(path, request, options);
  }

  close(): void {
    this.#inner.close();
  }
}

export async function openThrough(gateway: string, getToken: () => Promise<string>, away: Away): Promise<Opening> {
  await using line = await CountingLine.to(gateway);
  const carrier = new TimedCarrier(line.address);
  const { deviceId, kept } = away;
  const resume = { load: async () => kept, save: async () => undefined };
  const token = await getToken();
  const client = new ParleyClient({
    carrier,
    getToken: () => token,
    deviceId,
    resume,
    skipped: 'history',
    keepItems: 0,
  });
  let heads = 0;
  let unread = 0;
  client.on('heads', (told) => {
    heads += told.length;
    for (const { unreadCount } of told) unread += Number(unreadCount);
  });
  const usable = new Promise<number>((resolve) => client.on('caughtUp', () => resolve(performance.now())));
  const beganMs = performance.now();
  await client.start();
  const usableMs = await usable;
  const { bytesIn, bytesOut } = line;
  await client.close();
  const since = (what: 'welcome' | 'firstHeads' | 'allHeads'): number => (carrier.at.get(what) ?? beganMs) - beganMs;
  return {
    welcome_ms: since('welcome'),
    first_heads_ms: since('firstHeads'),
    all_heads_ms: since('allHeads'),
    usable_ms: usableMs - beganMs,
    heads,
    unread,
    bodies: carrier.bodies,
    bytes_in: bytesIn,
    bytes_out: bytesOut,
  };
}

/** Passes bytes on, and counts them. */
class CountingLine implements AsyncDisposable {
  bytesIn = 0;
  bytesOut = 0;
  readonly #server: net.Server;

  private constructor(server: net.Server) {
    this.#server = server;
  }

  static async to(target: string): Promise<CountingLine> {
    const [host = '', port = ''] = target.split(':');
    const server = net.createServer();
    const line = new CountingLine(server);
    server.on('connection', (near) => {
      const far = net.connect({ host, port: Number(port), noDelay: true });
      near.setNoDelay(true);
      far.on('data', (bytes: Buffer) => (line.bytesIn += bytes.length));
      near.on('data', (bytes: Buffer) => (line.bytesOut += bytes.length));
      near.pipe(far).pipe(near);
      near.on('error', () => far.destroy());
      far.on('error', () => near.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return line;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
  }
}

/** Opens a session of the device over a store in this process, as a node does. */
export async function openOver(store: Store, { deviceId, kept }: Away): Promise<void> {
  const clock = new HandClock(Date.now());
  const bus = new MemoryBus();
  const registry = new MemoryRegistry({ clock, bus, store });
  await using node = await openDeliveryNode({
    shared: { clock, store, bus, registry },
    resumeKey: await store.secret('resume-token', () => Buffer.alloc(32)),
  });
  const positions = kept.heads
    .slice(-256)
    .map(({ threadId, deliveredSequence }) => [threadId, deliveredSequence] as const);
  const device = await node.live(user, deviceId, {
    resumeToken: kept.resume?.token ?? Buffer.alloc(0),
    positions: new Map(positions) as never,
  });
  device.break();
}
