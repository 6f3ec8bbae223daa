import type { handleServerStreamingCall, ServerWritableStream } from '@grpc/grpc-js';
import type { Identity } from '../auth/verifier.ts';
import type { SessionId } from '../core/ids.ts';
import { SessionStream, type StreamContext } from './session-stream.ts';
import { decodeListen } from './stream-hello.ts';
import type { Submits } from './submits.ts';

/** Serves StreamService.Listen: a session whose frames come by Submit. */
export function listenHandler(context: StreamContext, submits: Submits): handleServerStreamingCall<Buffer, Buffer> {
  return (call) => void listen(call, context, submits);
}

async function listen(
  call: ServerWritableStream<Buffer, Buffer>,
  context: StreamContext,
  submits: Submits,
): Promise<void> {
  const stream = new SessionStream(call, context);
  let sessionId: SessionId | undefined;
  stream.sink.onDrain(() => stream.session?.outbox.drained());
  const gone = (): void => {
    if (sessionId !== undefined) submits.close(sessionId);
    stream.gone();
  };
  call.on('cancelled', gone);
  call.on('close', gone);
  try {
    const identity = await stream.identify();
    if (!stream.over) greet(identity);
  } catch (error) {
    stream.fail(error);
  }

  function greet(identity: Identity): void {
    try {
      const greeting = { identity, hello: decodeListen(call.request), helloBytes: call.request.length, requestId: 0n };
      // The client learns the session's id from Welcome, which is told behind this.
      stream.open(greeting, ({ identity: { sessionId: opened } }) => {
        sessionId = opened;
        submits.open(opened, stream);
      });
    } catch (error) {
      stream.breach(error);
    }
  }
}
