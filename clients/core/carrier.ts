import type { ClientFrame, Hello, ServerFrame } from '#proto/parley/v1/stream_service.ts';
import type { ParleyError } from './errors.ts';
import type { Path, RequestOf, ResponseOf } from './methods.ts';

/** What a carrier tells of one stream. Called one at a time, never during `Carrier.open`. */
export interface StreamListener {
  /** Frames in the server's order. `bytes`: what they took on the wire, for the window. */
  frames(frames: readonly ServerFrame[], bytes: number): void;
  /** The stream ended, last call. Undefined = the server ended it with OK. Also called, once, after `close()`. */
  ended(error: ParleyError | undefined): void;
}

/** One open stream. */
export interface CarrierStream {
  /** Hands frames over in order. Never throws, keeps no promise: a stream that ends loses what was not taken. */
  send(frames: readonly ClientFrame[]): void;
  /** Ends the stream from this side; frames handed over before still go out where they can. Idempotent. */
  close(): void;
  /** Drops it at once, without waiting for the other side: it is held for dead. Idempotent. */
  abort(): void;
}

export interface CallOptions {
  /** Bearer token, without the word. */
  readonly token: string;
  /** The call is given up after this time. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * How frames and calls reach a node: HTTP/2 (clients/node), grpc-web (clients/web). A carrier knows no rule of
 * Parley's: it neither reconnects nor retries, and turns every failure into a ParleyError.
 */
export interface Carrier {
  /** Name and version for Hello.sdk. */
  readonly name: string;
  readonly version: string;
  /** Opens a stream with its first frame. Never throws: what fails comes as `ended`. */
  open(hello: Hello, token: string, listener: StreamListener): CarrierStream;
  /** Makes one unary call. Rejects with a ParleyError. */
  call<P extends Path>(path: P, request: RequestOf<P>, options: CallOptions): Promise<ResponseOf<P>>;
  /** Drops all that is open; no call after it. */
  close(): void;
}
