import type { ClientFrame, Hello } from '#proto/parley/v1/stream_service.ts';
import type { CarrierStream, StreamListener } from '../../core/carrier.ts';
import * as Code from '../../core/codes.ts';
import { localError, ParleyError } from '../../core/errors.ts';
import type { Runtime, Timer } from '../../core/runtime.ts';
import type { ToFollowers, Wire } from './messages.ts';

/** A leading tab that is awake says within this time that it heard. */
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
  /** Runs while the leading tab owes its word that it heard. */
  #timer: Timer | undefined;

  /** `number`: of the tab's streams. */
  constructor(following: Following, number: number, hello: Hello, listener: StreamListener) {
    this.#following = following;
    this.#number = number;
    this.#listener = listener;
    const { tab, wire } = following;
    this.#await();
    wire.post({ kind: 'open', tab, stream: number, hello });
  }

  send(frames: readonly ClientFrame[]): void {
    if (this.#over) return;
    const { tab, wire } = this.#following;
    const unread = frames.map(({ frame }) =>
      frame?.$case === 'markRead' ? this.#following.unread(frame.value.position?.threadId ?? '') : 0,
    );
    this.#await();
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
  take(message: Exclude<ToFollowers, { kind: 'live' }>): void {
    const { tab } = this.#following;
    if (this.#over || ('to' in message && message.to !== undefined && message.to !== tab)) return;
    switch (message.kind) {
      case 'noted':
        if (message.stream === this.#number) this.#heard();
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

  /** A tab that is held up, as by a dialog, says nothing, and would hold up what this one has to say. */
  #await(): void {
    this.#timer ??= this.#following.runtime.setTimer(noteMs, () => this.#following.silent());
  }

  #heard(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #end(error: ParleyError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#heard();
    this.#listener.ended(error);
  }
}
