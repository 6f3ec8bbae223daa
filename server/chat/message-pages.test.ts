import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ChatNode, Ids, callerOf, groupOf, openChatNode, post, reasonOf } from '../../test/support/chat-node.ts';
import type { ThreadId, UserId } from '../core/ids.ts';
import type { Anchor } from './message-pages.ts';

let node: ChatNode;
let ids: Ids;

beforeEach(async () => {
  node = await openChatNode();
  ids = new Ids();
});
afterEach(async () => node[Symbol.asyncDispose]());

const list = (by: string, threadId: ThreadId, limit: number, anchor?: Anchor, pageToken = '') =>
  node.chat.messagePages.list(callerOf(by), { threadId, limit, anchor, pageToken });
const sequencesOf = async (by: string, threadId: ThreadId, limit: number, anchor?: Anchor): Promise<bigint[]> =>
  (await list(by, threadId, limit, anchor)).messages.map(({ entry }) => entry.sequence);

/** Messages of alice, with reactions in between, then one of who joined, and a message after each. */
async function mixedThread(reactions: readonly boolean[]): Promise<{ thread: ThreadId; messages: bigint[] }> {
  const thread = await groupOf(node, ids, 'alice', ['bob']);
  const messages: bigint[] = [];
  for (const reacts of reactions) {
    const sequence = await post(node, ids, 'alice', thread, 'text');
    messages.push(sequence);
    node.clock.turn(1_000);
    if (!reacts) continue;
    const target = { threadId: thread, clientMessageId: ids.next(), sequence };
    await node.chat.messages.react(callerOf('bob'), target, '👍', false);
  }
  return { thread, messages };
}

test('pages in both directions give every message once and in order, from any anchor and at any size', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.boolean(), { maxLength: 14 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 0, max: 30 }),
      fc.constantFrom('before', 'after', 'around', undefined),
      async (reactions, limit, sequence, at) => {
        const { thread, messages } = await mixedThread(reactions);
        const anchor = at === undefined ? undefined : { at, sequence: BigInt(sequence) };
        const first = await list('bob', thread, limit, anchor);
        const told = first.messages.map(({ entry }) => entry.sequence);
        for (let token = first.olderPageToken; token !== '';) {
          const page = await list('bob', thread, limit, anchor, token);
          expect(page.messages.length).toBeGreaterThan(0);
          expect(page.messages.length).toBeLessThanOrEqual(limit);
          told.unshift(...page.messages.map(({ entry }) => entry.sequence));
          token = page.olderPageToken;
        }
        for (let token = first.newerPageToken; token !== '';) {
          const page = await list('bob', thread, limit, anchor, token);
          expect(page.messages.length).toBeGreaterThan(0);
          told.push(...page.messages.map(({ entry }) => entry.sequence));
          token = page.newerPageToken;
        }
        expect(told).toEqual(messages);
      },
    ),
    { numRuns: 40 },
  );
});

test('around an ordinal and around a time is around that message', async () => {
  const { thread, messages } = await mixedThread([true, false, true, true, false, false, true]);
  const start = node.clock.nowMs() - 7_000;
  const [first, second, third, fourth] = messages;
  expect(await sequencesOf('bob', thread, 3, { at: 'around-ordinal', ordinal: 3n })).toEqual([second, third, fourth]);
  expect(await sequencesOf('bob', thread, 3, { at: 'around-time', timeMs: start + 2_000 })).toEqual([
    second,
    third,
    fourth,
  ]);
  expect(await sequencesOf('bob', thread, 2, { at: 'around-time', timeMs: 0 })).toEqual([first, second].slice(0, 1));
  expect(await sequencesOf('bob', thread, 2, { at: 'around-ordinal', ordinal: 99n })).toEqual(messages.slice(-1));
});

test('who joined later sees from the join on, and who left sees up to the removal', async () => {
  const { thread, messages } = await mixedThread([false, true, false]);
  await node.chat.groups.add(callerOf('alice'), thread, ids.next(), ['carol' as UserId]);
  const seen = await post(node, ids, 'alice', thread, 'hi carol');
  await node.chat.groups.remove(callerOf('alice'), thread, ids.next(), 'carol' as UserId);
  await post(node, ids, 'alice', thread, 'bye carol');
  const page = await list('carol', thread, 50);
  expect(page.messages.map(({ entry }) => entry.sequence)).toEqual([seen]);
  expect(page).toMatchObject({ olderPageToken: '', newerPageToken: '', head: { member: false, sequence: seen + 1n } });
  expect(await sequencesOf('carol', thread, 50, { at: 'around-ordinal', ordinal: 1n })).toEqual([seen]);
  expect(await sequencesOf('carol', thread, 50, { at: 'before', sequence: messages[1] ?? 0n })).toEqual([]);
  const { entries } = await node.chat.history.entries(callerOf('carol'), {
    threadId: thread,
    after: 0n,
    upTo: 0n,
    limit: 100,
  });
  expect(entries.map((entry) => entry.sequence)).toEqual([seen - 1n, seen, seen + 1n]);
  expect(await reasonOf(node.chat.history.message(callerOf('carol'), thread, messages[0] ?? 0n))).toBe(
    'MESSAGE_NOT_FOUND',
  );
  expect(await reasonOf(list('mallory', thread, 50))).toBe('THREAD_NOT_FOUND');
});

test('a group that shows its history shows it to who joins then, also after it stopped showing it to others', async () => {
  const thread = await groupOf(node, ids, 'alice', ['bob'], true);
  const first = await post(node, ids, 'alice', thread, 'old');
  await node.chat.groups.add(callerOf('alice'), thread, ids.next(), ['carol' as UserId]);
  await node.chat.groups.update(callerOf('alice'), thread, ids.next(), {
    name: undefined,
    historyForNewMembers: false,
  });
  await node.chat.groups.add(callerOf('alice'), thread, ids.next(), ['dave' as UserId]);
  expect(await sequencesOf('carol', thread, 50)).toEqual([first]);
  expect(await sequencesOf('dave', thread, 50)).toEqual([]);
});

test('a page that is over 1 MiB ends early and its tokens go on from there', async () => {
  const thread = await groupOf(node, ids, 'alice');
  const text = 'x'.repeat(65_000);
  for (let index = 0; index < 40; index += 1) await post(node, ids, 'alice', thread, text);
  const told: bigint[] = [];
  let pages = 0;
  for (let token: string | undefined; token !== ''; pages += 1) {
    const page = await list('alice', thread, 200, undefined, token ?? '');
    told.unshift(...page.messages.map(({ entry }) => entry.sequence));
    token = page.olderPageToken;
  }
  expect(pages).toBeGreaterThan(2);
  expect(told).toEqual(Array.from({ length: 40 }, (_, index) => BigInt(index + 2)));
});

test('a token of another user, thread, anchor or list is refused', async () => {
  const { thread } = await mixedThread([false, false, false]);
  const other = await groupOf(node, ids, 'alice', ['bob']);
  const { olderPageToken } = await list('bob', thread, 1);
  expect(olderPageToken).not.toBe('');
  expect(await reasonOf(list('alice', thread, 1, undefined, olderPageToken))).toBe('INVALID_TOKEN');
  expect(await reasonOf(list('bob', other, 1, undefined, olderPageToken))).toBe('INVALID_TOKEN');
  expect(await reasonOf(list('bob', thread, 1, { at: 'after', sequence: 1n }, olderPageToken))).toBe('INVALID_TOKEN');
  expect(await reasonOf(list('bob', thread, 1, undefined, `${olderPageToken}A`))).toBe('INVALID_TOKEN');
});
