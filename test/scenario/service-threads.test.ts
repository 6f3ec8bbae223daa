// What other services do in threads, and what the people in them see of it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  SendMessageRequest,
  ThreadAdminServiceService as Admin,
} from '#proto/parley/service/v1/thread_admin_service.ts';
import { PeopleServiceService } from '#proto/parley/v1/people_service.ts';
import { ThreadServiceService } from '#proto/parley/v1/thread_service.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import type { RawClient, UnaryMethod } from '../support/raw-client.ts';
import { clientId, directThread, groupOf, People, type Person, post, textContent } from '../support/raw-people.ts';
import type { RawStream } from '../support/raw-stream.ts';
import { Services } from '../support/services.ts';
import { unlimited } from '../support/unlimited.ts';

let platform: Platform;
let people: People;
let services: Services;
let crm: RawClient;

beforeAll(async () => {
  platform = await startPlatform({ services: true, env: unlimited });
  people = new People(platform);
  services = new Services(platform);
  crm = await services.named('crm');
});
afterAll(async () => {
  services[Symbol.dispose]();
  people[Symbol.dispose]();
  await platform.stop();
});

const system = { $case: 'system', value: true } as const;
const of = (user: { id: string }) => ({ $case: 'userId', value: user.id }) as const;

function message(threadId: string, sender: typeof system | ReturnType<typeof of>, text: string, id = clientId()) {
  return SendMessageRequest.create({ threadId, clientMessageId: id, sender, content: textContent(text) });
}

/** The entry of a thread with this sequence, once the stream has it. */
async function entryOn(stream: RawStream, threadId: string, sequence: bigint) {
  const find = () =>
    stream
      .all('entriesAppended')
      .filter((frame) => frame.threadId === threadId)
      .flatMap(({ entries }) => entries)
      .find((entry) => entry.sequence === sequence);
  await stream.until(() => find() !== undefined);
  return find();
}

const live = async (person: Person): Promise<RawStream> => person.client.open().live({ deviceId: 'd1' });

async function reasonOf<Request, Response>(
  client: RawClient,
  method: UnaryMethod<Request, Response>,
  request: Request,
): Promise<string> {
  const { status } = await client.call(method, request);
  return status.reason ?? status.code;
}

test('a message of the system reaches every member over their streams, names the service, and is unread', async () => {
  const [alice, bob] = [await people.person('alice'), await people.person('bob')];
  const direct = await directThread(alice, bob);
  const group = await groupOf(alice, bob);
  const streams = [await live(alice), await live(bob)];
  for (const threadId of [direct, group]) {
    const { sequence } = await crm.ask(Admin.sendMessage, message(threadId, system, 'the order was sent'));
    for (const stream of streams) {
      expect(await entryOn(stream, threadId, sequence)).toMatchObject({
        senderId: '',
        senderDeviceId: 'service:crm',
        kind: { $case: 'message', value: { content: textContent('the order was sent') } },
      });
    }
    const { thread } = await bob.client.ask(ThreadServiceService.getThread, { threadId });
    expect([thread?.head?.unreadCount, thread?.lastMessage?.sequence]).toEqual([1n, sequence]);
  }
});

test('a message on behalf of a member is theirs, names the service, and reaches their own devices', async () => {
  const [alice, bob] = [await people.person('alice'), await people.person('bob')];
  const threadId = await directThread(alice, bob);
  const [own, other] = [await live(alice), await live(bob)];
  const { sequence } = await crm.ask(Admin.sendMessage, message(threadId, of(alice), 'by mail'));
  for (const stream of [own, other]) {
    const entry = await entryOn(stream, threadId, sequence);
    expect([entry?.senderId, entry?.senderDeviceId]).toEqual([alice.id, 'service:crm']);
  }
});

test('nobody is spoken for where they are no member, and a block holds for who is spoken for', async () => {
  const [alice, bob, carol] = [await people.person('alice'), await people.person('bob'), await people.person('carol')];
  const threadId = await directThread(alice, bob);
  expect(await reasonOf(crm, Admin.sendMessage, message(threadId, of(carol), 'hi'))).toBe('THREAD_NOT_FOUND');
  const nowhere = `d_${'x'.repeat(43)}`;
  expect(await reasonOf(crm, Admin.sendMessage, message(nowhere, system, 'hi'))).toBe('THREAD_NOT_FOUND');
  await bob.client.ask(PeopleServiceService.blockUser, { userId: alice.id });
  expect(await reasonOf(crm, Admin.sendMessage, message(threadId, of(alice), 'hi'))).toBe('NOT_ACCEPTED');
  const { sequence } = await crm.ask(Admin.sendMessage, message(threadId, system, 'for both'));
  expect(sequence).toBe(2n);
});

test('a message is sent once for each id: again it gets the first answer, with other words or of another service none', async () => {
  const [alice, bob] = [await people.person('alice'), await people.person('bob')];
  const threadId = await directThread(alice, bob);
  const mail = await services.named('mail');
  for (const sender of [system, of(alice)]) {
    const id = clientId();
    const first = await crm.ask(Admin.sendMessage, message(threadId, sender, 'once', id));
    await post(bob, threadId, 'in between');
    const again = await crm.ask(Admin.sendMessage, message(threadId, sender, 'once', id));
    expect(again).toEqual({ ...first, duplicate: true });
    expect(await reasonOf(crm, Admin.sendMessage, message(threadId, sender, 'twice', id))).toBe('ID_REUSED');
    expect(await reasonOf(mail, Admin.sendMessage, message(threadId, sender, 'once', id))).toBe('ID_REUSED');
  }
});

test('two users are brought together whatever they let strangers do, unless one has blocked the other', async () => {
  const [alice, bob, carol] = [await people.person('alice'), await people.person('bob'), await people.person('carol')];
  const userIds = [alice.id, bob.id];
  const { threadId } = await crm.ask(Admin.openDirectThread, { userIds });
  expect(await crm.ask(Admin.openDirectThread, { userIds: userIds.toReversed() })).toEqual({ threadId });
  expect(await directThread(bob, alice)).toBe(threadId);
  await carol.client.ask(PeopleServiceService.blockUser, { userId: alice.id });
  for (const pair of [
    [alice.id, carol.id],
    [carol.id, alice.id],
  ]) {
    expect(await reasonOf(crm, Admin.openDirectThread, { userIds: pair })).toBe('NOT_ACCEPTED');
  }
});

test('a group is made once for each request id, of its owner and members, and others of the same id are told', async () => {
  const [owner, member] = [await people.person('owner'), await people.person('member')];
  const request = {
    requestId: clientId(),
    ownerId: owner.id,
    name: 'tea',
    memberIds: [member.id],
    historyForNewMembers: false,
  };
  const { threadId } = await crm.ask(Admin.createGroup, request);
  expect(await crm.ask(Admin.createGroup, request)).toEqual({ threadId });
  expect(await reasonOf(crm, Admin.createGroup, { ...request, name: 'coffee' })).toBe('ID_REUSED');
  expect(await reasonOf(crm, Admin.createGroup, { ...request, ownerId: member.id, memberIds: [owner.id] })).toBe(
    'ID_REUSED',
  );
  const other = await services.named('mail');
  expect((await other.ask(Admin.createGroup, request)).threadId).not.toBe(threadId);
  const roles = [];
  for (const { client } of [owner, member]) {
    const { thread } = await client.ask(ThreadServiceService.getThread, { threadId });
    roles.push([thread?.name, thread?.role, thread?.memberCount]);
  }
  expect(roles).toEqual([
    ['tea', 3, 2],
    ['tea', 1, 2],
  ]);
});

test("members come and go at a service's word, once for each request id, and see whose word it was", async () => {
  const [owner, bob, carol] = [await people.person('owner'), await people.person('bob'), await people.person('carol')];
  const threadId = await groupOf(owner, bob);
  const ears = await live(owner);
  const { error } = await ears.request('subscribe', { target: { $case: 'threadId', value: threadId } });
  expect(error).toBeUndefined();
  const add = { threadId, requestId: clientId(), userIds: [carol.id] };
  const { sequence } = await crm.ask(Admin.addMembers, add);
  expect(await entryOn(ears, threadId, sequence)).toMatchObject({
    senderId: '',
    senderDeviceId: 'service:crm',
    kind: { $case: 'memberAdded', value: { userId: carol.id } },
  });
  const remove = { threadId, requestId: clientId(), userId: carol.id };
  const removal = await crm.ask(Admin.removeMember, remove);
  expect(await crm.ask(Admin.addMembers, add)).toEqual({ sequence });
  expect(await crm.ask(Admin.removeMember, remove)).toEqual(removal);
  expect(await reasonOf(crm, Admin.removeMember, { ...remove, userId: bob.id })).toBe('ID_REUSED');
  const { thread } = await carol.client.ask(ThreadServiceService.getThread, { threadId });
  expect(thread?.head?.member).toBe(false);
  const last = { threadId, requestId: clientId(), userId: owner.id };
  expect(await reasonOf(crm, Admin.removeMember, last)).toBe('LAST_OWNER');
  const direct = await directThread(owner, bob);
  expect(await reasonOf(crm, Admin.addMembers, { ...add, threadId: direct })).toBe('WRONG_THREAD_KIND');
});

test('who speaks must be said, and ids be in bounds', async () => {
  const threadId = await directThread(await people.person('alice'), await people.person('bob'));
  const unsaid = { ...message(threadId, system, 'hi'), sender: undefined };
  const mistakes = [
    unsaid,
    { ...unsaid, sender: { $case: 'system', value: false } as const },
    { ...unsaid, sender: { $case: 'userId', value: '' } as const },
    { ...message(threadId, system, 'hi'), clientMessageId: '' },
  ];
  const fields = [];
  for (const mistake of mistakes) fields.push(...(await crm.call(Admin.sendMessage, mistake)).status.fields);
  expect(fields).toEqual(['sender', 'system', 'user_id', 'client_message_id']);
  const { status } = await crm.call(Admin.openDirectThread, { userIds: ['a', 'b', 'c'] });
  expect([status.reason, status.fields]).toEqual(['INVALID_FIELD', ['user_ids']]);
});
