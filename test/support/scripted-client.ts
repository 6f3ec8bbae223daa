// A client whose server is the test, and whose time stands still: one thread `t`, of which it hears.
import { ParleyClient } from '../../clients/core/client.ts';
import type { ClientOptions } from '../../clients/core/client-options.ts';
import { textOf } from '../../clients/core/fold.ts';
import { ManualRuntime, settled } from './manual-runtime.ts';
import { ScriptedCarrier } from './scripted-carrier.ts';
import { ScriptedThread } from './scripted-thread.ts';

export class ScriptedClient {
  readonly runtime = new ManualRuntime();
  readonly carrier = new ScriptedCarrier();
  readonly client: ParleyClient;
  thread = new ScriptedThread('t');
  /** Texts of the entries told, `?` for others. */
  readonly heard: string[] = [];

  constructor(options: Partial<ClientOptions> = {}) {
    const { runtime, carrier } = this;
    carrier.answer = (path, request) => {
      if (path === '/parley.v1.HistoryService/ListEntries') return this.thread.list(request);
      throw new Error(path);
    };
    this.client = new ParleyClient({ carrier, getToken: () => 'jwt', deviceId: 'phone', runtime, ...options });
    this.client.on('entry', ({ entry }) => {
      const content = entry.kind?.$case === 'message' ? entry.kind.value.content : undefined;
      this.heard.push(textOf(content) ?? '?');
    });
  }

  /** Opens a stream that tells where the thread stands, and is live. */
  async live(limits: Parameters<ScriptedCarrier['last']['welcome']>[1] = {}): Promise<void> {
    await this.client.start();
    await settled();
    this.carrier.last.welcome({}, limits);
    this.carrier.last.tell(this.thread.heads());
    this.carrier.last.caughtUp();
  }

  /** Sequences acknowledged on the stream opened last. */
  get acks(): number[] {
    return this.carrier.last.of('ack').map(({ value }) => Number(value.position?.upToSequence));
  }

  /** Answers the message sent last. */
  accept(sequence: number, duplicate = false): void {
    const requestId = this.carrier.last.of('send').at(-1)?.requestId ?? 0n;
    const at = BigInt(sequence);
    const value = { threadId: 't', sequence: at, ordinal: at, epoch: 1n, createTime: undefined, duplicate };
    this.carrier.last.tell({ $case: 'reply', value: { requestId, result: { $case: 'send', value } } });
  }
}
