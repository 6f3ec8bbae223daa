// firebase-admin against a local FCM: its own requests, every error that FCM documents, and none of its own retries.
import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../server/core/clock.ts';
import type { DeviceId, ThreadId, UserId } from '../../server/core/ids.ts';
import { FcmNotifier } from '../../server/notify/fcm.ts';
import type { Notification } from '../../server/notify/notifier.ts';
import { type FcmAnswer, FakeFcm, FakeFcmAgent, fakeAccount, fcmError } from '../support/fake-fcm.ts';

const notification: Notification = {
  kind: 'message',
  to: { userId: 'alice' as UserId, deviceId: 'phone' as DeviceId, platform: 'android', pushToken: 'token-1' },
  threadId: `d_${'x'.repeat(43)}` as ThreadId,
  sequence: 12n,
  title: 'Bob',
  text: 'hello',
  badge: 7,
  unread: 2,
  ttlS: 3_600,
};

let fcm: FakeFcm;
let notifier: FcmNotifier;
let unauthorized: string[];

function notifierAt(
  port: number,
  ca: string,
  account: ConstructorParameters<typeof FcmNotifier>[0]['account'] = fakeAccount,
) {
  const onUnauthorized = (why: string): void => void unauthorized.push(why);
  return new FcmNotifier({ account, clock: systemClock, agent: new FakeFcmAgent(port, ca), onUnauthorized });
}

beforeEach(async () => {
  unauthorized = [];
  fcm = await FakeFcm.start();
  notifier = notifierAt(fcm.port, fcm.ca);
});
afterEach(async () => {
  await notifier[Symbol.asyncDispose]();
  await fcm[Symbol.asyncDispose]();
});

test('a notification has what each platform needs to show it in place of the one before', async () => {
  expect(await notifier.send(notification)).toEqual({ outcome: 'sent' });
  const [request] = fcm.requests;
  const { threadId } = notification;
  expect(request).toMatchObject({
    path: '/v1/projects/parley-test/messages:send',
    authorization: 'Bearer fake-access',
  });
  expect(request!.message).toMatchObject({
    token: 'token-1',
    data: { kind: 'message', thread_id: threadId, sequence: '12', badge: '7' },
    notification: { title: 'Bob', body: 'hello' },
    android: {
      collapse_key: threadId,
      priority: 'high',
      ttl: '3600s',
      notification: { tag: threadId, notification_count: 2 },
    },
    apns: {
      headers: { 'apns-collapse-id': threadId, 'apns-push-type': 'alert' },
      payload: { aps: { badge: 7, sound: 'default', 'thread-id': threadId, 'mutable-content': 1 } },
    },
    webpush: { headers: { TTL: '3600', Urgency: 'high' }, notification: { tag: threadId } },
  });
  const leftS = Number(request!.message.apns.headers['apns-expiration']) - Date.now() / 1_000;
  expect(Math.abs(leftS - 3_600)).toBeLessThan(60);
  expect(request!.message.webpush.headers['Topic']).toMatch(/^[\w-]{1,32}$/);
});

test('a withdrawal is silent and has the same collapse id', async () => {
  expect(await notifier.send({ ...notification, kind: 'withdraw', title: '', text: '' })).toEqual({ outcome: 'sent' });
  const { message } = fcm.requests[0]!;
  expect(message.data).toMatchObject({ kind: 'withdraw', sequence: '12', badge: '7' });
  expect(message.notification ?? message.android.notification ?? message.webpush.notification).toBeUndefined();
  expect(message.apns).toEqual({
    headers: { 'apns-collapse-id': notification.threadId, 'apns-push-type': 'background', 'apns-priority': '5' },
    payload: { aps: { 'content-available': 1 } },
  });
  expect(message.android.collapse_key).toBe(notification.threadId);
});

const after7 = { headers: { 'retry-after': '7' } };
// Credentials may be given another key: nothing is given up for that.
const everythingLater = { outcome: 'later', retryAfterMs: 10_000, everything: true };
const badToken = 'The registration token is not a valid FCM registration token';
const errors: readonly (readonly [name: string, answer: FcmAnswer, verdict: object, unauthorized: boolean])[] = [
  ['UNREGISTERED', fcmError(404, 'NOT_FOUND', 'UNREGISTERED'), { outcome: 'gone' }, false],
  [
    'INVALID_ARGUMENT of the token',
    fcmError(400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', { field: 'message.token' }),
    { outcome: 'gone' },
    false,
  ],
  [
    'INVALID_ARGUMENT of the token, without naming it',
    fcmError(400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', { message: badToken }),
    { outcome: 'gone' },
    false,
  ],
  [
    'INVALID_ARGUMENT of something else',
    fcmError(400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', { field: 'message.android.ttl', message: badToken }),
    { outcome: 'refused' },
    false,
  ],
  ['SENDER_ID_MISMATCH', fcmError(403, 'PERMISSION_DENIED', 'SENDER_ID_MISMATCH'), { outcome: 'refused' }, false],
  ['PERMISSION_DENIED', fcmError(403, 'PERMISSION_DENIED', undefined), everythingLater, true],
  ['THIRD_PARTY_AUTH_ERROR', fcmError(401, 'UNAUTHENTICATED', 'THIRD_PARTY_AUTH_ERROR'), { outcome: 'refused' }, false],
  ['UNAUTHENTICATED', fcmError(401, 'UNAUTHENTICATED', undefined), everythingLater, true],
  ['a proxy that wants to know who asks', { status: 401, body: 'who?' }, everythingLater, true],
  ['a project that is not there', fcmError(404, 'NOT_FOUND', undefined), { outcome: 'refused' }, true],
  [
    'QUOTA_EXCEEDED',
    fcmError(429, 'RESOURCE_EXHAUSTED', 'QUOTA_EXCEEDED', after7),
    { outcome: 'later', retryAfterMs: 7_000, everything: true },
    false,
  ],
  [
    'QUOTA_EXCEEDED that does not say for how long',
    fcmError(429, 'RESOURCE_EXHAUSTED', 'QUOTA_EXCEEDED'),
    { outcome: 'later', retryAfterMs: 60_000, everything: true },
    false,
  ],
  [
    'QUOTA_EXCEEDED of one device',
    fcmError(429, 'RESOURCE_EXHAUSTED', 'QUOTA_EXCEEDED', { quotaOf: 'token:abc' }),
    { outcome: 'later', retryAfterMs: 60_000 },
    false,
  ],
  [
    'QUOTA_EXCEEDED of the project',
    fcmError(429, 'RESOURCE_EXHAUSTED', 'QUOTA_EXCEEDED', { quotaOf: 'project:parley-test' }),
    { outcome: 'later', retryAfterMs: 60_000, everything: true },
    false,
  ],
  [
    'UNAVAILABLE',
    fcmError(503, 'UNAVAILABLE', 'UNAVAILABLE', after7),
    { outcome: 'later', retryAfterMs: 7_000 },
    false,
  ],
  ['INTERNAL', fcmError(500, 'INTERNAL', 'INTERNAL'), { outcome: 'later' }, false],
  ['UNSPECIFIED_ERROR', fcmError(400, 'UNKNOWN', 'UNSPECIFIED_ERROR'), { outcome: 'later' }, false],
  ['a proxy that is not FCM', { status: 502, body: '<html>' }, { outcome: 'later' }, false],
  [
    'a proxy that has enough',
    { status: 429, headers: { 'retry-after': '3' }, body: 'no' },
    { outcome: 'later', retryAfterMs: 3_000, everything: true },
    false,
  ],
  ['a connection that is closed', 'reset', { outcome: 'later' }, false],
];

describe('what FCM answers', () => {
  test.each(errors)('%s', async (_, answer, verdict, isUnauthorized) => {
    fcm.answer = () => answer;
    const given = await notifier.send(notification);
    expect(given).toMatchObject(verdict);
    expect(Object.keys(given).toSorted()).toEqual([...Object.keys(verdict), 'why'].toSorted());
    expect(unauthorized).toHaveLength(isUnauthorized ? 1 : 0);
    // The library tries nothing again behind the queue's back.
    expect(fcm.requests).toHaveLength(1);
  });
});

test('where nothing listens, it may be tried later', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  await using nowhere = notifierAt(port, fcm.ca);
  expect(await nowhere.send(notification)).toMatchObject({ outcome: 'later' });
});

test('FCM that never answers is given up on after 15 s', async () => {
  fcm.answer = () => 'hang';
  expect(await notifier.send(notification)).toMatchObject({
    outcome: 'later',
    why: expect.stringContaining('timeout'),
  });
});

test('without an access token nothing can be sent, and the operator is told', async () => {
  const credential = { getAccessToken: () => Promise.reject(new Error('invalid_grant: account not found')) };
  await using stranger = notifierAt(fcm.port, fcm.ca, { credential, projectId: 'parley-test' });
  expect(await stranger.send(notification)).toMatchObject({ outcome: 'later', everything: true });
  expect(unauthorized).toMatchObject([expect.stringContaining('invalid_grant')]);
  expect(fcm.requests).toEqual([]);
});

test('what waits for an access token that never comes is given up on, and the next one asks for another', async () => {
  let asked = 0;
  const token = { access_token: 'fake-access', expires_in: 3_600 };
  const credential = {
    getAccessToken: () => (++asked === 1 ? new Promise<typeof token>(() => undefined) : Promise.resolve(token)),
  };
  await using stuck = notifierAt(fcm.port, fcm.ca, { credential, projectId: 'parley-test' });
  const late = new AbortController();
  void stuck.send(notification, late.signal);
  void stuck.send(notification, late.signal);
  late.abort();
  expect(await stuck.send(notification)).toEqual({ outcome: 'sent' });
  expect(asked).toBe(2);
});
