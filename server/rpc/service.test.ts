import { Metadata, Server, ServerCredentials, credentials, status as codes } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PresenceServiceClient, PresenceServiceService } from '#proto/parley/v1/presence_service.ts';
import { HandClock } from '../../test/support/clock.ts';
import { RawClient } from '../../test/support/raw-client.ts';
import { AuthError } from '../auth/auth-error.ts';
import type { Caller } from '../chat/caller.ts';
import { systemClock } from '../core/clock.ts';
import { type Reason, Refusal, catalogue } from '../core/errors.ts';
import { type UserId, noDevice } from '../core/ids.ts';
import { type Handler, makeService, maxRequestBytes } from './service.ts';

type Request = { userIds: string[] };
type Response = { presences: [] };

let server: Server;
let client: RawClient;
let handler: Handler<Request, Response>;
let bugs: unknown[];
let observed: [method: string, code: string, ms: number][];
let clock: HandClock;
let target: string;

const path = '/parley.v1.PresenceService/BatchGetPresences';
const ask = (request: Request = { userIds: ['bob'] }) => client.call(PresenceServiceService.batchGetPresences, request);

beforeEach(async () => {
  server = new Server();
  clock = new HandClock();
  bugs = [];
  observed = [];
  handler = () => Promise.resolve({ presences: [] });
  const { definition, implementation } = makeService(
    PresenceServiceService,
    { batchGetPresences: (request, caller) => handler(request, caller) as never },
    {
      clock,
      authenticate(metadata): Promise<Caller> {
        const [token] = metadata.get('authorization');
        if (token !== 'Bearer good') return Promise.reject(new AuthError('TOKEN_MISSING', 'no token'));
        return Promise.resolve({ userId: 'alice' as UserId, deviceId: noDevice, claims: {} });
      },
      observe: (method, code, ms) => observed.push([method, code, ms]),
      report: (cause) => `bug-${bugs.push(cause)}`,
    },
  );
  server.addService(definition, implementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  target = `127.0.0.1:${port}`;
  client = new RawClient(target, 'good');
});
afterEach(() => {
  client[Symbol.dispose]();
  server.forceShutdown();
});

test('a handler gets the request and its caller, and the call is counted once with its time', async () => {
  handler = (request, caller) => {
    expect(request.userIds).toEqual(['bob', 'carol']);
    expect(caller).toMatchObject({ userId: 'alice', signal: { aborted: false } });
    clock.turn(7);
    return Promise.resolve({ presences: [] });
  };
  const { response, status } = await ask({ userIds: ['bob', 'carol'] });
  expect(status.code).toBe('OK');
  expect(response).toEqual({ presences: [] });
  expect(observed).toEqual([['parley.v1.PresenceService/BatchGetPresences', 'OK', 7]]);
});

test('every reason of the catalogue leaves with its code, one ErrorInfo and what helps', async () => {
  for (const reason of Object.keys(catalogue) as Reason[]) {
    const fields = [{ field: 'user_ids[0]', description: 'is wrong' }];
    handler = () => Promise.reject(new Refusal(reason, `because of ${reason} – ü`, { fields, retryAfterMs: 1_500 }));
    const { status } = await ask();
    expect(status).toMatchObject({
      reason,
      code: catalogue[reason],
      domain: 'parley.chat',
      message: `because of ${reason} – ü`,
      fields: ['user_ids[0]'],
      retryAfterMs: 1_500,
    });
  }
  expect(observed).toHaveLength(Object.keys(catalogue).length);
});

test('whatever else is thrown, in the handler or in encoding, leaves as INTERNAL with an id and no cause', async () => {
  const thrown: (() => Promise<Response>)[] = [
    () => Promise.reject(new Error('secret')),
    () => Promise.reject(Object.assign(new Error('secret'), { code: codes.DATA_LOSS, details: 'secret' })),
    () => Promise.reject('secret' as unknown as Error),
    () => {
      throw new TypeError('secret');
    },
    () => Promise.resolve({ presences: [{ userId: 7 }] } as unknown as Response),
    () => Promise.resolve(undefined as unknown as Response),
  ];
  for (const [index, throws] of thrown.entries()) {
    handler = throws;
    const { status } = await ask();
    expect(status).toMatchObject({ code: 'INTERNAL', reason: 'INTERNAL' });
    expect(status.message).toContain(`bug-${index + 1}`);
    expect(status.message).not.toContain('secret');
    expect(status.bytes.toString('latin1')).not.toContain('secret');
  }
  expect(bugs).toHaveLength(thrown.length);
});

test('bytes that are no protobuf, strings that are no UTF-8 and requests over the bound are refused by the field', async () => {
  const broken = [Buffer.from([0xff]), Buffer.from([0x0a, 0x05, 0x61]), Buffer.from([0x0a, 0x02, 0xc3, 0x28])];
  for (const bytes of broken) {
    const { status } = await client.bytes(path, bytes);
    expect(status).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'INVALID_FIELD', fields: ['request'] });
  }
  const { status } = await client.bytes(path, Buffer.alloc(maxRequestBytes + 1));
  expect(status).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'TOO_LARGE' });
  expect(bugs).toEqual([]);
});

test('the token is looked at before the request is', async () => {
  using stranger = new RawClient(target);
  const { status } = await stranger.bytes(path, Buffer.from([0xff]));
  expect(status).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'TOKEN_MISSING' });
});

test.each([
  ['goes away', 'CANCELLED'],
  ['has a deadline that passes', 'DEADLINE_EXCEEDED'],
])('a caller who %s stops the work, which is told why', async (_, reason) => {
  const { promise: aborted, resolve } = Promise.withResolvers<unknown>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  handler = (_request, { signal }) => {
    begin();
    return new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => {
        resolve(signal.reason);
        reject(signal.reason as Error);
      });
    });
  };
  const isDeadline = reason === 'DEADLINE_EXCEEDED';
  // The test's clock stands; the transport has its own, by which the deadline is long over at that time.
  clock.step(systemClock.nowMs() - clock.nowMs() + (isDeadline ? 60_000 : 0));
  const stub = new PresenceServiceClient(target, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('authorization', 'Bearer good');
  const options = isDeadline ? { deadline: systemClock.nowMs() + 100 } : {};
  const { promise: ended, resolve: end } = Promise.withResolvers<string | undefined>();
  const call = stub.batchGetPresences({ userIds: [] }, metadata, options, (error) => end(codes[error?.code ?? 0]));
  await begun;
  if (!isDeadline) call.cancel();
  expect(await aborted).toMatchObject({ reason });
  expect(await ended).toBe(reason);
  stub.close();
});
