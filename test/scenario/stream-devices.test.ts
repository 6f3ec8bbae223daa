// Two devices of a user end up with the same: messages, own read position, settings, memberships, blocks.
import { NotificationLevel } from '#proto/parley/v1/notification.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { DirectPolicy } from '#proto/parley/v1/account.ts';
import { GroupServiceService } from '#proto/parley/v1/group_service.ts';
import { PeopleServiceService } from '#proto/parley/v1/people_service.ts';
import { ThreadServiceService } from '#proto/parley/v1/thread_service.ts';
import { People, type Person, clientId, directThread, groupOf, post, sendOn } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';
import type { RawStream } from '../support/raw-stream.ts';
import { entriesOf, textOf, toldUpTo } from './told.ts';

let platform: Platform;
let people: People;
let alice: Person;
let bob: Person;
let phone: RawStream;
let laptop: RawStream;

beforeAll(async () => {
  platform = await startPlatform({ env: unlimited });
  people = new People(platform);
  alice = await people.person('alice');
  bob = await people.person('bob');
  phone = await alice.client.open().live({ deviceId: 'phone' });
  laptop = await (await people.again(alice.id)).client.open().live({ deviceId: 'laptop' });
});
afterAll(async () => {
  people[Symbol.dispose]();
  await platform.stop();
});

/** Entries of the own log of a kind, as a device was told them. */
function ownLog(stream: RawStream, kind: string): unknown[] {
  return stream
    .all('userEntriesAppended')
    .flatMap(({ entries }) => entries)
    .filter((entry) => entry.kind?.$case === kind)
    .map((entry) => entry.kind?.value);
}

test('a message sent on one device comes to the other, in the same place, and not back to the first', async () => {
  const threadId = await directThread(alice, bob);
  const first = await sendOn(phone, threadId, 'from the phone');
  await laptop.until(() => toldUpTo(laptop, threadId) === first);
  const second = await sendOn(laptop, threadId, 'from the laptop');
  await phone.until(() => toldUpTo(phone, threadId) === second);
  const third = await post(bob, threadId, 'from bob');
  await Promise.all([phone, laptop].map(async (one) => one.until(() => toldUpTo(one, threadId) === third)));
  expect(entriesOf(laptop, threadId).map(textOf)).toContain('from the phone');
  expect(entriesOf(phone, threadId).map(textOf)).not.toContain('from the phone');
});

test('what is read on one device is read on the other', async () => {
  const threadId = await directThread(alice, bob);
  const sequence = await post(bob, threadId, 'to be read');
  await phone.until(() => toldUpTo(phone, threadId) === sequence);
  await phone.request('markRead', { position: { threadId, upToSequence: sequence } });
  const told = await laptop.first('readAdvanced', ({ readSequence }) => readSequence === sequence);
  expect(told).toEqual({ threadId, readSequence: sequence, unreadCount: 0n });
  const { thread } = await alice.client.ask(ThreadServiceService.getThread, { threadId });
  expect([thread?.head?.readSequence, thread?.head?.unreadCount]).toEqual([sequence, 0n]);
});

test('a thread muted, pinned and archived on one device is so on both', async () => {
  const threadId = await groupOf(alice);
  const settings = {
    muteUntilTime: { seconds: 4_000_000_000n, nanos: 0 },
    pinned: true,
    archived: true,
    notificationLevel: NotificationLevel.NOTIFICATION_LEVEL_UNSPECIFIED,
  };
  await alice.client.ask(ThreadServiceService.updateThreadSettings, { threadId, settings });
  for (const device of [phone, laptop]) {
    await device.until(() => ownLog(device, 'threadSettingsChanged').length > 0);
    expect(ownLog(device, 'threadSettingsChanged')).toEqual([{ threadId, ...settings }]);
  }
});

test('both learn of a group they were added to, hear it, and hear nothing after the removal', async () => {
  const threadId = await groupOf(bob, alice);
  const first = await post(bob, threadId, 'welcome');
  const devices = [phone, laptop];
  await Promise.all(devices.map(async (one) => one.until(() => toldUpTo(one, threadId) === first)));
  for (const device of devices) {
    await device.until(() =>
      ownLog(device, 'threadAdded').some((value) => (value as { threadId: string }).threadId === threadId),
    );
  }
  const { sequence: removal } = await bob.client.ask(GroupServiceService.removeMember, {
    threadId,
    requestId: clientId(),
    userId: alice.id,
  });
  await Promise.all(devices.map(async (one) => one.until(() => toldUpTo(one, threadId) === removal)));
  await post(bob, threadId, 'among us');
  // Something later that they do hear: what they were to hear before has come by then.
  const direct = await directThread(alice, bob);
  const marker = await post(bob, direct, 'marker');
  await Promise.all(devices.map(async (one) => one.until(() => toldUpTo(one, direct) === marker)));
  for (const device of devices) expect(toldUpTo(device, threadId)).toBe(removal);
});

test('a block, a profile and account settings come to both devices, each at its place in the own log', async () => {
  await alice.client.ask(PeopleServiceService.blockUser, { userId: 'a-bore' });
  await alice.client.ask(PeopleServiceService.updateProfile, { displayName: 'Alice', avatarUrl: '' });
  await alice.client.ask(PeopleServiceService.updateAccountSettings, {
    settings: {
      directPolicy: DirectPolicy.DIRECT_POLICY_SHARED_GROUP,
      readPrivately: true,
      hidePresence: false,
      hideNotificationContent: false,
      notificationLevel: NotificationLevel.NOTIFICATION_LEVEL_UNSPECIFIED,
      quietHours: undefined,
    },
  });
  for (const device of [phone, laptop]) {
    await device.until(() => ownLog(device, 'accountSettingsChanged').length > 0);
    expect(ownLog(device, 'blockChanged')).toEqual([{ userId: 'a-bore', blocked: true }]);
    expect(ownLog(device, 'profileChanged')).toEqual([{ displayName: 'Alice', avatarUrl: '' }]);
    const sequences = device
      .all('userEntriesAppended')
      .flatMap(({ entries }) => entries.map((entry) => entry.sequence));
    expect(sequences).toEqual(sequences.map((_, index) => (sequences[0] ?? 0n) + BigInt(index)));
  }
});

test('a device that was away reads from the own log what the other one did', async () => {
  const { entries, headSequence } = await alice.client.ask(PeopleServiceService.listUserEntries, {
    afterSequence: 0n,
    pageSize: 0,
  });
  expect(entries.map((entry) => entry.sequence)).toEqual(entries.map((_, index) => BigInt(index + 1)));
  const tablet = await alice.client.open().live({ deviceId: 'tablet' });
  expect(tablet.all('userEntriesAppended').flatMap((frame) => frame.entries)).toEqual(entries);
  expect((await tablet.first('caughtUp')).userSequence).toBe(headSequence);
});
