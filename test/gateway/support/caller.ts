// Calls of the echo node through the gateway, with any metadata.
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import type { ChannelCredentials, ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { ErrorInfo } from '#proto/google/rpc/error_details.ts';
import { Status } from '#proto/google/rpc/status.ts';

const pass = (bytes: Buffer): Buffer => bytes;

export interface Refused {
  /** Name of the gRPC status. */
  readonly code: string;
  /** `ErrorInfo.reason`; undefined when there are no details. */
  readonly reason: string | undefined;
  readonly message: string;
}

export class Caller implements Disposable {
  readonly #client: Client;

  constructor(address: string, channel: ChannelCredentials = credentials.createInsecure()) {
    this.#client = new Client(address, channel, { 'grpc.enable_retries': 0, 'grpc.use_local_subchannel_pool': 1 });
  }

  /** The metadata that reached the node. Throws the ServiceError. */
  async say(token: string | undefined, more: Record<string, string> = {}): Promise<Record<string, string>> {
    const answer = await this.unary('/parley.v1.Echo/Say', token, more);
    return JSON.parse(answer.toString()) as Record<string, string>;
  }

  async unary(method: string, token: string | undefined, more: Record<string, string> = {}): Promise<Buffer> {
    const options = { deadline: Date.now() + 10_000 };
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        method,
        pass,
        pass,
        Buffer.alloc(0),
        metadata(token, more),
        options,
        (error, value) => (error ? reject(error) : resolve(value ?? Buffer.alloc(0))),
      );
    });
  }

  /** How the gateway or the node refused the call; throws when it was not refused. */
  async refusal(call: Promise<unknown>): Promise<Refused> {
    const error = await call.then(
      () => {
        throw new Error('the call was answered');
      },
      (thrown: unknown) => thrown as ServiceError,
    );
    const [details] = error.metadata?.get('grpc-status-details-bin') ?? [];
    const rich = details === undefined ? undefined : Status.decode(details as Buffer);
    const info = rich?.details[0];
    return {
      code: status[error.code] ?? '',
      reason: info === undefined ? undefined : ErrorInfo.decode(info.value).reason,
      message: error.details,
    };
  }

  /** Opens an echo stream. */
  flow(token: string): Flow {
    return flowOf(this.#client.makeBidiStreamRequest('/parley.v1.Echo/Flow', pass, pass, metadata(token, {})));
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

export interface Flow extends AsyncDisposable {
  /** Texts that came back, in order. */
  readonly answers: readonly string[];
  /** How the stream ended; undefined while it is open. */
  readonly ended: { readonly code: string } | undefined;
  write(text: string): void;
  /** Reads no more until resumed: the peer's windows fill. */
  pause(): void;
}

function flowOf(stream: ClientDuplexStream<Buffer, Buffer>): Flow {
  const answers: string[] = [];
  const { promise: over, resolve } = Promise.withResolvers<{ readonly code: string }>();
  let ended: { readonly code: string } | undefined;
  stream.on('data', (message: Buffer) => answers.push(message.toString()));
  // The status says the same; without a listener the error would end the process.
  stream.on('error', () => {});
  stream.on('status', ({ code }) => {
    ended = { code: status[code] ?? '' };
    resolve(ended);
  });
  return {
    answers,
    get ended() {
      return ended;
    },
    write: (text) => void stream.write(Buffer.from(text)),
    pause: () => void stream.pause(),
    async [Symbol.asyncDispose]() {
      stream.cancel();
      await over;
    },
  };
}

function metadata(token: string | undefined, more: Record<string, string>): Metadata {
  const made = new Metadata();
  if (token !== undefined) made.set('authorization', `Bearer ${token}`);
  for (const [name, value] of Object.entries(more)) made.set(name, value);
  return made;
}
