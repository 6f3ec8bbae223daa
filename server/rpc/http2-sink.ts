import type { ServerHttp2Stream } from 'node:http2';
import { Metadata } from '@grpc/grpc-js';
import type { Clock } from '../core/clock.ts';
import type { Refusal } from '../core/errors.ts';
import type { Goodbye } from '../delivery/frames.ts';
import type { Framing } from './framing.ts';
import type { Arrivals } from './arrivals.ts';
import { endCall, resetStream, type StreamCall } from './stream-end.ts';
import type { StreamSink } from './stream-sink.ts';

/**
 * Writes to the HTTP/2 stream under the call, around the object streams of grpc-js and a promise and callbacks for each message. That
 * stream's own queue says when the peer is behind: by bytes, 64 KiB of Node's high-water mark, of what neither the peer's
 * window nor the socket has taken. Node puts what many streams of a connection write in one turn of the loop into one write to the socket.
 *
 * Measured, CPU of the node a delivery: 0.63 of the plain path's on 1,000 streams over four connections with 300 bytes, 0.28 on 10,000
 * with 6,000 bytes, of which all share one copy. What is left is HTTP/2 itself. A stream has one message a turn: nothing to cork.
 */
export class Http2Sink implements StreamSink {
  readonly kind = 'direct';
  readonly #call: StreamCall;
  readonly #stream: ServerHttp2Stream;
  readonly #framing: Framing;
  readonly #clock: Clock;
  readonly #arrivals: Arrivals;

  constructor(call: StreamCall, stream: ServerHttp2Stream, clock: Clock, arrivals: Arrivals, framing: Framing) {
    this.#call = call;
    this.#stream = stream;
    this.#clock = clock;
    this.#arrivals = arrivals;
    this.#framing = framing;
  }

  write(message: Buffer): boolean {
    const stream = this.#stream;
    // grpc-js may have ended it, for a deadline as an example, or the peer; then nobody is behind.
    if (stream.destroyed || stream.closed || stream.writableEnded) return true;
    // By grpc-js, which would else send the status in place of the headers. Not before the first message, since a stream that
    // is refused has no headers but its trailers.
    if (!stream.headersSent) this.#call.sendMetadata(new Metadata());
    return stream.write(this.#framing.framed(message));
  }

  whenArrived(onArrived: () => void): void {
    this.#arrivals.after(this.#stream, onArrived);
  }

  onDrain(listener: () => void): void {
    this.#stream.on('drain', listener);
  }

  /** The status of grpc-js ends the same stream: it waits for what was written to it. */
  end(goodbye: Goodbye, refusal: Refusal | undefined): void {
    endCall({ call: this.#call, stream: this.#stream }, this.#clock, goodbye, refusal);
  }

  destroy(): void {
    resetStream(this.#stream);
  }
}
