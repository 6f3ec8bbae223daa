import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ChatNode, Ids, callerOf, groupOf, openChatNode, post, reasonOf } from '../../test/support/chat-node.ts';
import type { Body } from '../core/entry.ts';
import type { ThreadId, UserId } from '../core/ids.ts';

let node: ChatNode;
let ids: Ids;
let group: ThreadId;

beforeEach(async () => {
  node = await openChatNode({ editWithinMs: 60_000, deleteWithinMs: 120_000 });
  ids = new Ids();
  group = await groupOf(node, ids, 'alice', ['bob', 'carol']);
});
afterEach(async () => node[Symbol.asyncDispose]());

const text = (value: string): Body => ({ content: { text: value }, mentions: [], attachments: [] });
const edit = (by: string, sequence: bigint, value: string, id = ids.next()): Promise<bigint> =>
  node.chat.messages.edit(callerOf(by), { threadId: group, clientMessageId: id, sequence }, text(value));
const remove = (by: string, sequence: bigint, id = ids.next()): Promise<bigint> =>
  node.chat.messages.delete(callerOf(by), { threadId: group, clientMessageId: id, sequence });
const react = (by: string, sequence: bigint, emoji: string, removed = false, id = ids.next()): Promise<bigint> =>
  node.chat.messages.react(callerOf(by), { threadId: group, clientMessageId: id, sequence }, emoji, removed);
const see = (by: string, sequence: bigint) => node.chat.history.message(callerOf(by), group, sequence);

test('an edit replaces the content, once per id, and only by the author and in time', async () => {
  const sequence = await post(node, ids, 'bob', group, 'helo');
  const edited = await edit('bob', sequence, 'hello', 'e1');
  expect(await edit('bob', sequence, 'hello', 'e1')).toBe(edited);
  expect(await reasonOf(edit('bob', sequence, 'hullo', 'e1'))).toBe('ID_REUSED');
  expect((await see('carol', sequence)).entry.change).toMatchObject({
    body: { content: { text: 'hello' } },
    editSequence: edited,
  });
  expect(await reasonOf(edit('alice', sequence, 'mine'))).toBe('NOT_EDITABLE');
  node.clock.turn(60_001);
  expect(await reasonOf(edit('bob', sequence, 'late'))).toBe('NOT_EDITABLE');
  expect(await edit('bob', sequence, 'hello', 'e1')).toBe(edited);
});

test('a delete erases the body and leaves the place; deleting again gives the first delete', async () => {
  const sequence = await post(node, ids, 'bob', group, 'oops');
  const deleted = await remove('bob', sequence);
  expect(await remove('bob', sequence)).toBe(deleted);
  const { entry, reactions } = await see('carol', sequence);
  expect(entry.change).toMatchObject({ deleteSequence: deleted, body: { mentions: [], attachments: [] } });
  expect(entry.change.body.content).toBeUndefined();
  expect(entry.ordinal).toBe(1n);
  expect(reactions).toEqual([]);
  expect(await reasonOf(edit('bob', sequence, 'again'))).toBe('MESSAGE_DELETED');
  expect(await reasonOf(react('carol', sequence, '👍'))).toBe('MESSAGE_DELETED');
});

test('admins delete whatever stands in their group at any time, others only their own and in time', async () => {
  const first = await post(node, ids, 'bob', group, 'one');
  const second = await post(node, ids, 'alice', group, 'two');
  expect(await reasonOf(remove('carol', first))).toBe('NOT_EDITABLE');
  expect(await reasonOf(remove('bob', second))).toBe('NOT_EDITABLE');
  node.clock.turn(120_001);
  expect(await reasonOf(remove('bob', first))).toBe('NOT_EDITABLE');
  expect(await remove('alice', first)).toBeGreaterThan(0n);
});

test('an edit and a delete at once never leave a deleted message with a body', async () => {
  for (let round = 0; round < 20; round += 1) {
    const sequence = await post(node, ids, 'bob', group, 'racing');
    const [, edited] = await Promise.allSettled([remove('bob', sequence), edit('bob', sequence, 'back')]);
    expect(edited.status).toBe('rejected');
    expect((await see('alice', sequence)).entry.change.body.content).toBeUndefined();
  }
});

test('reactions are counted per emoji in order of first use, and one is told which are their own', async () => {
  const sequence = await post(node, ids, 'bob', group, 'party');
  await react('alice', sequence, '🎉');
  await react('carol', sequence, '👍');
  await react('bob', sequence, '🎉');
  expect((await see('alice', sequence)).reactions).toEqual([
    { emoji: '🎉', count: 2, mine: true },
    { emoji: '👍', count: 1, mine: false },
  ]);
  expect(await react('bob', sequence, '🎉')).toBe(0n);
  await react('alice', sequence, '🎉', true);
  await react('bob', sequence, '🎉', true);
  expect((await see('alice', sequence)).reactions).toEqual([{ emoji: '👍', count: 1, mine: false }]);
  expect(await react('bob', sequence, '🎉', true)).toBe(0n);
});

test('a reaction sent twice under one id gets the first sequence, whatever has happened since', async () => {
  const sequence = await post(node, ids, 'bob', group, 'party');
  const first = await react('alice', sequence, '🎉', false, 'x');
  await react('alice', sequence, '🎉', true);
  expect(await react('alice', sequence, '🎉', false, 'x')).toBe(first);
  expect((await see('alice', sequence)).reactions).toEqual([]);
});

test('who has left is told no content and no reaction of after that, only that there is another content', async () => {
  const first = await post(node, ids, 'bob', group, 'as it was');
  const second = await post(node, ids, 'bob', group, 'stays');
  await edit('bob', second, 'edited in time');
  await react('alice', first, '🎉');
  await node.chat.groups.remove(callerOf('alice'), group, ids.next(), 'carol' as UserId);
  const edited = await edit('bob', first, 'not for carol');
  await react('alice', second, '👍');
  const kept = { body: { content: { text: 'edited in time' }, mentions: [], attachments: [] } };
  const gone = { body: { mentions: [], attachments: [] }, editSequence: edited };
  const told = await see('carol', first);
  expect(told.entry.change).toEqual({ kind: 'message', replyTo: 0n, deleteSequence: 0n, ...gone });
  expect(told.reactions).toEqual([{ emoji: '🎉', count: 1, mine: false }]);
  expect((await see('carol', second)).reactions).toEqual([]);
  const { entries } = await node.chat.history.entries(callerOf('carol'), {
    threadId: group,
    after: 0n,
    upTo: 0n,
    limit: 100,
  });
  const messages = entries.filter(({ change }) => change.kind === 'message').map(({ change }) => change);
  expect(messages).toEqual([expect.objectContaining(gone), expect.objectContaining(kept)]);
  const request = { threadId: group, limit: 10, pageToken: '', anchor: undefined };
  const page = await node.chat.messagePages.list(callerOf('carol'), request);
  expect(page.messages.map(({ entry }) => entry.change)).toEqual(messages);
  expect((await see('alice', first)).entry.change.body.content).toEqual({ text: 'not for carol' });
});

test('a message takes fifty different reactions and no fifty-first, also when they come at once', async () => {
  const sequence = await post(node, ids, 'bob', group, 'party');
  for (let index = 0; index < 48; index += 1) await react('alice', sequence, `e${index}`);
  const rest = await Promise.allSettled(['x', 'y', 'z'].map((emoji) => react('bob', sequence, emoji)));
  expect(rest.filter((outcome) => outcome.status === 'rejected')).toHaveLength(1);
  expect((await see('alice', sequence)).reactions).toHaveLength(50);
  expect(await reasonOf(react('carol', sequence, 'new'))).toBe('LIMIT_REACHED');
  expect(await react('carol', sequence, 'e0')).toBeGreaterThan(0n);
});

test('what is no message, or not for the caller to see, cannot be edited, deleted, reacted to or answered', async () => {
  const hidden = await post(node, ids, 'alice', group, 'before dave');
  await node.chat.groups.add(callerOf('alice'), group, ids.next(), ['dave' as UserId]);
  for (const sequence of [1n, hidden, 999n]) {
    expect(await reasonOf(react('dave', sequence, '👍'))).toBe('MESSAGE_NOT_FOUND');
    expect(await reasonOf(edit('dave', sequence, 'x'))).toBe('MESSAGE_NOT_FOUND');
    expect(await reasonOf(remove('dave', sequence))).toBe('MESSAGE_NOT_FOUND');
    const reply = node.chat.sendMessage.send(callerOf('dave'), {
      threadId: group,
      clientMessageId: ids.next(),
      knownHead: 0n,
      expectedSequence: undefined,
      replyTo: sequence,
      body: text('re'),
    });
    expect(await reasonOf(reply)).toBe('MESSAGE_NOT_FOUND');
  }
  expect(await reasonOf(react('mallory', hidden, '👍'))).toBe('THREAD_NOT_FOUND');
});

test('who was removed changes nothing any more, but a repeat of what was acknowledged is answered', async () => {
  const sequence = await post(node, ids, 'bob', group, 'helo');
  const edited = await edit('bob', sequence, 'hello', 'e1');
  await node.chat.groups.remove(callerOf('alice'), group, ids.next(), 'bob' as UserId);
  expect(await reasonOf(edit('bob', sequence, 'again'))).toBe('THREAD_NOT_FOUND');
  expect(await edit('bob', sequence, 'hello', 'e1')).toBe(edited);
});

test('a block closes a direct thread to sends, edits and reactions of who is blocked, not to reading and deleting', async () => {
  const direct = await node.chat.openThread.direct(callerOf('alice'), 'bob' as UserId);
  const mine = await post(node, ids, 'alice', direct, 'hi');
  await node.chat.account.block(callerOf('bob'), 'alice' as UserId);
  const target = () => ({ threadId: direct, clientMessageId: ids.next(), sequence: mine });
  const alice = callerOf('alice');
  expect(await reasonOf(post(node, ids, 'alice', direct, 'hello?'))).toBe('NOT_ACCEPTED');
  expect(await reasonOf(node.chat.messages.edit(alice, target(), text('hey')))).toBe('NOT_ACCEPTED');
  expect(await reasonOf(node.chat.messages.react(alice, target(), '👍', false))).toBe('NOT_ACCEPTED');
  expect((await node.chat.history.message(alice, direct, mine)).entry.sequence).toBe(mine);
  expect(await node.chat.messages.delete(alice, target())).toBeGreaterThan(mine);
  await node.chat.account.unblock(callerOf('bob'), 'alice' as UserId);
  expect(await post(node, ids, 'alice', direct, 'back')).toBeGreaterThan(mine);
});
