// What is told without being asked for: entries, typing, receipts, presence reach those they are for, and nobody else.
import { NotificationLevel } from '#proto/parley/v1/notification.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { DirectPolicy } from '#proto/parley/v1/account.ts';
import { GroupServiceService } from '#proto/parley/v1/group_service.ts';
import { PeopleServiceService } from '#proto/parley/v1/people_service.ts';
import { PresenceState } from '#proto/parley/v1/presence.ts';
import { People, type Person, clientId, directThread, groupOf, post } from '../support/raw-people.ts';
import type { RawStream } from '../support/raw-stream.ts';
import { unlimited } from '../support/unlimited.ts';

let platform: Platform;
let people: People;

beforeAll(async () => {
  platform = await startPlatform({ env: unlimited });
  people = new People(platform);
});
afterAll(async () => {
  people[Symbol.dispose]();
  await platform.stop();
});

const live = async (person: Person): Promise<RawStream> => person.client.open().live({ deviceId: 'd1' });
const onScreen = async (stream: RawStream, threadId: string): Promise<void> => {
  const { error } = await stream.request('subscribe', { target: { $case: 'threadId', value: threadId } });
  if (error !== undefined) throw new Error(error.reason);
};
/** Everything about a thread that a stream was told, in kinds. */
const kindsOf = (stream: RawStream, threadId: string): string[] =>
  stream.told.flatMap((frame) => ('threadId' in frame.value && frame.value.threadId === threadId ? [frame.$case] : []));
const sequencesOf = (stream: RawStream, threadId: string): bigint[] =>
  stream
    .all('entriesAppended')
    .flatMap((frame) => (frame.threadId === threadId ? frame.entries.map((entry) => entry.sequence) : []));

/** Sends to a thread that the stream hears; what was to come before has come when this resolves. */
async function caughtUpTo(stream: RawStream, owner: Person, self: Person): Promise<void> {
  const marker = await directThread(owner, self);
  const sequence = await post(owner, marker, 'marker');
  await stream.until(() => sequencesOf(stream, marker).includes(sequence));
}

test('who was removed hears their removal and nothing after it, though the thread was on their screen', async () => {
  const [owner, member, removed] = [await people.person('owner'), await people.person('m'), await people.person('r')];
  const threadId = await groupOf(owner, member, removed);
  const [ears, others] = [await live(removed), await live(member)];
  await onScreen(ears, threadId);
  await onScreen(others, threadId);
  const { sequence: removal } = await owner.client.ask(GroupServiceService.removeMember, {
    threadId,
    requestId: clientId(),
    userId: removed.id,
  });
  await ears.until(() => sequencesOf(ears, threadId).includes(removal));
  const before = kindsOf(ears, threadId).length;
  const last = await post(owner, threadId, 'not for them');
  others.say('typing', { threadId, active: true });
  await others.until(() => sequencesOf(others, threadId).includes(last));
  await caughtUpTo(ears, owner, removed);
  expect(kindsOf(ears, threadId).slice(before)).toEqual([]);
  expect(sequencesOf(ears, threadId).at(-1)).toBe(removal);
});

test('who joins hears the thread from their join on, without what was before', async () => {
  const [owner, joiner] = [await people.person('owner'), await people.person('joiner')];
  const threadId = await groupOf(owner);
  await post(owner, threadId, 'before');
  const ears = await live(joiner);
  const { sequence: join } = await owner.client.ask(GroupServiceService.addMembers, {
    threadId,
    requestId: clientId(),
    userIds: [joiner.id],
  });
  const after = await post(owner, threadId, 'after');
  await ears.until(() => sequencesOf(ears, threadId).includes(after));
  expect(sequencesOf(ears, threadId)).toEqual([join, after]);
});

test('a stranger hears nothing of a thread, whatever they ask the stream for', async () => {
  const [owner, stranger] = [await people.person('owner'), await people.person('stranger')];
  const threadId = await groupOf(owner);
  const ears = await live(stranger);
  await ears.request('subscribe', { target: { $case: 'threadId', value: threadId } });
  await ears.request('ack', { position: { threadId, upToSequence: 1n } });
  await post(owner, threadId, 'not for them');
  await caughtUpTo(ears, owner, stranger);
  expect(kindsOf(ears, threadId)).toEqual([]);
});

test('between two of whom one has blocked the other no typing, receipt or presence goes, either way', async () => {
  const [blocker, blocked] = [await people.person('blocker'), await people.person('blocked')];
  const threadId = await directThread(blocker, blocked);
  const [mine, theirs] = [await live(blocker), await live(blocked)];
  const last = await post(blocker, threadId, 'hello');
  await post(blocked, threadId, 'hello');
  for (const stream of [mine, theirs]) await onScreen(stream, threadId);
  // So it is while nobody is blocked.
  theirs.say('typing', { threadId, active: true });
  await mine.first('typingChanged', ({ active }) => active);
  await theirs.request('markRead', { position: { threadId, upToSequence: last } });
  await mine.first('receiptAdvanced', ({ readSequence }) => readSequence === last);
  await mine.request('watchPresence', { userIds: [blocked.id] });
  await mine.first('presenceChanged', ({ presences }) =>
    presences.some(({ state }) => state === PresenceState.PRESENCE_STATE_ONLINE),
  );

  await blocker.client.ask(PeopleServiceService.blockUser, { userId: blocked.id });
  const [before, beforeTheirs] = [kindsOf(mine, threadId).length, kindsOf(theirs, threadId).length];
  for (const [stream, other] of [
    [mine, blocked],
    [theirs, blocker],
  ] as const) {
    const heard = stream.all('presenceChanged').length;
    await stream.request('watchPresence', { userIds: [other.id] });
    await stream.until(() => stream.all('presenceChanged').length > heard);
    const [presence] = stream.all('presenceChanged').at(-1)?.presences ?? [];
    expect(presence?.state).toBe(PresenceState.PRESENCE_STATE_HIDDEN);
  }
  theirs.say('typing', { threadId, active: false });
  mine.say('typing', { threadId, active: true });
  const next = await post(blocker, threadId, 'the one who blocks may write');
  await theirs.until(() => sequencesOf(theirs, threadId).includes(next));
  await theirs.request('markRead', { position: { threadId, upToSequence: next } });
  await mine.request('markRead', { position: { threadId, upToSequence: next } });
  // Positions are told within 250 ms: a later one, of a thread beside, comes behind them.
  const friend = await people.person('friend');
  const beside = await directThread(blocker, friend);
  const friends = await live(friend);
  const sequence = await post(blocker, beside, 'beside');
  await post(friend, beside, 'beside');
  await friends.request('ack', { position: { threadId: beside, upToSequence: sequence } });
  await mine.first(
    'receiptAdvanced',
    (receipt) => receipt.threadId === beside && receipt.deliveredSequence >= sequence,
  );
  const quiet = (kinds: string[]): string[] =>
    kinds.filter((kind) => kind === 'typingChanged' || kind === 'receiptAdvanced');
  expect(quiet(kindsOf(mine, threadId).slice(before))).toEqual([]);
  expect(quiet(kindsOf(theirs, threadId).slice(beforeTheirs))).toEqual([]);
});

test('who reads privately is not told of, and is not told of others', async () => {
  const [open, secret] = [await people.person('open'), await people.person('secret')];
  await secret.client.ask(PeopleServiceService.updateAccountSettings, {
    settings: {
      directPolicy: DirectPolicy.DIRECT_POLICY_ANYONE,
      readPrivately: true,
      hidePresence: false,
      hideNotificationContent: false,
      notificationLevel: NotificationLevel.NOTIFICATION_LEVEL_UNSPECIFIED,
      quietHours: undefined,
    },
  });
  const threadId = await directThread(open, secret);
  const [theirs, mine] = [await live(open), await live(secret)];
  const first = await post(open, threadId, 'one');
  const second = await post(secret, threadId, 'two');
  for (const stream of [theirs, mine]) await onScreen(stream, threadId);
  await mine.request('markRead', { position: { threadId, upToSequence: first } });
  await mine.request('ack', { position: { threadId, upToSequence: first } });
  await theirs.first('receiptAdvanced', ({ deliveredSequence }) => deliveredSequence >= first);
  await theirs.request('markRead', { position: { threadId, upToSequence: second } });
  await theirs.request('ack', { position: { threadId, upToSequence: second } });
  await mine.first('receiptAdvanced', ({ deliveredSequence }) => deliveredSequence >= second);
  for (const stream of [theirs, mine]) {
    expect(
      stream
        .all('receiptAdvanced')
        .map(({ readSequence }) => readSequence)
        .filter((read) => read !== 0n),
    ).toEqual([]);
  }
});
