import type { ServerHttp2Stream } from 'node:http2';
import { Metadata, status, type ServerDuplexStream, type ServerWritableStream, type StatusObject } from '@grpc/grpc-js';
import type { Clock } from '../core/clock.ts';
import type { Refusal } from '../core/errors.ts';
import type { Goodbye, GoodbyeReason } from '../delivery/frames.ts';
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

/** A peer has this long to take what was written before the end. */
const lingerMs = 10_000;

/** A call that a stream of frames goes out on. */
export type StreamCall = ServerDuplexStream<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;

/** A call of grpc-js and the HTTP/2 stream under it, where it is known. */
export interface CallStream {
  readonly call: StreamCall;
  readonly stream: ServerHttp2Stream | undefined;
}

/**
 * Has grpc-js end the call, behind everything that was written, with the status that the goodbye stands for. A peer that takes
 * nothing would hold that, and with it the stream, for ever: it is reset after a while.
 */
export function endCall({ call, stream }: CallStream, clock: Clock, goodbye: Goodbye, refusal?: Refusal): void {
  if (stream?.destroyed === false) {
    const late = clock.after(lingerMs, () => resetStream(stream));
    stream.once('close', () => late.cancel());
  }
  const code = codes[goodbye.reason];
  if (refusal !== undefined) call.emit('error', statusObjectOf(refusal));
  else if (code === status.OK) call.end();
  else call.emit('error', { code, details: goodbye.message, metadata: new Metadata() } satisfies StatusObject);
}

/** Resets the stream. grpc-js has no call for this: its status waits behind data that the peer will never take. */
export function resetStream(stream: ServerHttp2Stream | undefined): void {
  stream?.close(0x8);
}
