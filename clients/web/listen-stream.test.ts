import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { ErrorInfo } from '#proto/google/rpc/error_details.ts';
import { Status } from '#proto/google/rpc/status.ts';
import { ClientFrame, Hello, ListenResponse, SubmitRequest } from '#proto/parley/v1/stream_service.ts';
import type { ServerFrame } from '#proto/parley/v1/stream_service.ts';
import * as Code from '../core/codes.ts';
import { errorOfStatus } from '../core/errors.ts';
import { WebCarrier } from './carrier.ts';

const headBytes = 5;

function framed(flags: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt8(flags);
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}

/** A gateway of one session: what is submitted is put down, and `refuses` says what it does not take for its size. */
class Gateway {
  readonly submitted: SubmitRequest[] = [];
  readonly refuses: (request: SubmitRequest) => boolean;
  readonly #server: Server;
  #listen: ServerResponse | undefined;

  constructor(refuses: (request: SubmitRequest) => boolean) {
    this.refuses = refuses;
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        response.setHeader('content-type', 'application/grpc-web+proto');
        const message = Buffer.concat(chunks).subarray(headBytes);
        if (request.url?.endsWith('/Listen') === true) this.#open(response);
        else this.#take(SubmitRequest.decode(message), response);
      });
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#listen?.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #open(response: ServerResponse): void {
    this.#listen = response;
    const welcome = ListenResponse.fromPartial({
      frames: [{ frame: { $case: 'welcome', value: { sessionId: 's-1' } } }],
    });
    response.write(framed(0, ListenResponse.encode(welcome).finish()));
  }

  #take(request: SubmitRequest, response: ServerResponse): void {
    if (!this.refuses(request)) {
      this.submitted.push(request);
      response.end(Buffer.concat([framed(0, new Uint8Array()), framed(0x80, Buffer.from('grpc-status: 0\r\n'))]));
      return;
    }
    const info = { typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo', value: reasonBytes('TOO_LARGE') };
    const status = Status.fromPartial({ code: Code.INVALID_ARGUMENT, message: 'too large', details: [info] });
    response.setHeader('grpc-status', Code.INVALID_ARGUMENT);
    response.setHeader('grpc-status-details-bin', Buffer.from(Status.encode(status).finish()).toString('base64'));
    response.end();
  }
}

function reasonBytes(reason: string): Buffer {
  return Buffer.from(ErrorInfo.encode(ErrorInfo.fromPartial({ reason })).finish());
}

function sendOf(requestId: bigint): ClientFrame {
  return ClientFrame.fromPartial({ requestId, frame: { $case: 'send', value: { threadId: `t${requestId}` } } });
}

describe('a stream by Listen and Submit', () => {
  let gateway: Gateway | undefined;

  afterEach(() => gateway?.stop());

  test('answers a request that was refused unread for its size, and goes on with the next under the same number', async () => {
    gateway = new Gateway(({ frames }) => frames.some(({ requestId }) => requestId === 1n));
    const carrier = new WebCarrier({ address: await gateway.start() });
    const replied = Promise.withResolvers<ServerFrame['frame']>();
    let ended = false;
    const stream = carrier.open(Hello.fromPartial({}), 'jwt', {
      frames: (frames) => {
        for (const { frame } of frames) {
          if (frame?.$case === 'welcome') stream.send([sendOf(1n)]);
          if (frame?.$case === 'reply') replied.resolve(frame);
        }
      },
      ended: () => {
        ended = true;
        replied.resolve(undefined);
      },
    });
    const reply = await replied.promise;
    expect(reply).toMatchObject({ $case: 'reply', value: { requestId: 1n, result: { $case: 'error' } } });
    const result = reply?.$case === 'reply' ? reply.value.result : undefined;
    if (result?.$case !== 'error') throw new Error('no refusal');
    expect(errorOfStatus(result.value)).toMatchObject({ reason: 'TOO_LARGE', code: Code.INVALID_ARGUMENT });
    stream.send([sendOf(2n)]);
    const { submitted } = gateway;
    await expect.poll(() => submitted.map(({ number, frames }) => [number, frames[0]?.requestId])).toEqual([[1n, 2n]]);
    expect(ended).toBe(false);
    carrier.close();
  });
});
