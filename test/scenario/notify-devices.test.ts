// Notifications through everything: devices behind Envoy, a node with its queue, and a webhook that takes what would go to a push service.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import {
  ListDeadLettersRequest,
  NotificationAdminServiceService as Admin,
} from '#proto/parley/service/v1/notification_admin_service.ts';
import { Device, DeviceServiceService } from '#proto/parley/v1/device_service.ts';
import { ListReceiptsRequest, MarkReadRequest, ReceiptServiceService } from '#proto/parley/v1/receipt_service.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { Line } from '../faults/line.ts';
import { FakeWebhook } from '../support/fake-webhook.ts';
import { clientId, directThread, People, type Person, post, sendOn } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';
import { Services } from '../support/services.ts';
import { acknowledging } from './told.ts';

let webhook: FakeWebhook;
let platform: Platform;
let people: People;
let line: Line;
let overLine: People;

beforeAll(async () => {
  webhook = await FakeWebhook.start();
  const notify = { PARLEY_NOTIFY_WEBHOOK_URL: webhook.url, PARLEY_NOTIFY_WEBHOOK_SECRET: webhook.secret };
  platform = await startPlatform({ env: { ...unlimited, ...notify }, services: true });
  people = new People(platform);
  line = await Line.start(platform.gateway);
  overLine = new People(platform, line.address);
});
afterAll(async () => {
  overLine[Symbol.dispose]();
  people[Symbol.dispose]();
  await platform.stop();
  await line[Symbol.asyncDispose]();
  await webhook[Symbol.asyncDispose]();
});

async function register(person: Person, deviceId: string): Promise<void> {
  const device = Device.fromPartial({ deviceId, pushToken: `${person.id}/${deviceId}`, locale: 'de' });
  await person.client.ask(DeviceServiceService.registerDevice, { device });
}

async function deliveredOf(asker: Person, threadId: string, userId: string): Promise<bigint> {
  const request = ListReceiptsRequest.fromPartial({ threadId });
  const { receipts } = await asker.client.ask(ReceiptServiceService.listReceipts, request);
  return receipts.find((receipt) => receipt.userId === userId)?.deliveredSequence ?? 0n;
}

const withinMs = { timeout: 30_000 };

test('of three devices the live one is delivered to, the half-open one and the absent one are notified once', async () => {
  const [alice, bob, carol] = [await people.person('alice'), await people.person('bob'), await people.person('carol')];
  const [withBob, withCarol] = [await directThread(alice, bob), await directThread(alice, carol)];
  // Receipts are for those who have both written.
  const upToSequence = await post(bob, withBob, 'hi');
  const positions = [{ threadId: withBob, upToSequence }];
  await bob.client.ask(ReceiptServiceService.markRead, MarkReadRequest.fromPartial({ positions }));
  await post(carol, withCarol, 'hi');
  for (const device of ['live', 'half-open', 'phone']) await register(bob, device);
  await register(carol, 'half-open');
  const live = acknowledging(await bob.client.open().live({ deviceId: 'live' }));
  const halfOpen = await Promise.all(
    [bob, carol].map(async ({ id }) => {
      const { client } = await overLine.again(id);
      return acknowledging(await client.open().live({ deviceId: 'half-open' }));
    }),
  );
  // The network is gone and neither end has heard of it.
  line.hold('out', 'back');
  const authors = await alice.client.open().live({ deviceId: 'd1' });
  const sequence = await sendOn(authors, withBob, 'hello');
  await sendOn(authors, withCarol, 'hello');
  await live.until(() => live.told.some(({ $case }) => $case === 'entriesAppended'));
  await expect.poll(() => deliveredOf(alice, withBob, bob.id)).toBe(sequence);
  await expect
    .poll(() => webhook.of(bob.id).toSorted(), withinMs)
    .toEqual([`message half-open ${sequence}`, `message phone ${sequence}`]);
  await expect.poll(() => webhook.of(carol.id), withinMs).toEqual([`message half-open ${sequence}`]);
  expect(webhook.posts.find(({ user_id: user }) => user === bob.id)).toMatchObject({
    push_token: expect.stringContaining(`${bob.id}/`),
    thread_id: withBob,
    title: alice.id,
    text: 'hello',
    badge: 1,
    unread: 1,
    ttl_s: 86_400,
  });
  // Never delivered to what is half-open: of who has nothing else, nothing is; and what follows is notified in place of it, once.
  expect(await deliveredOf(alice, withCarol, carol.id)).toBeLessThan(sequence);
  const next = await sendOn(authors, withCarol, 'are you there?');
  await expect
    .poll(() => webhook.of(carol.id), withinMs)
    .toEqual([`message half-open ${sequence}`, `message half-open ${next}`]);
  expect(await deliveredOf(alice, withCarol, carol.id)).toBeLessThan(sequence);
  expect(webhook.of(bob.id)).toHaveLength(2);
  // Read on the live one, it goes from the others, silently.
  live.say('markRead', { position: { threadId: withBob, upToSequence: sequence } });
  await expect
    .poll(() => webhook.of(bob.id).slice(2).toSorted(), withinMs)
    .toEqual([`withdraw half-open ${sequence}`, `withdraw phone ${sequence}`]);
  expect(webhook.of(alice.id)).toEqual([]);
  expect(webhook.badlySigned).toBe(0);
  for (const stream of [...halfOpen, live, authors]) stream.cancel();
});

test('what was acknowledged is notified although the node was killed at once', async () => {
  const alice = await people.person('alice');
  const others = await Promise.all(Array.from({ length: 10 }, (_, at) => people.person(`bob${at}`)));
  const threads = await Promise.all(
    others.map(async (other) => {
      await register(other, 'phone');
      return directThread(alice, other);
    }),
  );
  const sequences = await Promise.all(threads.map((threadId) => post(alice, threadId, clientId())));
  await platform.nodes[0]?.restart('SIGKILL');
  await expect
    .poll(() => others.map(({ id }) => webhook.of(id)), withinMs)
    .toEqual(sequences.map((sequence) => [`message phone ${sequence}`]));
});

test('what is refused is listed for operators, without content, and can be tried again', async () => {
  const [alice, bob] = [await people.person('alice'), await people.person('bob')];
  await register(bob, 'phone');
  const threadId = await directThread(alice, bob);
  webhook.answer = ({ user_id: user }) => ({ status: user === bob.id ? 400 : 204 });
  using services = new Services(platform);
  const operator = await services.named('operator', ['notifications']);
  const sequence = await post(alice, threadId, 'secret');
  const dead = async () => (await operator.ask(Admin.listDeadLetters, ListDeadLettersRequest.create())).deadLetters;
  await expect.poll(dead, withinMs).toHaveLength(1);
  const [letter] = await dead();
  const of = { userId: bob.id, deviceId: 'phone', threadId, sequence, tries: 1, error: 'webhook: HTTP 400' };
  expect(letter).toMatchObject(of);
  expect(letter?.deadTime).toBeDefined();
  expect(await operator.ask(Admin.getNotificationQueue, {})).toMatchObject({ notifier: 'webhook', dead: 1n });
  webhook.answer = () => ({ status: 204 });
  const { notificationId = '' } = letter ?? {};
  await operator.ask(Admin.retryDeadLetter, { notificationId });
  await expect.poll(() => webhook.of(bob.id), withinMs).toEqual(Array(2).fill(`message phone ${sequence}`));
  expect(await dead()).toEqual([]);
  const { status } = await operator.call(Admin.retryDeadLetter, { notificationId });
  expect(status.reason).toBe('NOTIFICATION_NOT_FOUND');
});

test('without a push service notifications are logged, without what they say, and the start says so', async () => {
  const alone = await startPlatform({ direct: true });
  try {
    using others = new People(alone);
    const [alice, bob] = [await others.person('alice'), await others.person('bob')];
    await register(bob, 'phone');
    await post(alice, await directThread(alice, bob), 'a secret');
    const logged = (): string => readFileSync(alone.nodes[0]?.logFile ?? '', 'utf8');
    await expect.poll(logged, withinMs).toMatch(new RegExp(`"user":"${bob.id}","device":"phone".*not sent`));
    expect(logged()).toContain('notifications are only logged: neither PARLEY_FCM_CREDENTIALS nor');
    expect(logged()).not.toContain('a secret');
  } finally {
    await alone.stop();
  }
});
