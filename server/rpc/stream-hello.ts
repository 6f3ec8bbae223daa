import type { BinaryReader } from '@bufbuild/protobuf/wire';
import { ListenRequest, OpenRequest, type Hello } from '#proto/parley/v1/stream_service.ts';
import { invalidField, Refusal } from '../core/errors.ts';
import { parseDeviceId, parseThreadId, type DeviceId, type ThreadId } from '../core/ids.ts';
import type { Opening } from '../delivery/opening.ts';
import { strictReader } from './decode.ts';
import { counted, maxSequence, parseName, parseOptionalSequence, tooLarge } from './validate.ts';

const maxRequestBytes = 256 * 1_024;
export const maxHelloBytes = 64 * 1_024;
/** Of one request. */
export const maxFrames = 256;
const maxTokenBytes = 512;

/** One OpenRequest from its bytes. @throws Refusal that ends the stream */
export function decodeRequest(bytes: Buffer, first: boolean): OpenRequest {
  if (bytes.length > maxRequestBytes) throw tooLarge('frames', `must be at most ${maxRequestBytes} bytes together`);
  const request = decoded(bytes, OpenRequest, 'the bytes are not an OpenRequest', 'frames', 'OpenRequest');
  if (request.frames.length === 0 || request.frames.length > maxFrames) {
    throw invalidField('frames', `must hold 1–${maxFrames} frames`);
  }
  const hello = request.frames[0]?.frame;
  if (first && hello?.$case !== 'hello') {
    throw new Refusal('HELLO_REQUIRED', 'the first frame of a stream must be Hello');
  }
  return request;
}

/** The Hello of a ListenRequest. @throws Refusal that ends the stream */
export function decodeListen(bytes: Buffer): Hello {
  const { hello } = decoded(bytes, ListenRequest, 'the bytes are not a ListenRequest', 'hello', 'Hello');
  if (hello === undefined) throw new Refusal('HELLO_REQUIRED', 'Listen needs Hello');
  return hello;
}

function decoded<T>(
  bytes: Buffer,
  type: { readonly decode: (reader: BinaryReader) => T },
  message: string,
  field: string,
  fieldType: string,
): T {
  try {
    return type.decode(strictReader(bytes));
  } catch (cause) {
    const description = `must be a protobuf message of the type ${fieldType}`;
    throw new Refusal('INVALID_FIELD', message, { fields: [{ field, description }], cause });
  }
}

/** Hello, checked. @throws Refusal that ends the stream */
export function parseHello(hello: Hello, helloBytes: number): { deviceId: DeviceId; opening: Opening } {
  if (helloBytes > maxHelloBytes) throw tooLarge('hello', `must be at most ${maxHelloBytes} bytes`);
  const deviceId = parseDeviceId(hello.deviceId, 'hello.device_id');
  if (hello.resumeToken.length > maxTokenBytes) {
    throw new Refusal('INVALID_TOKEN', `a resume token has at most ${maxTokenBytes} bytes: leave it out`);
  }
  if (hello.apiRevision === 0)
    throw invalidField('hello.api_revision', 'must be the revision the client was built for');
  if (hello.sdk !== undefined) {
    parseName(hello.sdk.name, 0, 100, 'hello.sdk.name');
    parseName(hello.sdk.version, 0, 100, 'hello.sdk.version');
  }
  const positions = new Map<ThreadId, bigint>();
  for (const [index, { threadId, upToSequence }] of counted(hello.positions, 0, 256, 'hello.positions').entries()) {
    const id = parseThreadId(threadId, `hello.positions[${index}].thread_id`);
    // Above any head: it is cut to the thread's, as every position of Hello is.
    positions.set(id, upToSequence > maxSequence ? maxSequence : upToSequence);
  }
  const { resumeToken, handOver, foreground } = hello;
  const userSequence = parseOptionalSequence(hello.userSequence, 'hello.user_sequence');
  return { deviceId, opening: { resumeToken, positions, handOver, foreground, userSequence } };
}
