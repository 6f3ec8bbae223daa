import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ChatNode, Ids, callerOf, groupOf, openChatNode, post, reasonOf } from '../../test/support/chat-node.ts';
import { StoreGate } from '../../test/support/store-gate.ts';
import type { ThreadId, UserId } from '../core/ids.ts';

let node: ChatNode;
let ids: Ids;

beforeEach(async () => {
  node = await openChatNode({ memberCap: 4 });
  ids = new Ids();
});
afterEach(async () => node[Symbol.asyncDispose]());

const users = (...names: string[]): UserId[] => names as UserId[];
const add = (by: string, thread: ThreadId, id: string, ...names: string[]): Promise<bigint> =>
  node.chat.groups.add(callerOf(by), thread, id, users(...names));
const membersOf = async (thread: ThreadId): Promise<string[]> => [
  ...((await node.views.get(thread))?.members.keys() ?? []),
];

test('the same request makes the same group once, other content under its id is refused', async () => {
  const request = { requestId: 'r1', name: 'tea', members: users('bob'), historyForNewMembers: false };
  const first = await node.chat.openThread.group(callerOf('alice'), request);
  const again = await node.chat.openThread.group(callerOf('alice'), request);
  expect(again).toBe(first);
  const other = node.chat.openThread.group(callerOf('alice'), { ...request, name: 'coffee' });
  expect(await reasonOf(other)).toBe('ID_REUSED');
  expect(await node.store.head(first as never)).toMatchObject({ sequence: 1n });
  expect((await node.chat.threads.get(callerOf('bob'), first)).role).toBe('member');
});

test('an admin adds members once per request, and those who are members stay as they are', async () => {
  const group = await groupOf(node, ids, 'alice', ['bob']);
  const sequence = await add('alice', group, 'r1', 'carol', 'bob');
  expect(sequence).toBe(2n);
  expect(await add('alice', group, 'r1', 'carol', 'bob')).toBe(2n);
  expect(await add('alice', group, 'r2', 'carol')).toBe(0n);
  expect((await membersOf(group)).toSorted()).toEqual(['alice', 'bob', 'carol']);
  expect(await reasonOf(add('bob', group, 'r3', 'dave'))).toBe('ROLE_REQUIRED');
  expect(await reasonOf(add('mallory', group, 'r3', 'dave'))).toBe('THREAD_NOT_FOUND');
});

test('more members than the cap are refused and none of them is added', async () => {
  const group = await groupOf(node, ids, 'alice', ['bob', 'carol']);
  expect(await reasonOf(add('alice', group, 'r1', 'dave', 'erin'))).toBe('MEMBER_CAP');
  expect(await membersOf(group)).toHaveLength(3);
  expect(await add('alice', group, 'r2', 'dave')).toBe(2n);
  const request = { requestId: 'big', name: 'big', members: users('a', 'b', 'c', 'd'), historyForNewMembers: false };
  expect(await reasonOf(node.chat.openThread.group(callerOf('alice'), request))).toBe('MEMBER_CAP');
});

test('two admins who fill the last place at once do not pass the cap', async () => {
  const group = await groupOf(node, ids, 'alice', ['bob', 'carol']);
  await node.chat.groups.setRole(callerOf('alice'), group, 'r0', 'bob' as UserId, 'admin');
  const outcomes = await Promise.allSettled([add('alice', group, 'r1', 'dave'), add('bob', group, 'r2', 'erin')]);
  expect(outcomes.map((outcome) => outcome.status).toSorted()).toEqual(['fulfilled', 'rejected']);
  expect(await membersOf(group)).toHaveLength(4);
});

test('only owners remove admins, and what is repeated removes nobody twice', async () => {
  const group = await groupOf(node, ids, 'alice', ['bob', 'carol']);
  const { groups } = node.chat;
  await groups.setRole(callerOf('alice'), group, 'r0', 'bob' as UserId, 'admin');
  await groups.setRole(callerOf('alice'), group, 'r1', 'carol' as UserId, 'admin');
  expect(await reasonOf(groups.remove(callerOf('bob'), group, 'r2', 'carol' as UserId))).toBe('ROLE_REQUIRED');
  const removed = await groups.remove(callerOf('alice'), group, 'r3', 'carol' as UserId);
  expect(removed).toBe(4n);
  await add('alice', group, 'r4', 'carol');
  expect(await groups.remove(callerOf('alice'), group, 'r3', 'carol' as UserId)).toBe(4n);
  expect(await membersOf(group)).toContain('carol');
  expect(await groups.remove(callerOf('alice'), group, 'r5', 'nobody' as UserId)).toBe(0n);
});

test('the last owner leaves only when nobody else is left, and a repeated leave is answered', async () => {
  const group = await groupOf(node, ids, 'alice', ['bob']);
  const { groups } = node.chat;
  expect(await reasonOf(groups.leave(callerOf('alice'), group, 'r1'))).toBe('LAST_OWNER');
  expect(await reasonOf(groups.setRole(callerOf('alice'), group, 'r2', 'alice' as UserId, 'member'))).toBe(
    'LAST_OWNER',
  );
  await groups.setRole(callerOf('alice'), group, 'r3', 'bob' as UserId, 'owner');
  const left = await groups.leave(callerOf('alice'), group, 'r4');
  expect(left).toBe(3n);
  expect(await groups.leave(callerOf('alice'), group, 'r4')).toBe(3n);
  expect(await reasonOf(groups.leave(callerOf('alice'), group, 'r5'))).toBe('THREAD_NOT_FOUND');
  expect(await groups.leave(callerOf('bob'), group, 'r6')).toBe(4n);
});

test('a change of role or name that changes nothing appends nothing', async () => {
  const group = await groupOf(node, ids, 'alice', ['bob']);
  const { groups } = node.chat;
  expect(await groups.setRole(callerOf('alice'), group, 'r1', 'bob' as UserId, 'member')).toBe(0n);
  expect(await reasonOf(groups.setRole(callerOf('alice'), group, 'r2', 'x' as UserId, 'admin'))).toBe('USER_NOT_FOUND');
  const name = { name: 'tea', historyForNewMembers: undefined };
  expect(await groups.update(callerOf('alice'), group, 'r3', name)).toBe(2n);
  expect(await groups.update(callerOf('alice'), group, 'r4', name)).toBe(0n);
  expect(await reasonOf(groups.update(callerOf('bob'), group, 'r5', name))).toBe('ROLE_REQUIRED');
  expect((await node.chat.threads.get(callerOf('bob'), group)).name).toBe('tea');
});

test('group calls on a direct thread are refused with its kind to its users and with nothing to others', async () => {
  const direct = await node.chat.openThread.direct(callerOf('alice'), 'bob' as UserId);
  expect(await reasonOf(add('alice', direct, 'r1', 'carol'))).toBe('WRONG_THREAD_KIND');
  expect(await reasonOf(node.chat.groups.leave(callerOf('bob'), direct, 'r2'))).toBe('WRONG_THREAD_KIND');
  expect(await reasonOf(add('carol', direct, 'r3', 'dave'))).toBe('THREAD_NOT_FOUND');
});

test('the own log points to the group before it is joined and out of it after the removal', async () => {
  const group = await groupOf(node, ids, 'alice', ['bob']);
  const kinds = async (): Promise<string[]> => {
    const { entries } = await node.chat.account.entries(callerOf('bob'), { after: 0n, limit: 100 });
    return entries.map((entry) => entry.change.kind);
  };
  expect(await kinds()).toEqual(['thread-added']);
  await node.chat.groups.remove(callerOf('alice'), group, 'r1', 'bob' as UserId);
  expect(await kinds()).toEqual(['thread-added', 'thread-removed']);
  await add('alice', group, 'r2', 'bob');
  expect(await kinds()).toEqual(['thread-added', 'thread-removed', 'thread-added']);
});

test('who is added later has nothing unread, and counts from the join', async () => {
  const group = await groupOf(node, ids, 'alice', ['bob']);
  for (const text of ['one', 'two', 'three']) await post(node, ids, 'alice', group, text);
  await add('alice', group, 'r1', 'carol');
  const headOf = async (name: string) => (await node.chat.threads.get(callerOf(name), group)).head;
  expect(await headOf('carol')).toMatchObject({ unread: 0n, read: 5n, visibleFrom: 5n, sequence: 5n });
  await post(node, ids, 'alice', group, 'four');
  expect(await headOf('carol')).toMatchObject({ unread: 1n });
  expect(await headOf('bob')).toMatchObject({ unread: 4n, visibleFrom: 1n });
});

test('the own log says who is in, though they are removed and added at once', async () => {
  const gate = new StoreGate();
  const other = await openChatNode({ storeBehind: gate.behind });
  try {
    const group = await groupOf(other, ids, 'alice', ['bob']);
    await other.views.get(group);
    const held = gate.hold('row');
    const removed = other.chat.groups.remove(callerOf('alice'), group, 'r1', 'bob' as UserId);
    // The removal is in the thread, and bob's own log does not say so yet.
    await held.reached;
    await other.chat.groups.add(callerOf('alice'), group, 'r2', ['bob' as UserId]);
    held.release();
    await removed;
    const { entries } = await other.chat.account.entries(callerOf('bob'), { after: 0n, limit: 100 });
    expect(entries.at(-1)?.change.kind).toBe('thread-added');
  } finally {
    await other[Symbol.asyncDispose]();
  }
});
