import { Client, connectivityState, credentials } from '@grpc/grpc-js';
import type { ChannelOptions } from '@grpc/grpc-js';
import type { Hello } from '#proto/parley/v1/stream_service.ts';
import type { CallOptions, Carrier, CarrierStream, StreamListener } from '../core/carrier.ts';
import * as Code from '../core/codes.ts';
import { localError } from '../core/errors.ts';
import type { Path, RequestOf, ResponseOf } from '../core/methods.ts';
import { codecOf } from './methods.ts';
import { targetFrom } from './source-address.ts';
import { bearer, errorOfCall, NodeStream } from './stream.ts';

export interface NodeCarrierOptions {
  /** Gateway as host:port. */
  readonly target: string;
  /** TLS: true with the system's authorities, or those in `ca` (PEM). Default: plain text. */
  readonly tls?: boolean | { readonly ca: string | Uint8Array };
  /** Local IP address to connect from; `target` must be an IP address then. */
  readonly localAddress?: string;
  /** Default true: a connection of its own. False: carriers of this process to the same target share one. */
  readonly ownConnection?: boolean;
  /** Name and version for the server's log. Default: this SDK's. */
  readonly name?: string;
  readonly version?: string;
}

const sdkVersion = '0.1.0';
/** 200 messages of 64 KiB, and their frames. */
const mostReceiveBytes = 32 * 1024 * 1024;

/** HTTP/2 on grpc-js: `StreamService.Open`, and unary calls on the same connection. */
export class NodeCarrier implements Carrier {
  readonly name: string;
  readonly version: string;
  readonly #options: NodeCarrierOptions;
  #client: Client | undefined;
  #closed = false;

  constructor(options: NodeCarrierOptions) {
    this.name = options.name ?? 'parley-node';
    this.version = options.version ?? sdkVersion;
    this.#options = options;
  }

  open(hello: Hello, token: string, listener: StreamListener): CarrierStream {
    const client = this.#connected();
    return new NodeStream(
      client,
      hello,
      token,
      listener,
      (error) => {
        if (error !== undefined) this.#dropIfBroken(client);
      },
      () => this.#drop(client),
    );
  }

  call<P extends Path>(path: P, request: RequestOf<P>, options: CallOptions): Promise<ResponseOf<P>> {
    if (this.#closed) return Promise.reject(localError('CLIENT_CLOSED', 'the carrier is closed', Code.CANCELLED));
    const client = this.#connected();
    const codec = codecOf(path);
    const { signal } = options;
    return new Promise((resolve, reject) => {
      const call = client.makeUnaryRequest(
        path,
        codec.requestSerialize,
        codec.responseDeserialize,
        request,
        bearer(options.token),
        { deadline: Date.now() + options.deadlineMs },
        (error, response) => {
          signal?.removeEventListener('abort', cancel);
          if (error !== null) {
            this.#dropIfBroken(client);
            reject(errorOfCall(error));
          } else if (response === undefined) reject(localError('NO_REASON', 'no answer', Code.INTERNAL));
          else resolve(response);
        },
      );
      const cancel = (): void => call.cancel();
      if (signal?.aborted === true) call.cancel();
      else signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  close(): void {
    this.#closed = true;
    this.#client?.close();
    this.#client = undefined;
  }

  #connected(): Client {
    this.#client ??= this.#connect();
    return this.#client;
  }

  #connect(): Client {
    const { target, localAddress, tls = false, ownConnection = true } = this.#options;
    const options: ChannelOptions = {
      'grpc.use_local_subchannel_pool': ownConnection ? 1 : 0,
      // Core retries: a channel that does too keeps every message of a stream in a buffer.
      'grpc.enable_retries': 0,
      'grpc.enable_http_proxy': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.max_receive_message_length': mostReceiveBytes,
    };
    const secure =
      tls === false
        ? credentials.createInsecure()
        : credentials.createSsl(tls === true ? null : Buffer.from(tls.ca as Uint8Array));
    return new Client(localAddress === undefined ? target : targetFrom(localAddress, target), secure, options);
  }

  /**
   * Lets go of a channel that does not connect: it would refuse what comes next without trying, and try by itself when
   * nobody asked. When to try is core's to say.
   */
  #dropIfBroken(client: Client): void {
    const state = client.getChannel().getConnectivityState(false);
    if (state === connectivityState.TRANSIENT_FAILURE) this.#drop(client);
  }

  #drop(client: Client): void {
    client.close();
    if (this.#client === client) this.#client = undefined;
  }
}
