// One device of a user as an application holds it: the SDK on a connection of its own, through a line that can be broken.
// It may be closed and opened again, as an application that was ended and kept nothing: then it begins another life.
import { ParleyClient } from '../../clients/core/client.ts';
import { NodeCarrier } from '../../clients/node/carrier.ts';
import type { Listener, Told } from './record.ts';
import { saidIn } from './said.ts';

export interface DeviceOptions {
  readonly user: string;
  readonly device: string;
  /** host:port. */
  readonly gateway: string;
  readonly token: (user: string) => Promise<string>;
  readonly tell: (told: Told) => void;
  /** Whether what is heard now is marked as read. */
  readonly reads: () => boolean;
}

export class Device implements AsyncDisposable {
  readonly #options: DeviceOptions;
  readonly #heard = new Map<string, number>();
  #parley: ParleyClient | undefined;
  #life = 0;
  #turn = Promise.resolve();

  constructor(options: DeviceOptions) {
    this.#options = options;
  }

  get user(): string {
    return this.#options.user;
  }

  get name(): string {
    return `${this.#options.user}/${this.#options.device}`;
  }

  get listener(): Listener {
    const { user, device } = this.#options;
    return { user, device, life: this.#life };
  }

  /** Undefined while it is closed. */
  get parley(): ParleyClient | undefined {
    return this.#parley;
  }

  get isLive(): boolean {
    return this.#parley?.connection.phase === 'live';
  }

  /** Up to where it heard a thread, in this life. */
  heard(thread: string): number {
    return this.#heard.get(thread) ?? 0;
  }

  /** Up to where it holds a thread: what it heard, and what it was not told again as it had acknowledged it in an earlier life. */
  held(thread: string): number {
    return Math.max(this.heard(thread), Number(this.#parley?.held(thread) ?? 0n));
  }

  /** Begins a life; resolves before the stream is live. */
  open(): Promise<void> {
    return this.#after(async () => {
      if (this.#parley !== undefined) return;
      this.#life += 1;
      this.#heard.clear();
      this.#parley = this.#begin();
      await this.#parley.start();
    });
  }

  close(): Promise<void> {
    return this.#after(async () => {
      const parley = this.#parley;
      this.#parley = undefined;
      await parley?.close();
    });
  }

  /** The user has read all that this device holds of the thread. */
  markRead(thread: string): void {
    const sequence = this.held(thread);
    if (sequence === 0 || this.#parley === undefined) return;
    this.#options.tell({ kind: 'reads', listener: this.listener, thread, sequence });
    this.#parley.markRead(thread, BigInt(sequence));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #begin(): ParleyClient {
    const { user, device, gateway, token, tell, reads } = this.#options;
    const { listener } = this;
    tell({ kind: 'opened', listener });
    const parley = new ParleyClient({
      carrier: new NodeCarrier({ target: gateway }),
      getToken: () => token(user),
      deviceId: device,
      keepItems: 0,
    });
    parley.on('entry', ({ threadId: thread, epoch, entry }) => {
      if (this.#parley !== parley) return;
      const sequence = Number(entry.sequence);
      this.#heard.set(thread, sequence);
      tell({ kind: 'heard', listener, thread, epoch: String(epoch), sequence, said: saidIn(entry) });
      if (reads()) this.markRead(thread);
    });
    parley.on('restarted', ({ threadId: thread }) => tell({ kind: 'restarted', listener, thread }));
    parley.on('receipt', (receipt) => {
      if (receipt.userId === undefined) return;
      const { threadId: thread, userId, deliveredSequence, readSequence } = receipt;
      const at = { delivered: Number(deliveredSequence), read: Number(readSequence) };
      tell({ kind: 'position', ask: 0, listener, thread, user: userId, ...at });
    });
    return parley;
  }

  /** Openings and closings one after the other. */
  #after(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}
