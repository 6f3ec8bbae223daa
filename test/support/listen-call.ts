// Listen and Submit, spoken through as one call of Open: what tests say to a stream goes out as Hello and numbered Submits.
import { EventEmitter } from 'node:events';
import type { Client, Metadata, ClientReadableStream, StatusObject } from '@grpc/grpc-js';
import {
  ListenRequest,
  ListenResponse,
  OpenRequest,
  StreamServiceService,
  type SubmitRequest,
} from '#proto/parley/v1/stream_service.ts';
import { type RawStatus, statusOf } from './raw-status.ts';
import type { StreamCall } from './raw-stream.ts';

const pass = (bytes: Buffer): Buffer => bytes;

/** Gives the number that is due, or why it was refused. */
export type Submitted = { readonly due?: bigint; readonly status: RawStatus };

export class ListenCall extends EventEmitter implements StreamCall {
  /** Who submits: another client than the one that listens, in some tests. */
  readonly #client: Client;
  readonly #metadata: Metadata;
  #call: ClientReadableStream<Buffer> | undefined;
  #sessionId = '';
  #number = 0n;
  #line: Promise<unknown>;
  #welcomed!: () => void;

  constructor(client: Client, metadata: Metadata) {
    super();
    this.#client = client;
    this.#metadata = metadata;
    this.#line = new Promise<void>((resolve) => (this.#welcomed = resolve));
  }

  get sessionId(): string {
    return this.#sessionId;
  }

  write(bytes: Buffer): void {
    const { frames } = OpenRequest.decode(bytes);
    const [first, ...rest] = frames;
    if (this.#call === undefined) {
      const hello = first?.frame?.$case === 'hello' ? first.frame.value : undefined;
      this.#listen(Buffer.from(ListenRequest.encode({ hello }).finish()));
      if (rest.length > 0) this.#submitNext(rest);
      return;
    }
    this.#submitNext(frames);
  }

  /** One Submit as it is given. */
  submit(request: SubmitRequest): Promise<Submitted> {
    const { path, requestSerialize, responseDeserialize } = StreamServiceService.submit;
    return new Promise((resolve) => {
      let due: bigint | undefined;
      this.#client
        .makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          this.#metadata.clone(),
          (_, response) => {
            due = response?.nextNumber;
          },
        )
        .on('status', (status) => {
          // The callback runs in the same turn, before or after this.
          setImmediate(() => resolve({ status: statusOf(status), ...(due === undefined ? {} : { due }) }));
        });
    });
  }

  pause(): void {
    this.#call?.pause();
  }

  resume(): void {
    this.#call?.resume();
  }

  end(): void {
    this.#call?.cancel();
  }

  cancel(): void {
    this.#call?.cancel();
  }

  #submitNext(frames: SubmitRequest['frames']): void {
    const number = (this.#number += 1n);
    this.#line = this.#line.then(() => this.submit({ sessionId: this.#sessionId, number, frames }));
  }

  #listen(request: Buffer): void {
    const { path } = StreamServiceService.listen;
    const call = this.#client.makeServerStreamRequest(path, pass, pass, request, this.#metadata.clone());
    this.#call = call;
    call.on('data', (bytes: Buffer) => {
      for (const { frame } of this.#sessionId === '' ? ListenResponse.decode(bytes).frames : []) {
        if (frame?.$case !== 'welcome') continue;
        this.#sessionId = frame.value.sessionId;
        this.#welcomed();
      }
      // Both are a list of frames.
      this.emit('data', bytes);
    });
    // The status says it too.
    call.on('error', () => {});
    call.on('status', (status: StatusObject) => this.emit('status', status));
  }
}
