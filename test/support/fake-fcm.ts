// A stand-in for fcm.googleapis.com: HTTPS on this machine, which the library reaches by its own HTTP path, dialled elsewhere.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { nodeCertificate } from '../../platform/node-certs.ts';

/** What the library sent, as FCM documents it. */
export interface FcmMessage {
  readonly token: string;
  readonly data: Readonly<Record<string, string>>;
  readonly notification?: { readonly title: string; readonly body: string };
  readonly android: {
    readonly collapse_key: string;
    readonly priority: string;
    readonly notification?: { readonly tag: string };
  };
  readonly apns: {
    readonly headers: Readonly<Record<string, string>>;
    readonly payload: { readonly aps: Readonly<Record<string, unknown>> };
  };
  readonly webpush: { readonly headers: Readonly<Record<string, string>>; readonly notification?: object };
}

export interface FcmRequest {
  /** Wall ms of its arrival. */
  readonly atMs: number;
  readonly path: string;
  readonly authorization: string;
  readonly message: FcmMessage;
  /** HTTP status of the answer; 0 = none. */
  status: number;
}

export type FcmAnswer =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body: string }
  /** Takes the request and never answers; closes the connection instead. */
  | 'hang'
  | 'reset';

export const fcmOk: FcmAnswer = { status: 200, body: '{"name":"projects/parley-test/messages/1"}' };

/** An error as FCM answers it: `errorCode` in its details, where it has one. */
export function fcmError(
  status: number,
  rpcStatus: string,
  errorCode: string | undefined,
  options: {
    readonly headers?: Record<string, string>;
    readonly message?: string;
    readonly field?: string;
    readonly quotaOf?: string;
  } = {},
): FcmAnswer {
  const details: object[] = [];
  if (errorCode !== undefined) {
    details.push({ '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode });
  }
  if (options.field !== undefined) {
    const fieldViolations = [{ field: options.field, description: 'Invalid' }];
    details.push({ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations });
  }
  if (options.quotaOf !== undefined) {
    const violations = [{ subject: options.quotaOf, description: 'Message rate exceeded' }];
    details.push({ '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations });
  }
  const error = { code: status, message: options.message ?? `${rpcStatus} of the fake`, status: rpcStatus, details };
  return {
    status,
    body: JSON.stringify({ error }),
    ...(options.headers === undefined ? {} : { headers: options.headers }),
  };
}

export class FakeFcm implements AsyncDisposable {
  readonly requests: FcmRequest[] = [];
  readonly port: number;
  readonly ca: string;
  /** What to answer; it may take its time. */
  answer: (request: FcmRequest) => FcmAnswer | Promise<FcmAnswer>;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, ca: string, answer: FakeFcm['answer']) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    this.ca = ca;
    this.answer = answer;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (request, response) => void this.#take(request, response));
  }

  static async start(answer: FakeFcm['answer'] = () => fcmOk): Promise<FakeFcm> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-fcm-'));
    const { ca, cert, key } = await nodeCertificate(folder, 'fcm');
    await rm(folder, { recursive: true });
    const server = createServer({ cert, key });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeFcm(server, ca, answer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const atMs = Date.now();
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { message } = JSON.parse(Buffer.concat(chunks).toString()) as { readonly message: FcmMessage };
    const { url: at = '', headers } = request;
    const taken = { atMs, path: at, authorization: headers.authorization ?? '', message, status: 0 };
    this.requests.push(taken);
    const answer = await this.answer(taken);
    if (answer === 'hang') return;
    if (answer === 'reset') return void request.socket.destroy();
    taken.status = answer.status;
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end(answer.body);
  }
}

/** An agent of HTTPS that dials the fake, whoever is asked for. */
export class FakeFcmAgent extends Agent {
  readonly #port: number;

  /** `ca`: what signs the fake. */
  constructor(port: number, ca: string) {
    super({ keepAlive: true, maxSockets: 64, ca, servername: 'parley-node' });
    this.#port = port;
  }

  override createConnection(
    options: object,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    return super.createConnection({ ...options, host: '127.0.0.1', port: this.#port }, callback);
  }
}

/** An account of a project of the fake's. */
export const fakeAccount = {
  credential: { getAccessToken: () => Promise.resolve({ access_token: 'fake-access', expires_in: 3_600 }) },
  projectId: 'parley-test',
} as const;
