import type { handleServerStreamingCall, ServerWritableStream } from '@grpc/grpc-js';
import { ListenRequest } from '#proto/parley/v1/stream_service.ts';
import { Refusal } from '../core/errors.ts';
import type { SessionId } from '../core/ids.ts';
import { identityOfCall } from './authenticate.ts';
import { strictReader } from './decode.ts';
import { SessionStream, type StreamContext } from './session-stream.ts';
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
    const identity = await identityOfCall(call.metadata, context.verifier);
    for (const key of Object.keys(call.metadata.getMap())) call.metadata.remove(key);
    if (stream.over) return;
    const hello = helloOf(call.request);
    const greeting = { identity, hello, helloBytes: call.request.length, requestId: 0n };
    // The client learns the session's id from Welcome, which is told behind this.
    stream.open(greeting, ({ identity: { sessionId: opened } }) => {
      sessionId = opened;
      submits.open(opened, stream);
    });
  } catch (error) {
    if (error instanceof Refusal && isBreach(error)) stream.breach(error);
    else stream.fail(error);
  }
}

const isBreach = ({ reason }: Refusal): boolean => reason === 'INVALID_FIELD' || reason === 'HELLO_REQUIRED';

/** @throws Refusal INVALID_FIELD, HELLO_REQUIRED */
function helloOf(bytes: Buffer) {
  let request: ListenRequest;
  try {
    request = ListenRequest.decode(strictReader(bytes));
  } catch (cause) {
    throw new Refusal('INVALID_FIELD', 'the bytes are not a ListenRequest', {
      fields: [{ field: 'hello', description: 'must be a protobuf message of the type Hello' }],
      cause,
    });
  }
  if (request.hello === undefined) throw new Refusal('HELLO_REQUIRED', 'Listen needs Hello');
  return request.hello;
}
