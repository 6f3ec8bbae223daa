import type { ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../core/clock.ts';
import type { Refusal } from '../core/errors.ts';
import type { Goodbye } from '../delivery/frames.ts';
import type { Arrivals } from './arrivals.ts';
import { endCall, resetStream, type CallStream, type StreamCall } from './stream-end.ts';
import type { StreamSink } from './stream-sink.ts';

/** Writes through grpc-js, whose queue is bounded by 16 messages. */
export class GrpcSink implements StreamSink {
  readonly kind = 'plain';
  readonly #call: StreamCall;
  readonly #stream: ServerHttp2Stream | undefined;
  readonly #clock: Clock;
  readonly #arrivals: Arrivals;

  constructor({ call, stream }: CallStream, clock: Clock, arrivals: Arrivals) {
    this.#call = call;
    this.#stream = stream;
    this.#clock = clock;
    this.#arrivals = arrivals;
  }

  write(message: Buffer): boolean {
    return this.#call.destroyed || this.#call.writableEnded || this.#call.write(message);
  }

  whenArrived(onArrived: () => void): void {
    this.#arrivals.after(this.#stream, onArrived);
  }

  onDrain(listener: () => void): void {
    this.#call.on('drain', listener);
  }

  end(goodbye: Goodbye, refusal: Refusal | undefined): void {
    endCall({ call: this.#call, stream: this.#stream }, this.#clock, goodbye, refusal);
  }

  destroy(): void {
    resetStream(this.#stream);
  }
}
