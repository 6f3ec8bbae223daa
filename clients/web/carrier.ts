import type { Hello } from '#proto/parley/v1/stream_service.ts';
import type { CallOptions, Carrier, CarrierStream, StreamListener } from '../core/carrier.ts';
import * as Code from '../core/codes.ts';
import { localError } from '../core/errors.ts';
import type { Path, RequestOf, ResponseOf } from '../core/methods.ts';
import { systemRuntime } from '../core/runtime.ts';
import type { Runtime } from '../core/runtime.ts';
import { Codecs } from './codec.ts';
import { exchange } from './grpc-web.ts';
import { loaded } from '../core/later.ts';
import { ListenStream } from './listen-stream.ts';

export interface WebCarrierOptions {
  /** Origin of the gateway, such as `https://chat.example.com`. Default: the page's own. The page's origin must be among the gateway's allowed ones. */
  readonly address?: string;
  /** Name and version for the server's log. Default: this SDK's. */
  readonly name?: string;
  readonly version?: string;
  /** Time and chance; for tests. */
  readonly runtime?: Runtime;
}

const sdkVersion = '0.1.0';

/** grpc-web by `fetch`, over HTTP/1.1 or HTTP/2: a stream is Listen and Submit. */
export class WebCarrier implements Carrier {
  readonly name: string;
  readonly version: string;
  readonly #address: string;
  readonly #runtime: Runtime;
  readonly #codecs = new Codecs();
  readonly #closed = new AbortController();

  constructor(options: WebCarrierOptions = {}) {
    this.name = options.name ?? 'parley-web';
    this.version = options.version ?? sdkVersion;
    this.#address = options.address ?? '';
    this.#runtime = options.runtime ?? systemRuntime;
  }

  open(hello: Hello, token: string, listener: StreamListener): CarrierStream {
    const wires = {
      address: this.#address,
      codecs: this.#codecs,
      runtime: this.#runtime,
      signal: this.#closed.signal,
    };
    return new ListenStream(wires, hello, token, listener);
  }

  async call<P extends Path>(path: P, request: RequestOf<P>, options: CallOptions): Promise<ResponseOf<P>> {
    if (this.#closed.signal.aborted) throw localError('CLIENT_CLOSED', 'the carrier is closed', Code.CANCELLED);
    const { token, signal } = options;
    const startMs = this.#runtime.now();
    const codecs = this.#codecs;
    if (!codecs.knows(path)) {
      const more = await loaded(() => import('#proto/tables-more.ts'), this.#runtime, options.deadlineMs);
      // Another call may have been first.
      if (!codecs.knows(path)) codecs.add(more);
    }
    const { encode, decode } = codecs.of(path);
    const deadlineMs = Math.max(0, options.deadlineMs - (this.#runtime.now() - startMs));
    const signals = [this.#closed.signal, ...(signal === undefined ? [] : [signal])];
    const answers: ResponseOf<P>[] = [];
    const call = { url: this.#address + path, token, message: encode(request), deadlineMs, signals };
    await exchange(call, (bytes) => answers.push(decode(bytes)));
    const [answer] = answers;
    if (answer === undefined) throw localError('NO_REASON', 'no answer', Code.INTERNAL);
    return answer;
  }

  close(): void {
    this.#closed.abort();
  }
}
