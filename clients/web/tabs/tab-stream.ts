import type { ClientFrame, Hello } from '#proto/parley/v1/stream_service.ts';
import type { CarrierStream, StreamListener } from '../../core/carrier.ts';
import * as Code from '../../core/codes.ts';
import { localError, ParleyError } from '../../core/errors.ts';
import type { Runtime } from '../../core/runtime.ts';
import type { ToFollowers, Wire } from './messages.ts';

/** A leading tab that is awake answers within this time. */
const noteMs = 3000;

/** What a stream needs of its tab. */
export interface Following {
  readonly tab: string;
  readonly wire: Wire;
  readonly runtime: Runtime;
  unread(threadId: string): number;
  /** The tab that has the lead does not answer. */
  silent(): void;
}

/** A following tab's stream: what it says goes to the leading tab, what that tells comes back. */
export class TabStream implements CarrierStream {
  readonly #following: Following;
  readonly #number: number;
  readonly #listener: StreamListener;
  #begun = false;
  #over = false;
  #timer: { cancel(): void };

  /** `number`: of the tab's streams. */
  constructor(following: Following, number: number, hello: Hello, listener: StreamListener) {
    this.#following = following;
    this.#number = number;
    this.#listener = listener;
    const { tab, wire, runtime } = following;
    this.#timer = runtime.setTimer(noteMs, () => following.silent());
    wire.post({ kind: 'open', tab, stream: number, hello });
  }

  send(frames: readonly ClientFrame[]): void {
    if (this.#over) return;
    const { tab, wire } = this.#following;
    const unread = frames.map(({ frame }) =>
      frame?.$case === 'markRead' ? this.#following.unread(frame.value.position?.threadId ?? '') : 0,
    );
    wire.post({ kind: 'say', tab, stream: this.#number, frames, unread });
  }

  close(): void {
    if (this.#over) return;
    this.#following.wire.post({ kind: 'close', tab: this.#following.tab, stream: this.#number });
    queueMicrotask(() => this.#end(undefined));
  }

  abort(): void {
    if (this.#over) return;
    this.#following.wire.post({ kind: 'close', tab: this.#following.tab, stream: this.#number });
    queueMicrotask(() => this.#end(localError('CONNECTION_LOST', 'cancelled', Code.CANCELLED)));
  }

  /** Something that the leading tab says. */
  take(message: ToFollowers): void {
    const { tab } = this.#following;
    if (this.#over || ('to' in message && message.to !== undefined && message.to !== tab)) return;
    switch (message.kind) {
      case 'noted':
        if (message.stream === this.#number) this.#timer.cancel();
        return;
      case 'tell':
        if (message.to !== undefined && message.stream !== this.#number) return;
        if (message.begins) this.#begun = true;
        if (this.#begun) this.#listener.frames(message.frames, 0);
        return;
      case 'leads':
        this.#end(undefined);
        return;
      case 'ended':
        this.#end(message.error === undefined ? undefined : new ParleyError(message.error));
    }
  }

  #end(error: ParleyError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer.cancel();
    this.#listener.ended(error);
  }
}
