// One device of a user as an application holds it: the SDK on a connection of its own. What it is told goes into a
// history (test/replay/history.ts); it reads all it hears and comes back by itself, whatever happens to its stream.
import { ParleyClient } from '../../clients/core/client.ts';
import { type Runtime, systemRuntime } from '../../clients/core/runtime.ts';
import { NodeCarrier } from '../../clients/node/carrier.ts';
import type { Client, HistoryRecord } from '../replay/history.ts';
import { Relay } from '../replay/relay.ts';

export interface ChatDeviceOptions {
  /** host:port. */
  readonly gateway: string;
  readonly token: () => Promise<string>;
  /** Puts a line of its own between the device and the gateway, so that it can be broken. */
  readonly breakable: boolean;
  /** Drafts of a thread that wait for an answer at once. */
  readonly inFlight: number;
  readonly record: (record: HistoryRecord) => void;
}

/**
 * Waits of the SDK are this much shorter than in an application: its reconnects, its heartbeats, and the 15 s after which
 * a draft without an answer goes out again. So what takes minutes fits into a test, and repeats come oftener.
 */
const hurry = 6;

const hurried: Runtime = {
  ...systemRuntime,
  now: () => systemRuntime.now() * hurry,
  setTimer: (delayMs, run) => systemRuntime.setTimer(delayMs / hurry, run),
};

export class ChatDevice implements AsyncDisposable {
  readonly client: Client;
  readonly parley: ParleyClient;
  /** Its line to the gateway, if that can be broken. */
  readonly line: Relay | undefined;
  readonly #record: (record: HistoryRecord) => void;

  private constructor(client: Client, line: Relay | undefined, options: ChatDeviceOptions) {
    this.client = client;
    this.line = line;
    this.#record = options.record;
    this.parley = new ParleyClient({
      carrier: new NodeCarrier({ target: line?.address ?? options.gateway }),
      getToken: options.token,
      deviceId: client.device,
      keepItems: 0,
      outbox: { inFlightPerThread: options.inFlight },
      runtime: hurried,
    });
    this.parley.on('entry', ({ threadId: thread, entry }) => {
      if (entry.kind?.$case === 'message') {
        const text = entry.kind.value.content?.body;
        const bytes = Buffer.from(text?.value ?? '');
        const contentType = text?.$case === 'text' ? '' : 'no text';
        this.tell({
          kind: 'heard',
          thread,
          sequence: Number(entry.sequence),
          sender: entry.senderId,
          contentType,
          bytes,
        });
      }
      this.parley.markRead(thread, entry.sequence);
    });
  }

  /** Resolves when its first stream is live. */
  static async open(client: Client, options: ChatDeviceOptions): Promise<ChatDevice> {
    const [host = '', port] = options.gateway.split(':');
    const line = options.breakable ? await Relay.start({ host, port: Number(port) }) : undefined;
    const device = new ChatDevice(client, line, options);
    device.tell({ kind: 'opened' });
    await device.parley.start();
    await device.parley.ready();
    return device;
  }

  get isLive(): boolean {
    return this.parley.connection.phase === 'live';
  }

  /** Into the history, as told to this device. */
  tell(record: Told): void {
    this.#record({ client: this.client, atMs: performance.now(), ...record });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.parley.close();
    await this.line?.[Symbol.asyncDispose]();
  }
}

/** A record less who was told it and when. */
type Told = HistoryRecord extends infer One ? (One extends unknown ? Omit<One, 'client' | 'atMs'> : never) : never;
