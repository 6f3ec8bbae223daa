// The HTTP/2 carrier against a server that misbehaves: what a real node never does.
import { Metadata } from '@grpc/grpc-js';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ErrorInfo } from '#proto/google/rpc/error_details.ts';
import { Hello, type ServerFrame } from '#proto/parley/v1/stream_service.ts';
import * as Code from '../../clients/core/codes.ts';
import { type ParleyError } from '../../clients/core/errors.ts';
import { NodeCarrier } from '../../clients/node/carrier.ts';
import { detailsOf, type FakeAnswers, FakeNode } from '../support/fake-node.ts';

const hello = Hello.fromPartial({ deviceId: 'd' });
const typeUrl = 'type.googleapis.com/google.rpc.ErrorInfo';

let node: FakeNode | undefined;
let carrier: NodeCarrier | undefined;

afterEach(async () => {
  carrier?.close();
  await node?.[Symbol.asyncDispose]();
});

async function started(answers: FakeAnswers): Promise<NodeCarrier> {
  node = await FakeNode.start(answers);
  carrier = new NodeCarrier({ target: node.address });
  return carrier;
}

function failure(code: number, reason: string): Error {
  const value = Buffer.from(ErrorInfo.encode({ reason, domain: 'parley.chat', metadata: {} }).finish());
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', detailsOf({ code, message: 'no', details: [{ typeUrl, value }] }));
  return Object.assign(new Error('no'), { code, details: 'no', metadata });
}

/** Opens a stream; what it told and how it ended. */
function open(on: NodeCarrier): {
  told: ServerFrame[];
  stream: ReturnType<NodeCarrier['open']>;
  ended: Promise<ParleyError | undefined>;
} {
  const told: ServerFrame[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<ParleyError | undefined>();
  const stream = on.open(hello, 'jwt', { frames: (frames) => void told.push(...frames), ended: resolve });
  return { told, stream, ended };
}

const goodbye = { frames: [{ frame: { $case: 'goodbye', value: { reason: 8, reconnect: true } } }] } as never;

describe('a stream', () => {
  test('gives all frames before it tells its end, also when both come together', async () => {
    const on = await started({
      open: (stream) => {
        for (let count = 0; count < 100; count += 1) stream.write(goodbye);
        stream.emit('error', failure(Code.ABORTED, 'X'));
      },
    });
    const { told, ended } = open(on);
    await expect(ended).resolves.toMatchObject({ code: Code.ABORTED, reason: 'X' });
    expect(told).toHaveLength(100);
  });

  test('ends without an error when the server ends it with OK', async () => {
    const on = await started({ open: (stream) => stream.end() });
    await expect(open(on).ended).resolves.toBeUndefined();
  });

  test('ends when nobody listens at the target, and connects as soon as somebody does', async () => {
    const on = await started({});
    const { port } = node as FakeNode;
    await node?.[Symbol.asyncDispose]();
    await expect(open(on).ended).resolves.toMatchObject({ code: Code.UNAVAILABLE });
    node = await FakeNode.start({ open: (stream) => stream.end() }, port);
    await expect(open(on).ended).resolves.toBeUndefined();
  });

  test('that is dropped is told its end at once, though the server never answers', async () => {
    const on = await started({ open: () => undefined });
    const { stream, ended } = open(on);
    stream.abort();
    await expect(ended).resolves.toMatchObject({ code: Code.CANCELLED });
  });

  test('splits what is more than one request may hold', async () => {
    const sizes: number[] = [];
    const on = await started({
      open: (stream) => stream.on('data', ({ frames }: { frames: unknown[] }) => sizes.push(frames.length)),
    });
    const { stream } = open(on);
    const frame = { $case: 'heartbeat', value: { foreground: true } } as const;
    stream.send(Array.from({ length: 600 }, () => ({ requestId: 0n, frame })));
    await vi.waitFor(() => expect(sizes).toEqual([1, 256, 256, 88]));
  });
});

describe('a call', () => {
  test('carries the token and gives the reason of a refusal', async () => {
    const seen: unknown[] = [];
    const on = await started({
      getThread: (metadata) => {
        seen.push(metadata.get('authorization')[0]);
        throw failure(Code.FAILED_PRECONDITION, 'MEMBER_CAP');
      },
    });
    const call = on.call('/parley.v1.ThreadService/GetThread', { threadId: 't' }, { token: 'jwt', deadlineMs: 5000 });
    await expect(call).rejects.toMatchObject({ reason: 'MEMBER_CAP', code: Code.FAILED_PRECONDITION });
    expect(seen).toEqual(['Bearer jwt']);
  });

  test('ends at its deadline', async () => {
    const on = await started({ getThread: () => new Promise(() => undefined) });
    const call = on.call('/parley.v1.ThreadService/GetThread', { threadId: 't' }, { token: 'jwt', deadlineMs: 50 });
    await expect(call).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
  });

  test('ends when it is cancelled', async () => {
    const on = await started({ getThread: () => new Promise(() => undefined) });
    const abort = new AbortController();
    const options = { token: 'jwt', deadlineMs: 60_000, signal: abort.signal };
    const call = on.call('/parley.v1.ThreadService/GetThread', { threadId: 't' }, options);
    abort.abort();
    await expect(call).rejects.toMatchObject({ code: Code.CANCELLED });
  });
});
