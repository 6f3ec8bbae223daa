// An Open stream straight on node:http2. grpc-js reads 16 messages ahead of a paused reader; here a pause stops at the
// flow-control window, as for a device that is frozen.
import { EventEmitter } from 'node:events';
import http2 from 'node:http2';
import { Metadata, status } from '@grpc/grpc-js';
import type { StreamCall } from './raw-stream.ts';

const prefixBytes = 5;

export class Http2Call extends EventEmitter implements StreamCall {
  readonly #session: http2.ClientHttp2Session;
  readonly #stream: http2.ClientHttp2Stream;
  #rest: Buffer = Buffer.alloc(0);

  /** Opens a connection of its own. `target`: host:port, in plain text. */
  constructor(target: string, token: string) {
    super();
    this.#session = http2.connect(`http://${target}`);
    // The status says it too.
    this.#session.on('error', () => {});
    this.#stream = this.#session.request({
      ':method': 'POST',
      ':path': '/parley.v1.StreamService/Open',
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: `Bearer ${token}`,
    });
    let headers: http2.IncomingHttpHeaders = {};
    this.#stream.on('response', (response) => {
      headers = response;
    });
    this.#stream.on('trailers', (trailers) => {
      headers = { ...headers, ...trailers };
    });
    this.#stream.on('data', (chunk: Buffer) => this.#take(chunk));
    // As every gRPC client does, when the server has ended the call.
    this.#stream.on('end', () => this.#stream.end());
    this.#stream.on('error', () => {});
    this.#stream.on('close', () => {
      const code = Number(headers['grpc-status'] ?? status.UNAVAILABLE);
      this.emit('status', { code, details: String(headers['grpc-message'] ?? ''), metadata: new Metadata() });
      this.#session.close();
    });
  }

  #take(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      if (this.#rest.length < prefixBytes) return;
      const end = prefixBytes + this.#rest.readUInt32BE(1);
      if (this.#rest.length < end) return;
      this.emit('data', this.#rest.subarray(prefixBytes, end));
      this.#rest = this.#rest.subarray(end);
    }
  }

  write(bytes: Buffer): void {
    const prefix = Buffer.alloc(prefixBytes);
    prefix.writeUInt32BE(bytes.length, 1);
    this.#stream.write(Buffer.concat([prefix, bytes]));
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  end(): void {
    this.#stream.end();
  }

  cancel(): void {
    this.#stream.close(http2.constants.NGHTTP2_CANCEL);
  }
}
