// The carrier of browsers, through the real gateway, against a server that misbehaves: what a real node never does.
import { Metadata } from '@grpc/grpc-js';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ErrorInfo } from '#proto/google/rpc/error_details.ts';
import { type ClientFrame, Hello, ListenResponse, type ServerFrame } from '#proto/parley/v1/stream_service.ts';
import { Thread } from '#proto/parley/v1/thread.ts';
import * as Code from '../../clients/core/codes.ts';
import { type ParleyError } from '../../clients/core/errors.ts';
import { WebCarrier } from '../../clients/web/carrier.ts';
import { type TestGateway, startGateway } from '../gateway/support/gateway.ts';
import { detailsOf, type FakeAnswers, type FakeListen, FakeNode } from '../support/fake-node.ts';

/** What is waited for may take this long on a busy machine: what it is, is tested, not how soon. */
const within = { timeout: 10_000, interval: 20 };

const hello = Hello.fromPartial({ deviceId: 'd' });
const typeUrl = 'type.googleapis.com/google.rpc.ErrorInfo';
const getThread = '/parley.v1.ThreadService/GetThread';

/** What the node does in a test. */
let answers: FakeAnswers;
let node: FakeNode;
let gateway: TestGateway;
let carrier: WebCarrier;
let token: string;

beforeEach(async () => {
  answers = {};
  node = await FakeNode.start({
    listen: (stream) => answers.listen?.(stream),
    submit: (request, metadata) => answers.submit?.(request, metadata),
    getThread: (metadata) => answers.getThread?.(metadata) ?? { thread: undefined },
  });
  gateway = await startGateway([node.address]);
  token = await gateway.issuer.token();
  carrier = new WebCarrier({ address: `http://${gateway.address}` });
});
afterEach(async () => {
  carrier.close();
  await gateway[Symbol.asyncDispose]();
  await node[Symbol.asyncDispose]();
});

function failure(code: number, reason: string): Error {
  const value = Buffer.from(ErrorInfo.encode({ reason, domain: 'parley.chat', metadata: {} }).finish());
  const metadata = new Metadata();
  const message = 'no: 100 % — nein';
  metadata.set('grpc-status-details-bin', detailsOf({ code, message, details: [{ typeUrl, value }] }));
  return Object.assign(new Error(message), { code, details: message, metadata });
}

interface Opened {
  readonly told: ServerFrame[];
  readonly stream: ReturnType<WebCarrier['open']>;
  readonly ended: Promise<ParleyError | undefined>;
}

/** Opens a stream; what it told and how it ended. */
function open(): Opened {
  const told: ServerFrame[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<ParleyError | undefined>();
  const stream = carrier.open(hello, token, { frames: (frames) => void told.push(...frames), ended: resolve });
  return { told, stream, ended };
}

function say(stream: FakeListen, frame: ServerFrame['frame']): void {
  stream.write(ListenResponse.fromPartial({ frames: [{ frame }] as never }));
}

const welcome = { $case: 'welcome', value: { sessionId: 'n1.x' } } as never;
const greet = (stream: FakeListen): void => say(stream, welcome);
const goodbye = { $case: 'goodbye', value: { reason: 8, reconnect: true } } as never;
const reply = (requestId: bigint, result?: unknown): never =>
  ({ $case: 'reply', value: { requestId, result } }) as never;
const beat = (requestId = 0n): ClientFrame => ({
  requestId,
  frame: { $case: 'heartbeat', value: { foreground: true } },
});

describe('a stream', () => {
  test('gives all frames before it tells its end, also when both come together', async () => {
    answers.listen = (stream) => {
      for (let count = 0; count < 100; count += 1) say(stream, goodbye);
      stream.emit('error', failure(Code.ABORTED, 'X'));
    };
    const { told, ended } = open();
    await expect(ended).resolves.toMatchObject({ code: Code.ABORTED, reason: 'X', message: 'no: 100 % — nein' });
    expect(told).toHaveLength(100);
  });

  test('ends without an error when the server ends it with OK', async () => {
    answers.listen = (stream) => stream.end();
    await expect(open().ended).resolves.toBeUndefined();
  });

  test('ends when the gateway is gone, and so does one opened then', async () => {
    answers.listen = greet;
    const { told, ended } = open();
    await vi.waitFor(() => expect(told).toHaveLength(1), within);
    await gateway.envoy.child.end('SIGKILL', 5000);
    await expect(ended).resolves.toMatchObject({ code: Code.UNAVAILABLE, reason: 'NO_REASON' });
    await expect(open().ended).resolves.toMatchObject({ code: Code.UNAVAILABLE, reason: 'NO_REASON' });
  });

  test('that is dropped is told its end at once, though the server never answers', async () => {
    const { stream, ended } = open();
    stream.abort();
    await expect(ended).resolves.toMatchObject({ code: Code.CANCELLED });
  });

  test('is over with its carrier', async () => {
    answers.listen = greet;
    const { told, ended } = open();
    await vi.waitFor(() => expect(told).toHaveLength(1), within);
    carrier.close();
    await expect(ended).resolves.toMatchObject({ code: Code.CANCELLED });
    await expect(open().ended).resolves.toMatchObject({ code: Code.CANCELLED });
  });

  test('takes frames before it is welcomed, and splits what is more than one Submit may hold', async () => {
    const sizes: [bigint, number][] = [];
    answers.submit = ({ sessionId, number, frames }) => {
      expect(sessionId).toBe('n1.x');
      sizes.push([number, frames.length]);
    };
    answers.listen = greet;
    const { stream } = open();
    stream.send(Array.from({ length: 600 }, () => beat()));
    await vi.waitFor(
      () =>
        expect(sizes).toEqual([
          [1n, 256],
          [2n, 256],
          [3n, 88],
        ]),
      within,
    );
  });

  test('has one Submit under way: what is sent meanwhile goes with the next one', async () => {
    const waiting: { ids: bigint[]; take: () => void }[] = [];
    answers.submit = ({ frames }) =>
      new Promise((take) => waiting.push({ ids: frames.map(({ requestId }) => requestId), take }));
    answers.listen = greet;
    const { stream } = open();
    stream.send([beat(1n)]);
    await vi.waitFor(() => expect(waiting).toHaveLength(1), within);
    stream.send([beat(2n)]);
    stream.send([beat(3n)]);
    waiting[0]?.take();
    await vi.waitFor(() => expect(waiting.map(({ ids }) => ids)).toEqual([[1n], [2n, 3n]]), within);
  });

  test('repeats a Submit with its number when it was refused for now, and goes on after it', async () => {
    const seen: [bigint, number][] = [];
    const refusals = [
      failure(Code.UNAVAILABLE, 'OVERLOADED'),
      failure(Code.INTERNAL, ''),
      failure(Code.UNAVAILABLE, ''),
    ];
    answers.submit = ({ number, frames }) => {
      seen.push([number, frames.length]);
      const refusal = refusals.shift();
      if (refusal !== undefined) throw refusal;
    };
    answers.listen = greet;
    const { stream, told } = open();
    stream.send([beat()]);
    await vi.waitFor(() => expect(seen).toHaveLength(1), within);
    stream.send([beat(), beat()]);
    await vi.waitFor(() => expect(seen).toHaveLength(5), within);
    expect(seen.map(([number]) => number)).toEqual([1n, 1n, 1n, 1n, 2n]);
    expect(told).toHaveLength(1);
  });

  test('ends with what Listen says when a Submit is refused for good', async () => {
    answers.listen = (stream) => {
      greet(stream);
      answers.submit = () => {
        say(stream, goodbye);
        stream.emit('error', failure(Code.INVALID_ARGUMENT, 'LISTEN_SAYS'));
        throw failure(Code.INVALID_ARGUMENT, 'SUBMIT_SAYS');
      };
    };
    const { stream, told, ended } = open();
    stream.send([beat()]);
    await expect(ended).resolves.toMatchObject({ reason: 'LISTEN_SAYS' });
    expect(told.map(({ frame }) => frame?.$case)).toEqual(['welcome', 'goodbye']);
  });

  test('ends with why a Submit is refused for good when Listen says nothing', async () => {
    answers.listen = greet;
    answers.submit = () => {
      throw failure(5, 'SESSION_NOT_FOUND');
    };
    const { stream, ended } = open();
    stream.send([beat()]);
    await expect(ended).resolves.toMatchObject({ reason: 'SESSION_NOT_FOUND' });
  });

  test('shows a new token once the server has taken it', async () => {
    const next = await gateway.issuer.token({ jti: 'next' });
    const shown: unknown[] = [];
    let listen: FakeListen | undefined;
    answers.listen = (stream) => {
      listen = stream;
      greet(stream);
    };
    answers.submit = (_, metadata) => void shown.push(metadata.get('authorization')[0]);
    const { stream, told } = open();
    const reauthenticate = { $case: 'reauthenticate', value: { token: next } } as const;
    stream.send([{ requestId: 1n, frame: reauthenticate }]);
    await vi.waitFor(() => expect(shown).toHaveLength(1), within);
    say(listen as FakeListen, reply(1n, { $case: 'error', value: { code: 16, message: '', details: [] } }));
    await vi.waitFor(() => expect(told).toHaveLength(2), within);
    stream.send([{ requestId: 2n, frame: reauthenticate }]);
    await vi.waitFor(() => expect(shown).toHaveLength(2), within);
    say(listen as FakeListen, reply(2n, { $case: 'reauthenticate', value: {} }));
    await vi.waitFor(() => expect(told).toHaveLength(3), within);
    stream.send([beat()]);
    await vi.waitFor(() => expect(shown).toHaveLength(3), within);
    expect(shown).toEqual([`Bearer ${token}`, `Bearer ${token}`, `Bearer ${next}`]);
  });

  test('is closed after what was handed over is taken and replied to', async () => {
    let listen: FakeListen | undefined;
    answers.listen = (stream) => {
      listen = stream;
      greet(stream);
    };
    const taken: bigint[] = [];
    answers.submit = ({ frames }) => void taken.push(...frames.map(({ requestId }) => requestId));
    const { stream, told, ended } = open();
    stream.send([beat(7n)]);
    stream.close();
    await vi.waitFor(() => expect(taken).toEqual([7n]), within);
    expect(listen?.cancelled).toBe(false);
    say(listen as FakeListen, reply(7n));
    await expect(ended).resolves.toBeUndefined();
    expect(told.map(({ frame }) => frame?.$case)).toEqual(['welcome', 'reply']);
    await vi.waitFor(() => expect(listen?.cancelled).toBe(true), within);
  });
});

describe('a call', () => {
  const options = { deadlineMs: 5000 };

  test('carries the token and gives the reason of a refusal', async () => {
    const seen: unknown[] = [];
    answers.getThread = (metadata) => {
      seen.push(metadata.get('authorization')[0]);
      throw failure(Code.FAILED_PRECONDITION, 'MEMBER_CAP');
    };
    const call = carrier.call(getThread, { threadId: 't' }, { ...options, token });
    await expect(call).rejects.toMatchObject({ reason: 'MEMBER_CAP', code: Code.FAILED_PRECONDITION });
    expect(seen).toEqual([`Bearer ${token}`]);
  });

  test('answers what comes in many pieces', async () => {
    const name = '字'.repeat(500_000);
    answers.getThread = () => ({ thread: Thread.fromPartial({ threadId: 't', name }) });
    const { thread } = await carrier.call(getThread, { threadId: 't' }, { ...options, token });
    expect(thread?.name).toBe(name);
  });

  test('is refused by the gateway with the reason, too', async () => {
    const call = carrier.call(getThread, { threadId: 't' }, { ...options, token: 'no token' });
    await expect(call).rejects.toMatchObject({ code: Code.UNAUTHENTICATED, reason: 'TOKEN_INVALID' });
  });

  test('ends at its deadline, which the server knows', async () => {
    const seen: unknown[] = [];
    answers.getThread = (metadata) => {
      seen.push(metadata.get('grpc-timeout').length);
      return new Promise(() => undefined);
    };
    const call = carrier.call(getThread, { threadId: 't' }, { token, deadlineMs: 300 });
    await expect(call).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
    expect(seen).toHaveLength(1);
  });

  test('ends when it is cancelled, before it began too, and with its carrier', async () => {
    answers.getThread = () => new Promise(() => undefined);
    const abort = new AbortController();
    const limits = { ...options, token, signal: abort.signal };
    const call = carrier.call(getThread, { threadId: 't' }, limits);
    abort.abort();
    await expect(call).rejects.toMatchObject({ code: Code.CANCELLED });
    await expect(carrier.call(getThread, { threadId: 't' }, limits)).rejects.toMatchObject({ code: Code.CANCELLED });
    const other = carrier.call(getThread, { threadId: 't' }, { ...options, token });
    carrier.close();
    await expect(other).rejects.toMatchObject({ code: Code.CANCELLED });
    const late = carrier.call(getThread, { threadId: 't' }, { ...options, token });
    await expect(late).rejects.toMatchObject({ reason: 'CLIENT_CLOSED' });
  });

  test.each([
    [503, Code.UNAVAILABLE],
    [404, Code.UNIMPLEMENTED],
    [200, Code.UNKNOWN],
  ])('that something else answers with HTTP %i and a page fails with code %i', async (status, code) => {
    const server = createServer((_, response) => void response.writeHead(status).end('<p>hello'));
    await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
    const elsewhere = new WebCarrier({ address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    const call = elsewhere.call(getThread, { threadId: 't' }, { ...options, token });
    await expect(call).rejects.toMatchObject({ code, reason: 'NO_REASON' });
    server.closeAllConnections();
    server.close();
  });
});
