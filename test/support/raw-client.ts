// A client that says what it is told to, right or wrong, and hides nothing of the answer. For wire tests: no retries, no
// reconnects, no window, no acks of its own. One HTTP/2 connection each.
import { Client, Metadata, credentials } from '@grpc/grpc-js';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { ListenCall } from './listen-call.ts';
import { RawStream, type StreamCall } from './raw-stream.ts';
import { type RawStatus, statusOf } from './raw-status.ts';

/** A method as ts-proto generates it: `ThreadServiceService.getThread`. */
export type UnaryMethod<Request, Response> = {
  path: string;
  requestStream: false;
  responseStream: false;
  requestSerialize: (request: Request) => Buffer;
  responseDeserialize: (bytes: Buffer) => Response;
};

export type Answer<Response> = { response?: Response; status: RawStatus };

const pass = (bytes: Buffer): Buffer => bytes;

export class RawClient implements Disposable {
  readonly #client: Client;
  readonly #token: string | undefined;
  /** Streams that are open. */
  readonly #calls = new Set<StreamCall>();

  /** `target`: host:port of the gateway or of a node. No token: calls carry none. */
  constructor(target: string, token?: string) {
    this.#client = new Client(target, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
      'grpc.max_send_message_length': -1,
      'grpc.max_receive_message_length': -1,
    });
    this.#token = token;
  }

  #metadata(more: Readonly<Record<string, string>> = {}): Metadata {
    const metadata = new Metadata();
    if (this.#token !== undefined) metadata.set('authorization', `Bearer ${this.#token}`);
    for (const [name, value] of Object.entries(more)) metadata.set(name, value);
    return metadata;
  }

  /** Any bytes to any path, such as `/parley.v1.ThreadService/GetThread`. Never rejects: a refusal is an answer. */
  async bytes(path: string, request: Uint8Array, metadata?: Readonly<Record<string, string>>): Promise<Answer<Buffer>> {
    return new Promise((resolve) => {
      let response: Buffer | undefined;
      this.#client
        .makeUnaryRequest(path, pass, pass, Buffer.from(request), this.#metadata(metadata), (_, value) => {
          response = value;
        })
        .on('status', (status) => {
          // The callback runs in the same turn, before or after this.
          setImmediate(() => {
            resolve({ status: statusOf(status), ...(response === undefined ? {} : { response }) });
          });
        });
    });
  }

  /** A well-formed request. Never rejects: a refusal is an answer. */
  async call<Request, Response>(method: UnaryMethod<Request, Response>, request: Request): Promise<Answer<Response>> {
    const { response, status } = await this.bytes(method.path, method.requestSerialize(request));
    return response === undefined ? { status } : { response: method.responseDeserialize(response), status };
  }

  /** A well-formed request that must be answered. @throws when it is refused */
  async ask<Request, Response>(method: UnaryMethod<Request, Response>, request: Request): Promise<Response> {
    const { response, status } = await this.call(method, request);
    if (response === undefined) throw new Error(`${method.path}: ${status.code} ${status.reason}: ${status.message}`);
    return response;
  }

  /** Opens the stream and says nothing on it yet. */
  open(metadata?: Readonly<Record<string, string>>): RawStream {
    const call: ClientDuplexStream<Buffer, Buffer> = this.#client.makeBidiStreamRequest(
      '/parley.v1.StreamService/Open',
      pass,
      pass,
      this.#metadata(metadata),
    );
    this.#calls.add(call);
    call.on('status', () => this.#calls.delete(call));
    return new RawStream(call);
  }

  /** The same by Listen and Submit; the second is the call itself, for what a well-behaved client does not do. */
  openListen(): readonly [RawStream, ListenCall] {
    const call = new ListenCall(this.#client, this.#metadata());
    this.#calls.add(call);
    call.on('status', () => this.#calls.delete(call));
    return [new RawStream(call), call];
  }

  /** Cuts its streams and closes the connection. */
  [Symbol.dispose](): void {
    for (const call of this.#calls) call.cancel();
    this.#client.close();
  }
}
