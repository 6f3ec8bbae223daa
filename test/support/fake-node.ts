// A gRPC server whose answers a test scripts: only for what a real node never does. Everything else is tested on a real one.
import {
  type Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type StatusObject,
} from '@grpc/grpc-js';
import { Status } from '#proto/google/rpc/status.ts';
import { type OpenRequest, type OpenResponse, StreamServiceService } from '#proto/parley/v1/stream_service.ts';
import { type GetThreadResponse, ThreadServiceService } from '#proto/parley/v1/thread_service.ts';

export type FakeStream = ServerDuplexStream<OpenRequest, OpenResponse>;

export interface FakeAnswers {
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
    let streams = 0;
    server.addService(StreamServiceService, {
      open: (stream: FakeStream) => {
        streams += 1;
        stream.on('error', () => undefined);
        answers.open?.(stream, streams);
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
