// What other services do with channels, and what listeners and moderators see of it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  ChannelAdminServiceService as Admin,
  CreateChannelRequest,
  PublishCommentRequest,
} from '#proto/parley/service/v1/channel_admin_service.ts';
import { ChannelServiceService, PublishCommentRequest as OwnComment } from '#proto/parley/v1/channel_service.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import type { RawClient, UnaryMethod } from '../support/raw-client.ts';
import { clientId, People, type Person } from '../support/raw-people.ts';
import { auditOf, Services } from '../support/services.ts';
import { unlimited } from '../support/unlimited.ts';

let platform: Platform;
let people: People;
let services: Services;
let blog: RawClient;

beforeAll(async () => {
  platform = await startPlatform({ services: true, env: { ...unlimited, PARLEY_CHANNELS: 'service' } });
  people = new People(platform);
  services = new Services(platform);
  blog = await services.named('blog');
});
afterAll(async () => {
  services[Symbol.dispose]();
  people[Symbol.dispose]();
  await platform.stop();
});

const creation = (channelId: string, more: Partial<CreateChannelRequest> = {}) =>
  CreateChannelRequest.fromPartial({ channelId, requestId: clientId(), ...more });

async function newChannel(): Promise<string> {
  const channelId = `post:${clientId()}`;
  await blog.ask(Admin.createChannel, creation(channelId));
  return channelId;
}

function comment(channelId: string, sender: PublishCommentRequest['sender'], text: string, id = clientId()) {
  return PublishCommentRequest.create({ channelId, clientMessageId: id, sender, text });
}

const system = { $case: 'system', value: true } as const;
const of = ({ id }: Person) => ({ $case: 'userId', value: id }) as const;

async function reasonOf<Request, Response>(
  client: RawClient,
  method: UnaryMethod<Request, Response>,
  request: Request,
): Promise<string> {
  const { status } = await client.call(method, request);
  return status.reason ?? status.code;
}

const say = (channelId: string, text = 'hi') => OwnComment.create({ channelId, clientMessageId: clientId(), text });

test('a channel is there once a service has made it, as it said, and once for each request id', async () => {
  const alice = await people.person('alice');
  const channelId = `post:${clientId()}`;
  expect(await reasonOf(alice.client, ChannelServiceService.publishComment, say(channelId))).toBe('CHANNEL_NOT_FOUND');
  const request = creation(channelId, { historyCount: 5, historySeconds: 60, slowModeSeconds: 2 });
  const { channel } = await blog.ask(Admin.createChannel, request);
  expect(channel).toMatchObject({ channelId, historyCount: 5, historySeconds: 60, slowModeSeconds: 2, closed: false });
  const again = [blog.ask(Admin.createChannel, request), blog.ask(Admin.createChannel, request)];
  for (const answer of await Promise.all(again)) expect(answer.channel).toEqual(channel);
  const twin = creation(`${channelId}.twin`);
  const twins = [blog.ask(Admin.createChannel, twin), blog.ask(Admin.createChannel, twin)];
  for (const answer of await Promise.all(twins)) expect(answer.channel?.channelId).toBe(twin.channelId);
  expect(await reasonOf(blog, Admin.createChannel, { ...request, historyCount: 6 })).toBe('ID_REUSED');
  expect(await reasonOf(blog, Admin.createChannel, { ...request, requestId: clientId() })).toBe('ID_REUSED');
  const { comment: said } = await alice.client.ask(ChannelServiceService.publishComment, say(channelId));
  expect(said?.number).toBe(1n);
});

test("what holds for it changes at a service's word, and what is not said stays", async () => {
  const channelId = await newChannel();
  const request = { channelId, requestId: clientId(), historyCount: 7, historySeconds: undefined, slowModeSeconds: 3 };
  const { channel } = await blog.ask(Admin.updateChannel, request);
  expect(channel).toMatchObject({ historyCount: 7, historySeconds: 86_400, slowModeSeconds: 3 });
  expect(await reasonOf(blog, Admin.updateChannel, { ...request, channelId: 'nowhere' })).toBe('CHANNEL_NOT_FOUND');
  const { status } = await blog.call(Admin.updateChannel, { ...request, historySeconds: 0 });
  expect(status.fields).toEqual(['history_seconds']);
});

test('a closed channel takes no comment of anyone, and takes them again when it is opened', async () => {
  const alice = await people.person('alice');
  const channelId = await newChannel();
  const close = { channelId, requestId: clientId() };
  const ofAlice = () => alice.client.call(ChannelServiceService.publishComment, say(channelId));
  expect((await ofAlice()).status.code).toBe('OK');
  expect((await blog.ask(Admin.closeChannel, close)).channel?.closed).toBe(true);
  expect((await ofAlice()).status.reason).toBe('CHANNEL_CLOSED');
  expect(await reasonOf(blog, Admin.publishComment, comment(channelId, system, 'hi'))).toBe('CHANNEL_CLOSED');
  expect(await reasonOf(blog, Admin.publishComment, comment(channelId, of(alice), 'hi'))).toBe('CHANNEL_CLOSED');
  const { channel } = await blog.ask(Admin.reopenChannel, { channelId, requestId: clientId() });
  expect(channel?.closed).toBe(false);
  expect((await ofAlice()).status.code).toBe('OK');
  // A repeat of what was done before does not do it again.
  expect((await blog.ask(Admin.closeChannel, close)).channel?.closed).toBe(false);
});

test('whom a service makes a moderator may moderate, and may no more when it says so', async () => {
  const [alice, bob] = [await people.person('alice'), await people.person('bob')];
  const channelId = await newChannel();
  const slow = () => reasonOf(alice.client, ChannelServiceService.setSlowMode, { channelId, seconds: 1 });
  expect(await slow()).toBe('ROLE_REQUIRED');
  const appoint = { channelId, requestId: clientId(), userId: alice.id, moderator: true };
  await blog.ask(Admin.setModerator, appoint);
  expect(await slow()).toBe('OK');
  expect(await reasonOf(blog, Admin.setModerator, { ...appoint, userId: bob.id })).toBe('ID_REUSED');
  await blog.ask(Admin.setModerator, { ...appoint, requestId: clientId(), moderator: false });
  expect(await slow()).toBe('ROLE_REQUIRED');
});

test('comments of the system and for a user are heard by listeners, each once', async () => {
  const alice = await people.person('alice');
  const channelId = await newChannel();
  const ears = await (await people.person('listener')).client.open().live({ deviceId: 'd1' });
  const { error } = await ears.request('subscribe', { target: { $case: 'channelId', value: channelId } });
  expect(error).toBeUndefined();
  const mail = await services.named('mail');
  for (const sender of [system, of(alice)]) {
    const request = comment(channelId, sender, 'welcome');
    const first = await blog.ask(Admin.publishComment, request);
    expect(await blog.ask(Admin.publishComment, request)).toEqual({ ...first, duplicate: true });
    expect(await reasonOf(blog, Admin.publishComment, { ...request, text: 'other' })).toBe('ID_REUSED');
  }
  const taken = comment(channelId, system, 'welcome');
  await blog.ask(Admin.publishComment, taken);
  expect(await reasonOf(mail, Admin.publishComment, taken)).toBe('ID_REUSED');
  const heard = () => ears.all('commentBatch').flatMap(({ comments }) => comments);
  await ears.until(() => heard().length >= 3);
  expect(heard().map(({ senderId, moderator, text }) => [senderId, moderator, text])).toEqual([
    ['', true, 'welcome'],
    [alice.id, false, 'welcome'],
    ['', true, 'welcome'],
  ]);
});

test('a service is held up by slow mode only where it speaks for a user, and speaks for none who was silenced', async () => {
  const [alice, moderator] = [await people.person('alice'), await people.person('moderator')];
  const channelId = await newChannel();
  await blog.ask(Admin.setModerator, { channelId, requestId: clientId(), userId: moderator.id, moderator: true });
  await moderator.client.ask(ChannelServiceService.setSlowMode, { channelId, seconds: 3_600 });
  const publish = (sender: typeof system | ReturnType<typeof of>) =>
    reasonOf(blog, Admin.publishComment, comment(channelId, sender, 'again'));
  expect([await publish(system), await publish(system)]).toEqual(['OK', 'OK']);
  expect([await publish(of(alice)), await publish(of(alice))]).toEqual(['OK', 'RATE_LIMITED']);
  const untilTime = { seconds: BigInt(Math.floor(Date.now() / 1_000) + 3_600), nanos: 0 };
  await moderator.client.ask(ChannelServiceService.restrictUser, { channelId, userId: alice.id, untilTime });
  expect(await publish(of(alice))).toBe('RESTRICTED');
  const lines = auditOf(platform.nodes[0], 'blog').filter((line) => line['channel'] === channelId);
  expect(lines.map(({ outcome }) => outcome)).toEqual(['OK', 'OK', 'OK', 'OK', 'OK', 'RATE_LIMITED', 'RESTRICTED']);
});
