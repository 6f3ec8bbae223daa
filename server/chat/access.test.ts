import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ChatNode, Ids, callerOf, groupOf, openChatNode, post, reasonOf } from '../../test/support/chat-node.ts';
import { type ThreadId, type UserId, directThreadId } from '../core/ids.ts';
import { defaultAccount } from './accounts.ts';

let node: ChatNode;
let ids: Ids;

beforeEach(async () => {
  node = await openChatNode();
  ids = new Ids();
});
afterEach(async () => node[Symbol.asyncDispose]());

const alice = 'alice' as UserId;
const bob = 'bob' as UserId;
const carol = 'carol' as UserId;

const direct = (by: string, to: string): Promise<ThreadId> => node.chat.openThread.direct(callerOf(by), to as UserId);
const settings = (by: string, changes: object) =>
  node.chat.account.setSettings(callerOf(by), { ...defaultAccount, ...changes });

/** Everything of a refusal that leaves the node. */
async function refusalOf(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  const { reason, message, fields, retryAfterMs } = error as Record<string, unknown>;
  return { reason, message, fields, retryAfterMs };
}

test('a thread that is not mine and one that does not exist are refused alike', async () => {
  const theirs = await direct('alice', 'bob');
  const none = directThreadId(alice, 'nobody' as UserId);
  const expected = await refusalOf(node.access.member(carol, none));
  expect(expected).toMatchObject({ reason: 'THREAD_NOT_FOUND' });
  for (const thread of [theirs, none]) {
    expect(await refusalOf(node.access.member(carol, thread))).toEqual(expected);
    expect(await refusalOf(node.access.reader(carol, thread))).toEqual(expected);
    expect(await refusalOf(node.chat.threads.get(callerOf('carol'), thread))).toEqual(expected);
    expect(await refusalOf(post(node, ids, 'carol', thread, 'hi'))).toEqual(expected);
  }
});

test('who was removed still reads up to the removal and does nothing else', async () => {
  const group = await groupOf(node, ids, 'alice', ['bob']);
  await post(node, ids, 'bob', group, 'mine');
  await node.chat.groups.remove(callerOf('alice'), group, ids.next(), bob);
  await post(node, ids, 'alice', group, 'not for bob');
  expect(await node.access.reader(bob, group)).toMatchObject({ visibleFrom: 1n, visibleTo: 3n, member: undefined });
  expect(await reasonOf(node.access.member(bob, group))).toBe('THREAD_NOT_FOUND');
});

test('a rejoin is a new join: what was between is not seen', async () => {
  const group = await groupOf(node, ids, 'alice', ['bob']);
  await node.chat.groups.remove(callerOf('alice'), group, ids.next(), bob);
  await post(node, ids, 'alice', group, 'not for bob');
  const rejoin = await node.chat.groups.add(callerOf('alice'), group, ids.next(), [bob]);
  expect(await node.access.member(bob, group)).toMatchObject({ visibleFrom: rejoin });
});

test('presence is seen by who shares a group, and by nobody who does not', async () => {
  expect(await node.access.canSeePresence(alice, bob)).toBe(false);
  const group = await groupOf(node, ids, 'carol', ['alice', 'bob']);
  expect(await node.access.canSeePresence(alice, bob)).toBe(true);
  await node.chat.groups.leave(callerOf('bob'), group, ids.next());
  expect(await node.access.canSeePresence(alice, bob)).toBe(false);
  expect(await node.access.canSeePresence(alice, alice)).toBe(true);
});

test('a direct thread shows presence once both have written in it', async () => {
  const thread = await direct('alice', 'bob');
  for (let index = 0; index < 3; index += 1) await post(node, ids, 'alice', thread, 'hello?');
  expect(await node.access.canSeePresence(alice, bob)).toBe(false);
  expect(await node.access.canSeePresence(bob, alice)).toBe(false);
  await post(node, ids, 'bob', thread, 'hello');
  expect(await node.access.canSeePresence(alice, bob)).toBe(true);
  expect(await node.access.canSeePresence(bob, alice)).toBe(true);
});

test('hiding presence and blocking work both ways', async () => {
  await groupOf(node, ids, 'alice', ['bob', 'carol']);
  await settings('bob', { hidePresence: true });
  expect(await node.access.canSeePresence(alice, bob)).toBe(false);
  expect(await node.access.canSeePresence(bob, alice)).toBe(false);
  expect(await node.access.canSeePresence(alice, carol)).toBe(true);
  await node.chat.account.block(callerOf('carol'), alice);
  expect(await node.access.canSeePresence(alice, carol)).toBe(false);
  expect(await node.access.canSeePresence(carol, alice)).toBe(false);
});

test('receipts are hidden by a block, reads by either reading privately, both in a thread that one has not answered', async () => {
  const thread = await direct('alice', 'bob');
  const sight = async (viewer: UserId, user: UserId) => {
    const view = await node.views.get(thread);
    if (view === undefined) throw new Error('a thread');
    return node.access.canSeeReceipts(viewer, user, view);
  };
  await post(node, ids, 'alice', thread, 'hello?');
  expect(await sight(alice, bob)).toEqual({ delivered: false, read: false });
  await post(node, ids, 'bob', thread, 'hello');
  expect(await sight(alice, bob)).toEqual({ delivered: true, read: true });
  await settings('alice', { readPrivately: true });
  expect(await sight(alice, bob)).toEqual({ delivered: true, read: false });
  expect(await sight(bob, alice)).toEqual({ delivered: true, read: false });
  expect(await sight(alice, alice)).toEqual({ delivered: true, read: true });
  await node.chat.account.block(callerOf('alice'), bob);
  expect(await sight(bob, alice)).toEqual({ delivered: false, read: false });
});

test('who may open a direct thread is the other user’s to say, and a thread that exists stays open', async () => {
  const existing = await direct('alice', 'bob');
  await settings('bob', { directPolicy: 'nobody' });
  expect(await direct('alice', 'bob')).toBe(existing);
  expect(await reasonOf(direct('carol', 'bob'))).toBe('NOT_ACCEPTED');
  await settings('bob', { directPolicy: 'shared-group' });
  expect(await reasonOf(direct('carol', 'bob'))).toBe('NOT_ACCEPTED');
  await groupOf(node, ids, 'dave', ['bob', 'carol']);
  expect(await direct('carol', 'bob')).toBe(directThreadId(bob, carol));
  expect(await post(node, ids, 'alice', existing, 'still')).toBe(2n);
  await node.chat.account.block(callerOf('bob'), 'erin' as UserId);
  await settings('bob', { directPolicy: 'anyone' });
  expect(await reasonOf(direct('erin', 'bob'))).toBe('NOT_ACCEPTED');
  expect(await direct('frank', 'bob')).toBe(directThreadId(bob, 'frank' as UserId));
});

test('two who open their direct thread at once get one thread', async () => {
  const opened = await Promise.all([direct('alice', 'bob'), direct('bob', 'alice'), direct('alice', 'bob')]);
  expect(new Set(opened).size).toBe(1);
  expect(await node.access.reader(bob, opened[0])).toMatchObject({ visibleTo: 1n });
  const self = await direct('alice', 'alice');
  const note = await node.chat.threads.get(callerOf('alice'), self);
  expect(note).toMatchObject({ peerId: alice, memberCount: 1 });
});

test('opening is limited per user, and a thread that exists costs nothing', async () => {
  await node[Symbol.asyncDispose]();
  node = await openChatNode({ limits: { opensPerS: 1, openBurst: 2 } });
  await direct('alice', 'bob');
  await direct('alice', 'bob');
  await direct('alice', 'carol');
  expect(await reasonOf(direct('alice', 'dave'))).toBe('RATE_LIMITED');
  expect(await reasonOf(groupOf(node, ids, 'alice'))).toBe('RATE_LIMITED');
  await direct('bob', 'dave');
  node.clock.turn(1_000);
  await direct('alice', 'dave');
});

test('who has left a group learns neither its new name nor who is in it now', async () => {
  const group = await groupOf(node, ids, 'alice', ['bob']);
  await node.chat.groups.leave(callerOf('bob'), group, ids.next());
  const seen = (): Promise<unknown> => node.chat.threads.get(callerOf('bob'), group);
  expect(await seen()).toMatchObject({ name: 'a group', memberCount: 0 });
  const changes = { name: 'a secret', historyForNewMembers: undefined };
  await node.chat.groups.update(callerOf('alice'), group, ids.next(), changes);
  expect(await seen()).toMatchObject({ name: '', memberCount: 0 });
});
