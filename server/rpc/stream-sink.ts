import type { ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../core/clock.ts';
import type { Sink } from '../delivery/frames.ts';
import { Arrivals } from './arrivals.ts';
import { Framing } from './framing.ts';
import { GrpcSink } from './grpc-sink.ts';
import { Http2Sink } from './http2-sink.ts';
import type { StreamCall } from './stream-end.ts';

/** direct = to the HTTP/2 stream under the call of grpc-js; plain = through grpc-js, to which the other one is held by the same tests. */
export type SinkKind = 'direct' | 'plain';

/**
 * A session's way out over a call of grpc-js, which keeps what is not a message of ours: what comes in, headers, deadline, status.
 *
 * Promises, of both kinds: messages arrive whole and in order, the status behind them; `write` never throws, and does nothing
 * once the stream has ended, by whomever; a peer that does not take what was written within 10 s of `end` is reset, and on `destroy` at
 * once. No message may be written to the call itself beside a sink.
 */
export interface StreamSink extends Sink {
  readonly kind: SinkKind;
  /** Calls `listener` whenever a peer that was behind takes more. Not called any more once the stream has ended. */
  onDrain(listener: () => void): void;
}

/** Makes the sinks of a node's streams. */
export class Sinks {
  readonly #kind: SinkKind;
  readonly #clock: Clock;
  readonly #framing = new Framing();
  readonly #arrivals = new Arrivals();

  constructor(kind: SinkKind, clock: Clock) {
    this.#kind = kind;
    this.#clock = clock;
  }

  /** A sink of the kind wished for; plain where this grpc-js does not have its stream where it is looked for. */
  of(call: StreamCall): StreamSink {
    const stream = streamOf(call);
    if (this.#kind === 'plain' || stream === undefined)
      return new GrpcSink({ call, stream }, this.#clock, this.#arrivals);
    return new Http2Sink(call, stream, this.#clock, this.#arrivals, this.#framing);
  }
}

/** The HTTP/2 stream under a call: a private field of grpc-js, which another version may have elsewhere. */
function streamOf(call: StreamCall): ServerHttp2Stream | undefined {
  const stream = (call as unknown as { call?: { stream?: Partial<ServerHttp2Stream> } }).call?.stream;
  const isOne =
    typeof stream?.write === 'function' &&
    typeof stream.respond === 'function' &&
    typeof stream.headersSent === 'boolean' &&
    typeof stream.writableEnded === 'boolean';
  return isOne ? (stream as ServerHttp2Stream) : undefined;
}
