// People and groups over unary calls: who is in what, who may see whom, and what one's token says of one.
import { NotificationLevel } from '#proto/parley/v1/notification.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DirectPolicy } from '#proto/parley/v1/account.ts';
import { MemberRole } from '#proto/parley/v1/entry.ts';
import { GroupServiceService, UpdateGroupRequest } from '#proto/parley/v1/group_service.ts';
import { PeopleServiceService } from '#proto/parley/v1/people_service.ts';
import { PresenceState } from '#proto/parley/v1/presence.ts';
import { PresenceServiceService } from '#proto/parley/v1/presence_service.ts';
import { ThreadServiceService } from '#proto/parley/v1/thread_service.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { People, type Person, clientId, directThread, groupOf, post } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';

let platform: Platform;
let people: People;

beforeAll(async () => {
  platform = await startPlatform({ direct: true, env: { ...unlimited, PARLEY_MEMBER_CAP: '5' } });
  people = new People(platform);
});
afterAll(async () => {
  people[Symbol.dispose]();
  await platform.stop();
});

const cast = async (...labels: string[]): Promise<Person[]> => Promise.all(labels.map((label) => people.person(label)));
const page = { pageSize: 0, pageToken: '' };

async function presenceOf(asker: Person, other: Person): Promise<PresenceState | undefined> {
  const { presences } = await asker.client.ask(PresenceServiceService.batchGetPresences, { userIds: [other.id] });
  return presences[0]?.state;
}

test('a group grows, changes hands and names, and shrinks; its cap holds', async () => {
  const [owner, bob, carol, dave, erin, frank] = await cast('owner', 'bob', 'carol', 'dave', 'erin', 'frank');
  if (!owner || !bob || !carol || !dave || !erin || !frank) throw new Error('someone is missing');
  const threadId = await groupOf(owner, bob);
  const add = (...users: Person[]) =>
    owner.client.call(GroupServiceService.addMembers, {
      threadId,
      requestId: clientId(),
      userIds: users.map(({ id }) => id),
    });
  expect((await add(carol, dave)).response?.sequence).toBe(3n);
  expect((await add(erin, frank)).status).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'MEMBER_CAP' });
  const change = UpdateGroupRequest.create({ threadId, requestId: clientId(), name: 'tea ☕' });
  await owner.client.ask(GroupServiceService.updateGroup, change);
  const role = { threadId, userId: bob.id, role: MemberRole.MEMBER_ROLE_OWNER };
  const left = { threadId, requestId: clientId() };
  expect((await owner.client.call(GroupServiceService.leaveGroup, left)).status.reason).toBe('LAST_OWNER');
  await owner.client.ask(GroupServiceService.setMemberRole, { ...role, requestId: clientId() });
  const { sequence } = await owner.client.ask(GroupServiceService.leaveGroup, left);
  expect(await owner.client.ask(GroupServiceService.leaveGroup, left)).toEqual({ sequence });
  const { thread } = await owner.client.ask(ThreadServiceService.getThread, { threadId });
  expect(thread).toMatchObject({ name: 'tea ☕', role: 0, head: { member: false, sequence }, memberCount: 0 });
  const { members } = await bob.client.ask(ThreadServiceService.listMembers, { threadId, ...page });
  // The ids begin with the names, so their order is that of the names.
  expect(members.map(({ member }) => [member?.userId, member?.role])).toEqual([
    [bob.id, MemberRole.MEMBER_ROLE_OWNER],
    [carol.id, MemberRole.MEMBER_ROLE_MEMBER],
    [dave.id, MemberRole.MEMBER_ROLE_MEMBER],
  ]);
});

test('a token’s name is the profile until one is set; profiles of anyone are for anyone', async () => {
  const [stranger] = await cast('stranger');
  if (!stranger) throw new Error('someone is missing');
  const id = `alice-${clientId()}`;
  const alice = people.stranger(await platform.token(id, { name: 'Alice' }));
  const profileOf = async (): Promise<unknown> => {
    const { profiles } = await stranger.client.ask(PeopleServiceService.batchGetProfiles, { userIds: [id, 'nobody'] });
    expect(profiles[1]).toEqual({ userId: 'nobody', displayName: '', avatarUrl: '' });
    return profiles[0];
  };
  await alice.ask(PeopleServiceService.getAccountSettings, {});
  expect(await profileOf()).toMatchObject({ displayName: 'Alice' });
  const profile = { displayName: 'Al', avatarUrl: 'https://x.test/al.png' };
  await alice.ask(PeopleServiceService.updateProfile, profile);
  expect(await profileOf()).toEqual({ userId: id, ...profile });
  const wrong = await alice.call(PeopleServiceService.updateProfile, { displayName: 'Al', avatarUrl: 'ftp://x' });
  expect(wrong.status).toMatchObject({ reason: 'INVALID_FIELD', fields: ['avatar_url'] });
});

test('presence is for who shares a group or a talk, and ends with a block', async () => {
  const [alice, bob] = await cast('alice', 'bob');
  if (!alice || !bob) throw new Error('someone is missing');
  await bob.client.open().live({ deviceId: 'phone' });
  expect(await presenceOf(alice, bob)).toBe(PresenceState.PRESENCE_STATE_HIDDEN);
  const threadId = await directThread(alice, bob);
  await post(alice, threadId, 'are you there?');
  expect(await presenceOf(alice, bob)).toBe(PresenceState.PRESENCE_STATE_HIDDEN);
  await post(bob, threadId, 'I am');
  expect(await presenceOf(alice, bob)).toBe(PresenceState.PRESENCE_STATE_ONLINE);
  const { people: listed } = await alice.client.ask(PeopleServiceService.listPeople, page);
  expect(listed).toMatchObject([
    { profile: { userId: bob.id }, presence: { state: 1 }, directThreadId: threadId, blocked: false },
  ]);
  await bob.client.ask(PeopleServiceService.blockUser, { userId: alice.id });
  expect(await presenceOf(alice, bob)).toBe(PresenceState.PRESENCE_STATE_HIDDEN);
  const { userIds } = await bob.client.ask(PeopleServiceService.listBlockedUsers, page);
  expect(userIds).toEqual([alice.id]);
  await bob.client.ask(PeopleServiceService.unblockUser, { userId: alice.id });
  expect(await presenceOf(alice, bob)).toBe(PresenceState.PRESENCE_STATE_ONLINE);
});

test('who takes no direct messages is not reached by who is new', async () => {
  const [alice, bob, carol] = await cast('alice', 'bob', 'carol');
  if (!alice || !bob || !carol) throw new Error('someone is missing');
  const threadId = await directThread(alice, bob);
  const settings = {
    directPolicy: DirectPolicy.DIRECT_POLICY_NOBODY,
    readPrivately: true,
    hidePresence: false,
    hideNotificationContent: false,
    notificationLevel: NotificationLevel.NOTIFICATION_LEVEL_UNSPECIFIED,
    quietHours: undefined,
  };
  const { settings: kept } = await bob.client.ask(PeopleServiceService.updateAccountSettings, { settings });
  expect(kept).toEqual(settings);
  const { status } = await carol.client.call(ThreadServiceService.openDirectThread, { userId: bob.id });
  expect(status).toMatchObject({ code: 'PERMISSION_DENIED', reason: 'NOT_ACCEPTED' });
  expect(await directThread(alice, bob)).toBe(threadId);
  const { entries, headSequence } = await bob.client.ask(PeopleServiceService.listUserEntries, {
    afterSequence: 0n,
    pageSize: 0,
  });
  expect(entries.map(({ kind }) => kind?.$case)).toEqual(['threadAdded', 'accountSettingsChanged']);
  expect(headSequence).toBe(2n);
});

test('of what is notified the account and each thread say their own, and what cannot be is refused', async () => {
  const [alice, bob] = await cast('alice', 'bob');
  if (!alice || !bob) throw new Error('someone is missing');
  const threadId = await directThread(alice, bob);
  const quietHours = { startMinute: 1_320, endMinute: 420, timeZone: 'Europe/Berlin' };
  const settings = {
    directPolicy: DirectPolicy.DIRECT_POLICY_ANYONE,
    readPrivately: false,
    hidePresence: false,
    hideNotificationContent: true,
    notificationLevel: NotificationLevel.NOTIFICATION_LEVEL_MENTIONS,
    quietHours,
  };
  await alice.client.ask(PeopleServiceService.updateAccountSettings, { settings });
  expect(await alice.client.ask(PeopleServiceService.getAccountSettings, {})).toEqual({ settings });
  const ofThread = {
    muteUntilTime: undefined,
    pinned: false,
    archived: false,
    notificationLevel: NotificationLevel.NOTIFICATION_LEVEL_NONE,
  };
  await alice.client.ask(ThreadServiceService.updateThreadSettings, { threadId, settings: ofThread });
  const { thread } = await alice.client.ask(ThreadServiceService.getThread, { threadId });
  expect(thread?.settings).toEqual(ofThread);
  for (const wrong of [
    { ...quietHours, startMinute: 1_440 },
    { ...quietHours, endMinute: 1_440 },
    { ...quietHours, endMinute: quietHours.startMinute },
    { ...quietHours, timeZone: 'Berlin' },
  ]) {
    const { status } = await alice.client.call(PeopleServiceService.updateAccountSettings, {
      settings: { ...settings, quietHours: wrong },
    });
    expect(status).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'INVALID_FIELD' });
  }
  const { status } = await alice.client.call(ThreadServiceService.updateThreadSettings, {
    threadId,
    settings: { ...ofThread, notificationLevel: 9 as NotificationLevel },
  });
  expect(status).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'INVALID_FIELD' });
});
