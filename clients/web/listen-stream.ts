import type { ClientFrame, Hello, ServerFrame } from '#proto/parley/v1/stream_service.ts';
import { Backoff } from '../core/backoff.ts';
import { fitting } from '../core/batches.ts';
import type { CarrierStream, StreamListener } from '../core/carrier.ts';
import * as Code from '../core/codes.ts';
import { isCutOff, isForNow, ParleyError } from '../core/errors.ts';
import { pause } from '../core/runtime.ts';
import type { Runtime } from '../core/runtime.ts';
import type { Codecs } from './codec.ts';
import { exchange } from './grpc-web.ts';

/** One try of a Submit. */
const submitMs = 15_000;
/** The longest wait before a Submit is repeated, unless the server asks for more. */
const longestWaitMs = 2000;
/** Within this time Listen says why a Submit was refused for good; then it is dropped. */
const explainMs = 2000;
/** `close` waits this long for what was handed over to be taken and replied to. */
const closeMs = 3000;

export interface ListenWires {
  /** Origin of the gateway, or empty. */
  readonly address: string;
  readonly codecs: Codecs;
  readonly runtime: Runtime;
  /** Drops the stream, with all else that the carrier has open. */
  readonly signal: AbortSignal;
}

/**
 * A session by Listen and Submit. What is sent while a Submit is under way goes out with the next one: one at a time, so they
 * arrive in order, and a page's few connections are left to others. A Submit whose answer is lost, or that is refused for now, is
 * repeated with its number until it is taken or the stream is over; nothing is applied twice.
 */
export class ListenStream implements CarrierStream {
  readonly #wires: ListenWires;
  readonly #listener: StreamListener;
  readonly #stop = new AbortController();
  readonly #queue: ClientFrame[] = [];
  /** Request ids without a Reply. */
  readonly #unanswered = new Set<bigint>();
  #sessionId = '';
  #number = 1n;
  #token: string;
  /** A token that the server has not yet taken. */
  #offer: { readonly requestId: bigint; readonly token: string } | undefined;
  #submitting = false;
  #closing = false;
  /** Why this side ends it; undefined inside = it was closed in peace. */
  #verdict: { readonly error: ParleyError | undefined } | undefined;

  constructor(wires: ListenWires, hello: Hello, token: string, listener: StreamListener) {
    this.#wires = wires;
    this.#token = token;
    this.#listener = listener;
    void this.#listen(hello);
  }

  send(frames: readonly ClientFrame[]): void {
    if (this.#closing || this.#isOver) return;
    for (const { requestId, frame } of frames) {
      if (requestId !== 0n) this.#unanswered.add(requestId);
      if (frame?.$case === 'reauthenticate') this.#offer = { requestId, token: frame.value.token };
    }
    this.#queue.push(...frames);
    void this.#submitAll();
  }

  close(): void {
    if (this.#closing || this.#isOver) return;
    this.#closing = true;
    const timer = this.#wires.runtime.setTimer(closeMs, () => this.#drop(undefined));
    this.#stop.signal.addEventListener('abort', () => timer.cancel());
    this.#closeIfDone();
  }

  abort(): void {
    this.#stop.abort();
  }

  get #isOver(): boolean {
    return this.#stop.signal.aborted;
  }

  #drop(error: ParleyError | undefined): void {
    if (this.#isOver) return;
    this.#verdict = { error };
    this.#stop.abort();
  }

  #closeIfDone(): void {
    const isDone = this.#queue.length === 0 && !this.#submitting && this.#unanswered.size === 0;
    if (this.#closing && isDone) this.#drop(undefined);
  }

  async #listen(hello: Hello): Promise<void> {
    const { address, codecs, signal } = this.#wires;
    const { encode, decode } = codecs.listen;
    const dropped = (): void => this.abort();
    signal.addEventListener('abort', dropped);
    if (signal.aborted) dropped();
    let ended: ParleyError | undefined;
    try {
      const call = {
        url: `${address}/parley.v1.StreamService/Listen`,
        token: this.#token,
        message: encode({ hello }),
        signals: [this.#stop.signal],
      };
      await exchange(call, (bytes) => {
        const { frames } = decode(bytes);
        for (const { frame } of frames) this.#note(frame);
        this.#listener.frames(frames, bytes.length);
        this.#closeIfDone();
      });
    } catch (error) {
      ended = error as ParleyError;
    }
    signal.removeEventListener('abort', dropped);
    this.#stop.abort();
    this.#listener.ended(this.#verdict === undefined ? ended : this.#verdict.error);
  }

  #note(frame: ServerFrame['frame']): void {
    if (frame?.$case === 'welcome') {
      this.#sessionId = frame.value.sessionId;
      void this.#submitAll();
    } else if (frame?.$case === 'reply') {
      const { requestId, result } = frame.value;
      this.#unanswered.delete(requestId);
      if (requestId !== this.#offer?.requestId) return;
      // Each Submit shows a token of its own: from here on the new one.
      if (result?.$case === 'reauthenticate') this.#token = this.#offer.token;
      this.#offer = undefined;
    }
  }

  async #submitAll(): Promise<void> {
    if (this.#submitting || this.#sessionId === '') return;
    this.#submitting = true;
    // Frames that are said in one turn go together.
    await Promise.resolve();
    while (this.#queue.length > 0 && !this.#isOver) {
      const frames = this.#queue.splice(0, fitting(this.#queue));
      await this.#submit(frames);
    }
    this.#submitting = false;
    this.#closeIfDone();
  }

  /** Settles when the frames are taken, or never will be. */
  async #submit(frames: ClientFrame[]): Promise<void> {
    const { address, codecs, runtime } = this.#wires;
    const message = codecs.submit.encode({ sessionId: this.#sessionId, number: this.#number, frames });
    const backoff = new Backoff(runtime);
    while (!this.#isOver) {
      const call = {
        url: `${address}/parley.v1.StreamService/Submit`,
        token: this.#token,
        message,
        deadlineMs: submitMs,
        signals: [this.#stop.signal],
      };
      try {
        await exchange(call, () => undefined);
        this.#number += 1n;
        return;
      } catch (error) {
        if (this.#isOver) return;
        if (!(error instanceof ParleyError) || !isWorthRepeating(error)) {
          await pause(runtime, explainMs, this.#stop.signal);
          this.#drop(error as ParleyError);
          return;
        }
        const askedMs = error.retryAfterMs ?? 0;
        const waitMs = Math.min(backoff.nextMs(askedMs), askedMs + longestWaitMs);
        await pause(runtime, waitMs, this.#stop.signal);
      }
    }
  }
}

/** Whether the same Submit may be taken later: the session may be there still. */
function isWorthRepeating(error: ParleyError): boolean {
  return error.code !== Code.UNAUTHENTICATED && (isForNow(error) || isCutOff(error));
}
