// A device that keeps what it is told, as an application does that has a store of its own: by thread and sequence, and nothing of
// an epoch that is over.
import { ParleyClient } from '../../clients/core/client.ts';
import { textOf } from '../../clients/core/fold.ts';
import { NodeCarrier } from '../../clients/node/carrier.ts';

export class HoldingDevice implements AsyncDisposable {
  readonly client: ParleyClient;
  readonly #held = new Map<string, Map<bigint, string>>();
  /** Threads that were said to be other ones than before, and by which epoch. */
  readonly restarts: { readonly threadId: string; readonly epoch: bigint }[] = [];

  constructor(target: string, deviceId: string, getToken: () => Promise<string>) {
    this.client = new ParleyClient({ carrier: new NodeCarrier({ target }), getToken, deviceId });
    this.client.on('entry', ({ threadId, epoch, entry }) => {
      const thread = this.#held.get(threadId) ?? new Map<bigint, string>();
      this.#held.set(threadId, thread);
      const { kind } = entry;
      const said = kind?.$case === 'message' ? (textOf(kind.value.content) ?? '') : `(${kind?.$case})`;
      thread.set(entry.sequence, `${epoch} ${entry.clientMessageId} ${said}`);
    });
    this.client.on('restarted', (event) => {
      this.restarts.push(event);
      this.#held.delete(event.threadId);
    });
  }

  async start(): Promise<void> {
    await this.client.start();
    await this.client.ready();
  }

  /** Each entry of a thread in its order. */
  held(threadId: string): [sequence: bigint, what: string][] {
    return [...(this.#held.get(threadId) ?? [])].toSorted(([a], [b]) => Number(a - b));
  }

  /** What the server has of a thread, in the same words. */
  async truth(threadId: string): Promise<[sequence: bigint, what: string][]> {
    const all: [bigint, string][] = [];
    for (;;) {
      const page = await this.client.history.entries(threadId, { afterSequence: all.at(-1)?.[0] ?? 0n, pageSize: 500 });
      for (const { sequence, clientMessageId, kind } of page.entries) {
        const said = kind?.$case === 'message' ? (textOf(kind.value.content) ?? '') : `(${kind?.$case})`;
        all.push([sequence, `${page.head?.epoch} ${clientMessageId} ${said}`]);
      }
      if (page.entries.length === 0) return all;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
  }
}
