import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ChatNode, Ids, callerOf, groupOf, openChatNode, post, reasonOf } from '../../test/support/chat-node.ts';
import type { ThreadId, UserId } from '../core/ids.ts';
import type { ThreadView } from '../delivery/thread-views.ts';
import { defaultAccount } from './accounts.ts';

let node: ChatNode;
let ids: Ids;

beforeEach(async () => {
  node = await openChatNode({ limits: { sendsPerS: 1, sendBurst: 3 } });
  ids = new Ids();
});
afterEach(async () => node[Symbol.asyncDispose]());

const alice = 'alice' as UserId;
const bob = 'bob' as UserId;

async function viewOf(thread: ThreadId): Promise<ThreadView> {
  const view = await node.views.get(thread);
  if (view === undefined) throw new Error('a thread');
  return view;
}

test('a yes is remembered for 10 s, a no is not', async () => {
  const { policy, chat, clock } = node;
  expect(await policy.canSeePresence(alice, bob)).toBe(false);
  const group = await groupOf(node, ids, 'carol', ['alice', 'bob']);
  expect(await policy.canSeePresence(alice, bob)).toBe(true);
  await chat.groups.leave(callerOf('bob'), group, ids.next());
  clock.turn(9_999);
  expect(await policy.canSeePresence(alice, bob)).toBe(true);
  clock.turn(2);
  expect(await policy.canSeePresence(alice, bob)).toBe(false);
});

test('a block and a setting take effect at once on the node where they were made', async () => {
  const { policy, chat } = node;
  const direct = await chat.openThread.direct(callerOf('alice'), bob);
  await post(node, ids, 'alice', direct, 'hi');
  await post(node, ids, 'bob', direct, 'hi');
  expect(await policy.canSeeReceipts(alice, bob, await viewOf(direct))).toEqual({ delivered: true, read: true });
  expect(await policy.readsPrivately(bob)).toBe(false);
  await chat.account.setSettings(callerOf('bob'), { ...defaultAccount, readPrivately: true });
  expect(await policy.readsPrivately(bob)).toBe(true);
  expect(await policy.canSeeReceipts(alice, bob, await viewOf(direct))).toEqual({ delivered: true, read: false });
  await chat.account.block(callerOf('bob'), alice);
  expect(await policy.canSeeReceipts(alice, bob, await viewOf(direct))).toEqual({ delivered: false, read: false });
  expect(await reasonOf(post(node, ids, 'alice', direct, 'hello?'))).toBe('NOT_ACCEPTED');
});

test('a block that is made while an answer is being looked up is not forgotten', async () => {
  const { policy, chat } = node;
  const direct = await chat.openThread.direct(callerOf('alice'), bob);
  const asked = policy.checkDirectSend(alice, await viewOf(direct));
  await Promise.all([asked, chat.account.block(callerOf('bob'), alice)]).catch(() => undefined);
  expect(await reasonOf(post(node, ids, 'alice', direct, 'hello?'))).toBe('NOT_ACCEPTED');
});

test('sends are limited per user and the refused one costs nothing', async () => {
  const group = await groupOf(node, ids, 'alice', ['bob']);
  for (let index = 0; index < 3; index += 1) await post(node, ids, 'alice', group, 'quick');
  expect(await reasonOf(post(node, ids, 'alice', group, 'too quick'))).toBe('RATE_LIMITED');
  await post(node, ids, 'bob', group, 'unhurried');
  node.clock.turn(1_000);
  expect(await post(node, ids, 'alice', group, 'slower')).toBe(6n);
});

test('a known answer to a direct send is given without waiting', async () => {
  const direct = await node.chat.openThread.direct(callerOf('alice'), bob);
  const view = await viewOf(direct);
  await node.policy.checkDirectSend(alice, view);
  expect(node.policy.checkDirectSend(alice, view)).toBeUndefined();
  const self = await node.chat.openThread.direct(callerOf('alice'), alice);
  expect(node.policy.checkDirectSend(alice, await viewOf(self))).toBeUndefined();
});
