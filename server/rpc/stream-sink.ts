import type { Http2Stream } from 'node:http2';
import { Metadata, status, type ServerDuplexStream, type StatusObject } from '@grpc/grpc-js';
import type { Refusal } from '../core/errors.ts';
import type { Goodbye, GoodbyeReason, Sink } from '../delivery/frames.ts';
import { statusObjectOf } from './errors.ts';

/** The status of a stream by the reason of its goodbye; details come with a refusal. */
const codes: Record<GoodbyeReason, status> = {
  draining: status.OK,
  superseded: status.ABORTED,
  'token-expired': status.UNAUTHENTICATED,
  'heartbeat-missed': status.DEADLINE_EXCEEDED,
  'too-slow': status.RESOURCE_EXHAUSTED,
  protocol: status.INVALID_ARGUMENT,
  'signed-out': status.PERMISSION_DENIED,
  failed: status.UNAVAILABLE,
  'handed-over': status.OK,
};

/** A session's way out over a grpc-js stream. */
export class GrpcSink implements Sink {
  readonly #call: ServerDuplexStream<Buffer, Buffer>;

  constructor(call: ServerDuplexStream<Buffer, Buffer>) {
    this.#call = call;
  }

  write(message: Buffer): boolean {
    return this.#call.write(message);
  }

  end(goodbye: Goodbye, refusal: Refusal | undefined): void {
    const code = codes[goodbye.reason];
    if (refusal !== undefined) this.#call.emit('error', statusObjectOf(refusal));
    else if (code === status.OK) this.#call.end();
    else this.#call.emit('error', { code, details: goodbye.message, metadata: new Metadata() } satisfies StatusObject);
  }

  destroy(): void {
    // grpc-js has no call for this: its status waits behind data that the peer will never take.
    const { call } = this.#call as unknown as { call?: { stream?: Http2Stream } };
    call?.stream?.close(0x8);
  }
}
