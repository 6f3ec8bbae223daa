// A gRPC server whose answers a test scripts: only for what a real node never does. Everything else is tested on a real one.
import {
  type Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type StatusObject,
} from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { Status } from '#proto/google/rpc/status.ts';
import {
  type ListenRequest,
  type ListenResponse,
  type OpenRequest,
  type OpenResponse,
  StreamServiceService,
  type SubmitRequest,
} from '#proto/parley/v1/stream_service.ts';
import { type GetThreadResponse, ThreadServiceService } from '#proto/parley/v1/thread_service.ts';

export type FakeStream = ServerDuplexStream<OpenRequest, OpenResponse>;

export type FakeListen = ServerWritableStream<ListenRequest, ListenResponse>;

export interface FakeAnswers {
  listen?(stream: FakeListen): void;
  /** Throws why it is refused, a StatusObject. */
  submit?(request: SubmitRequest, metadata: Metadata): void | Promise<void>;
  open?(stream: FakeStream, number: number): void;
  getThread?(metadata: Metadata): GetThreadResponse | Promise<GetThreadResponse>;
}

export class FakeNode implements AsyncDisposable {
  readonly address: string;
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.address = `127.0.0.1:${port}`;
  }

  static async start(answers: FakeAnswers, port = 0): Promise<FakeNode> {
    const server = new Server({ 'grpc.max_receive_message_length': 1024 * 1024 });
    // A gateway before it asks.
    new HealthImplementation({ '': 'SERVING' }).addToServer(server);
    let streams = 0;
    server.addService(StreamServiceService, {
      open: (stream: FakeStream) => {
        streams += 1;
        stream.on('error', () => undefined);
        answers.open?.(stream, streams);
      },
      listen: (stream: FakeListen) => {
        stream.on('error', () => undefined);
        answers.listen?.(stream);
      },
      submit: (call: ServerUnaryCall<SubmitRequest, unknown>, done: sendUnaryData<unknown>): void => {
        const taken = async (): Promise<void> => answers.submit?.(call.request, call.metadata);
        taken().then(
          () => done(null, { nextNumber: call.request.number + 1n }),
          (error: Partial<StatusObject>) => done(error),
        );
      },
    });
    server.addService(ThreadServiceService, {
      getThread: (call: ServerUnaryCall<unknown, GetThreadResponse>, done: sendUnaryData<GetThreadResponse>): void => {
        const answer = async (): Promise<GetThreadResponse> =>
          (await answers.getThread?.(call.metadata)) ?? { thread: undefined };
        answer().then(
          (thread) => done(null, thread),
          (error: Partial<StatusObject>) => done(error),
        );
      },
    });
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, chosen) =>
        error === null ? resolve(chosen) : reject(error),
      );
    });
    return new FakeNode(server, bound);
  }

  get port(): number {
    return Number(this.address.split(':')[1]);
  }

  /** Drops every stream and stops listening. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Bytes for `grpc-status-details-bin`. */
export function detailsOf(status: Parameters<typeof Status.fromPartial>[0]): Buffer {
  return Buffer.from(Status.encode(Status.fromPartial(status)).finish());
}
