import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeWebhook, type WebhookAnswer } from '../../test/support/fake-webhook.ts';
import { systemClock } from '../core/clock.ts';
import type { DeviceId, ThreadId, UserId } from '../core/ids.ts';
import type { Notification } from './notifier.ts';
import { WebhookNotifier } from './webhook.ts';

const notification: Notification = {
  kind: 'message',
  to: { userId: 'alice' as UserId, deviceId: 'phone' as DeviceId, platform: 'ios', pushToken: 'token' },
  threadId: 'd_x' as ThreadId,
  sequence: 9_007_199_254_740_993n,
  title: 'Bob',
  text: 'héllo',
  badge: 3,
  unread: 2,
  ttlS: 3_600,
};

let webhook: FakeWebhook;
let notifier: WebhookNotifier;
beforeEach(async () => {
  webhook = await FakeWebhook.start();
  notifier = new WebhookNotifier({ url: webhook.url, secret: webhook.secret, clock: systemClock });
});
afterEach(() => webhook[Symbol.asyncDispose]());

test('a notification is posted whole, signed over its bytes and time', async () => {
  expect(await notifier.send(notification)).toEqual({ outcome: 'sent' });
  const of = { user_id: 'alice', device_id: 'phone', platform: 'ios', push_token: 'token', thread_id: 'd_x' };
  const said = { kind: 'message', collapse_id: 'd_x', sequence: '9007199254740993', title: 'Bob', text: 'héllo' };
  expect(webhook.posts).toEqual([{ ...of, ...said, badge: 3, unread: 2, ttl_s: 3_600 }]);
  expect(webhook.badlySigned).toBe(0);
  const other = new WebhookNotifier({ url: webhook.url, secret: 'another', clock: systemClock });
  await other.send(notification);
  expect(webhook.badlySigned).toBe(1);
});

const after5 = { 'retry-after': '5' };
test.each<[WebhookAnswer, object]>([
  [{ status: 200 }, { outcome: 'sent' }],
  [{ status: 410 }, { outcome: 'gone' }],
  [{ status: 400 }, { outcome: 'refused' }],
  [{ status: 404 }, { outcome: 'refused' }],
  [{ status: 408 }, { outcome: 'later' }],
  [
    { status: 429, headers: after5 },
    { outcome: 'later', retryAfterMs: 5_000, everything: true },
  ],
  [
    { status: 503, headers: after5 },
    { outcome: 'later', retryAfterMs: 5_000 },
  ],
  // It is not followed: what is signed for one is not for another.
  [{ status: 302, headers: { location: 'http://127.0.0.1:1/' } }, { outcome: 'later' }],
])('%o is taken for %o', async (answer, verdict) => {
  webhook.answer = () => answer;
  const { why: _, ...given } = { why: '', ...(await notifier.send(notification)) };
  expect(given).toEqual(verdict);
});

test('an endpoint that is not there may be tried later', async () => {
  const nowhere = new WebhookNotifier({ url: 'http://127.0.0.1:1/', secret: '', clock: systemClock });
  expect(await nowhere.send(notification)).toMatchObject({ outcome: 'later' });
});
