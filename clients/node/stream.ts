import { Metadata } from '@grpc/grpc-js';
import type { Client, ClientDuplexStream, ServiceError, StatusObject } from '@grpc/grpc-js';
import { OpenResponse, StreamServiceService } from '#proto/parley/v1/stream_service.ts';
import type { ClientFrame, Hello, OpenRequest } from '#proto/parley/v1/stream_service.ts';
import { fitting } from '../core/batches.ts';
import type { CarrierStream, StreamListener } from '../core/carrier.ts';
import { errorOfDetails } from '../core/errors.ts';
import type { ParleyError } from '../core/errors.ts';

interface Batch {
  readonly frames: OpenResponse['frames'];
  readonly bytes: number;
}

/** `StreamService.Open` on a grpc-js client. */
export class NodeStream implements CarrierStream {
  readonly #call: ClientDuplexStream<OpenRequest, Batch>;
  readonly #aborted: () => void;
  #status: StatusObject | undefined;
  #read = false;
  #over = false;

  /** `aborted`: told when the stream is dropped because nothing is heard: its connection is not to be trusted. */
  constructor(
    client: Client,
    hello: Hello,
    token: string,
    listener: StreamListener,
    ended: (error: ParleyError | undefined) => void,
    aborted: () => void,
  ) {
    this.#aborted = aborted;
    const { path, requestSerialize } = StreamServiceService.open;
    this.#call = client.makeBidiStreamRequest(path, requestSerialize, decode, bearer(token), {});
    const settle = (): void => {
      if (this.#over || this.#status === undefined || !this.#read) return;
      this.#over = true;
      const error = this.#status.code === 0 ? undefined : errorOfCall(this.#status);
      ended(error);
      listener.ended(error);
    };
    this.#call.on('data', (batch: Batch) => listener.frames(batch.frames, batch.bytes));
    // What came before the status may still wait to be read: the last frame says why.
    this.#call.on('end', () => {
      this.#read = true;
      settle();
    });
    this.#call.on('status', (status: StatusObject) => {
      this.#status = status;
      settle();
    });
    // The status says it too.
    this.#call.on('error', () => undefined);
    this.send([{ requestId: 0n, frame: { $case: 'hello', value: hello } }]);
  }

  send(frames: readonly ClientFrame[]): void {
    if (this.#status !== undefined || this.#call.writableEnded) return;
    for (let at = 0; at < frames.length;) {
      const rest = frames.slice(at);
      const batch = rest.slice(0, fitting(rest));
      this.#call.write({ frames: batch });
      at += batch.length;
    }
  }

  close(): void {
    if (!this.#call.writableEnded) this.#call.end();
  }

  abort(): void {
    this.#call.cancel();
    this.#aborted();
  }
}

function decode(bytes: Buffer): Batch {
  return { frames: OpenResponse.decode(bytes).frames, bytes: bytes.length };
}

/** Metadata with a bearer token. */
export function bearer(token: string): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}

/** A status of grpc-js as the SDK's error. */
export function errorOfCall(status: Pick<ServiceError, 'code' | 'details' | 'metadata'>): ParleyError {
  const [details] = status.metadata.get('grpc-status-details-bin');
  return errorOfDetails(status.code, status.details, typeof details === 'string' ? undefined : details);
}
