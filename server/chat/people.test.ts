import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ChatNode, Ids, callerOf, groupOf, openChatNode, post, reasonOf } from '../../test/support/chat-node.ts';
import { type DeviceId, type SessionId, type UserId, directThreadId } from '../core/ids.ts';
import { defaultAccount } from './accounts.ts';

let node: ChatNode;
let ids: Ids;

beforeEach(async () => {
  node = await openChatNode();
  ids = new Ids();
});
afterEach(async () => node[Symbol.asyncDispose]());

const users = (...names: string[]): UserId[] => names as UserId[];
const sessionOf = (name: string) => ({
  sessionId: `n.${name}` as SessionId,
  userId: name as UserId,
  deviceId: 'phone' as DeviceId,
  startMs: node.clock.nowMs(),
});

test('people are those one shares threads with, once each, with presence, block and direct thread', async () => {
  await groupOf(node, ids, 'alice', ['bob', 'dave']);
  await groupOf(node, ids, 'bob', ['alice', 'carol']);
  const direct = await node.chat.openThread.direct(callerOf('alice'), 'erin' as UserId);
  await groupOf(node, ids, 'bob', ['frank']);
  await node.registry.announce(sessionOf('bob'));
  await node.chat.account.block(callerOf('alice'), 'dave' as UserId);
  const told = [];
  for (let token: string | undefined; token !== '';) {
    const page = await node.chat.people.list(callerOf('alice'), { limit: 3, pageToken: token ?? '' });
    expect(page.people.length).toBeLessThanOrEqual(3);
    told.push(...page.people);
    token = page.nextPageToken;
  }
  expect(told.map((one) => [one.profile.userId, one.presence.state, one.blocked, one.directThreadId])).toEqual([
    ['bob', 'online', false, undefined],
    ['carol', 'offline', false, undefined],
    ['dave', 'hidden', true, undefined],
    ['erin', 'hidden', false, direct],
  ]);
});

test('members are listed in order of ids to members only', async () => {
  const group = await groupOf(node, ids, 'zoe', ['bob', 'alice', 'ümit', 'carol']);
  const first = await node.chat.people.members(callerOf('bob'), group, { limit: 3, pageToken: '' });
  const pageToken = first.nextPageToken;
  const rest = await node.chat.people.members(callerOf('bob'), group, { limit: 3, pageToken });
  const listed = [...first.members, ...rest.members];
  expect(listed.map(({ member }) => [member.userId, member.role])).toEqual([
    ['alice', 'member'],
    ['bob', 'member'],
    ['carol', 'member'],
    ['zoe', 'owner'],
    ['ümit', 'member'],
  ]);
  expect(rest.nextPageToken).toBe('');
  const stranger = node.chat.people.members(callerOf('mallory'), group, { limit: 3, pageToken });
  expect(await reasonOf(stranger)).toBe('THREAD_NOT_FOUND');
  const other = node.chat.people.members(callerOf('alice'), group, { limit: 3, pageToken });
  expect(await reasonOf(other)).toBe('INVALID_TOKEN');
});

test('presence answers in the order asked and hides strangers and nobodies alike', async () => {
  await groupOf(node, ids, 'alice', ['bob', 'carol']);
  await node.registry.announce(sessionOf('bob'));
  await node.registry.announce(sessionOf('carol'));
  await node.registry.withdraw(sessionOf('carol'), { clean: false, lastSeenMs: 1_234_000 });
  await node.registry.announce(sessionOf('stranger'));
  const asked = users('stranger', 'bob', 'nobody', 'alice', 'carol', 'bob');
  const told = await node.chat.presences.get('alice' as UserId, asked);
  expect(told.map((one) => [one.userId, one.state])).toEqual([
    ['stranger', 'hidden'],
    ['bob', 'online'],
    ['nobody', 'hidden'],
    ['alice', 'offline'],
    ['carol', 'offline'],
    ['bob', 'online'],
  ]);
  expect(told[4]?.lastSeenMs).toBe(1_234_000);
  const { userId: _, ...stranger } = told[0] ?? { userId: undefined };
  const { userId: __, ...nobody } = told[2] ?? { userId: undefined };
  expect(stranger).toEqual(nobody);
});

test('a token’s name and picture are the profile until the user sets one, and again never after', async () => {
  const { profiles } = node.chat;
  const alice = callerOf('alice', { claims: { name: 'Alice A.', picture: 'https://x.test/a.png' } });
  await profiles.noteClaims(alice);
  expect(await profiles.get(users('alice', 'nobody'))).toEqual([
    { userId: 'alice', displayName: 'Alice A.', avatarUrl: 'https://x.test/a.png' },
    { userId: 'nobody', displayName: '', avatarUrl: '' },
  ]);
  await profiles.noteClaims({ ...alice, claims: { name: 'Alice B.' } });
  expect(await profiles.get(users('alice'))).toMatchObject([{ displayName: 'Alice B.', avatarUrl: '' }]);
  await profiles.update(alice, { displayName: 'Al', avatarUrl: '' });
  await profiles.noteClaims({ ...alice, claims: { name: 'Alice C.' } });
  expect(await profiles.get(users('alice'))).toMatchObject([{ displayName: 'Al' }]);
  const { entries } = await node.chat.account.entries(alice, { after: 0n, limit: 10 });
  expect(entries).toHaveLength(3);
});

test('a call beside the one whose token is being noted finds the profile kept', async () => {
  const { profiles } = node.chat;
  const alice = callerOf('alice', { claims: { name: 'Alice' } });
  const first = profiles.noteClaims(alice);
  await profiles.noteClaims(alice);
  expect(await profiles.get(users('alice'))).toMatchObject([{ displayName: 'Alice' }]);
  await first;
});

test('claims are cut to what a profile may hold', async () => {
  const name = ` Zo\u0000e ${'👩‍👩‍👧'.repeat(20)}`;
  const picture = 'javascript:alert(1)';
  await node.chat.profiles.noteClaims(callerOf('alice', { claims: { name, picture } }));
  const [profile] = await node.chat.profiles.get(users('alice'));
  expect(profile).toMatchObject({ displayName: `Zo e ${'👩‍👩‍👧'.repeat(5)}`, avatarUrl: '' });
});

test('a profile set to what the token says is one’s own from then on', async () => {
  const { profiles } = node.chat;
  const alice = callerOf('alice', { claims: { name: 'Alice' } });
  await profiles.noteClaims(alice);
  await profiles.update(alice, { displayName: 'Alice', avatarUrl: '' });
  await profiles.noteClaims({ ...alice, claims: { name: 'Other' } });
  expect(await profiles.get(users('alice'))).toMatchObject([{ displayName: 'Alice' }]);
});

test('blocks and settings are kept once each, listed in order, and stand in the own log', async () => {
  const { account } = node.chat;
  const alice = callerOf('alice');
  for (const name of ['dave', 'bob', 'carol', 'bob']) await account.block(alice, name as UserId);
  await account.unblock(alice, 'carol' as UserId);
  await account.unblock(alice, 'carol' as UserId);
  const first = await account.blocked(alice, { limit: 1, pageToken: '' });
  const rest = await account.blocked(alice, { limit: 1, pageToken: first.nextPageToken });
  expect([...first.users, ...rest.users, rest.nextPageToken]).toEqual(['bob', 'dave', '']);
  expect(await reasonOf(account.block(alice, 'alice' as UserId))).toBe('INVALID_FIELD');
  expect(await account.settings(alice)).toEqual(defaultAccount);
  const changed = { ...defaultAccount, hidePresence: true };
  await account.setSettings(alice, changed);
  await account.setSettings(alice, changed);
  expect(await account.settings(alice)).toEqual(changed);
  const { entries, headSequence } = await account.entries(alice, { after: 3n, limit: 10 });
  expect(entries.map((entry) => entry.change.kind)).toEqual(['block-changed', 'account-settings-changed']);
  expect(headSequence).toBe(5n);
  expect(await account.entries(callerOf('nobody'), { after: 0n, limit: 10 })).toEqual({
    entries: [],
    headSequence: 0n,
    epoch: 0n,
  });
});

test('receipts tell each member’s positions as far as they are the asker’s to see', async () => {
  const group = await groupOf(node, ids, 'alice', ['bob', 'carol', 'dave']);
  const sequence = await post(node, ids, 'alice', group, 'hello');
  const { positions, account } = node.chat;
  const phone = 'phone' as DeviceId;
  for (const name of ['bob', 'carol', 'dave']) {
    await positions.acknowledge(callerOf(name), phone, [{ threadId: group, upTo: sequence }]);
    await positions.markRead(callerOf(name), [{ threadId: group, upTo: sequence }]);
  }
  await account.setSettings(callerOf('bob'), { ...defaultAccount, readPrivately: true });
  await account.block(callerOf('dave'), 'alice' as UserId);
  const list = async (by: string): Promise<unknown[]> => {
    const { receipts } = await positions.list(callerOf(by), group, { limit: 100, pageToken: '' });
    return receipts.map((one) => [one.userId, one.delivered, one.read, one.updateMs > 0]);
  };
  expect(await list('alice')).toEqual([
    ['alice', 0n, sequence, true],
    ['bob', sequence, 0n, true],
    ['carol', sequence, sequence, true],
    ['dave', 0n, 0n, false],
  ]);
  expect((await list('bob')).slice(1, 3)).toEqual([
    ['bob', sequence, sequence, true],
    ['carol', sequence, 0n, true],
  ]);
  const page = await positions.list(callerOf('carol'), group, { limit: 3, pageToken: '' });
  const rest = await positions.list(callerOf('carol'), group, { limit: 3, pageToken: page.nextPageToken });
  expect(rest.receipts.map((one) => [one.userId, one.read])).toEqual([['dave', sequence]]);
});

test('a position above what one may see is refused, and with it all of its call', async () => {
  const group = await groupOf(node, ids, 'alice', ['bob']);
  const { positions } = node.chat;
  const direct = await node.chat.openThread.direct(callerOf('alice'), 'bob' as UserId);
  const both = [
    { threadId: direct, upTo: 1n },
    { threadId: group, upTo: 2n },
  ];
  expect(await reasonOf(positions.markRead(callerOf('bob'), both))).toBe('POSITION_AHEAD');
  expect((await node.store.positionsOf('bob' as UserId, [direct]))[0]?.read ?? 0n).toBe(0n);
  expect(await reasonOf(positions.markRead(callerOf('carol'), both))).toBe('THREAD_NOT_FOUND');
  const removed = await node.chat.groups.remove(callerOf('alice'), group, ids.next(), 'bob' as UserId);
  await post(node, ids, 'alice', group, 'not for bob');
  await positions.markRead(callerOf('bob'), [{ threadId: group, upTo: removed }]);
  const beyond = positions.markRead(callerOf('bob'), [{ threadId: group, upTo: removed + 1n }]);
  expect(await reasonOf(beyond)).toBe('POSITION_AHEAD');
  expect(directThreadId('alice' as UserId, 'bob' as UserId)).toBe(direct);
});
