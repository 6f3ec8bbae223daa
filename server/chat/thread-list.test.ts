import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ChatNode, Ids, callerOf, groupOf, openChatNode, post, reasonOf } from '../../test/support/chat-node.ts';
import type { ThreadId, UserId } from '../core/ids.ts';
import { defaultSettings } from './thread-settings.ts';

let node: ChatNode;
let ids: Ids;

beforeEach(async () => {
  node = await openChatNode();
  ids = new Ids();
});
afterEach(async () => node[Symbol.asyncDispose]());

const page = (by: string, limit: number, pageToken = '', archived = false) =>
  node.chat.threadList.list(callerOf(by), { limit, pageToken, archived });
const idsOf = (threads: readonly { readonly threadId: ThreadId }[]): ThreadId[] => threads.map((one) => one.threadId);
const set = (thread: ThreadId, settings: object) =>
  node.chat.threads.setSettings(callerOf('alice'), thread, { ...defaultSettings, ...settings });

async function threadsOf(by: string, count: number): Promise<ThreadId[]> {
  const made: ThreadId[] = [];
  for (let index = 0; index < count; index += 1) {
    made.push(await groupOf(node, ids, by, ['bob']));
    node.clock.turn(60_000);
  }
  return made;
}

test('pinned threads come first, then the newest activity, and archived ones apart', async () => {
  const [first, second, third, fourth] = await threadsOf('alice', 4);
  if (first === undefined || second === undefined || third === undefined) throw new Error('four threads');
  await post(node, ids, 'alice', second, 'news');
  await set(first, { pinned: true });
  await set(third, { archived: true });
  expect(idsOf((await page('alice', 50)).threads)).toEqual([first, second, fourth]);
  expect(idsOf((await page('alice', 50, '', true)).threads)).toEqual([third]);
  await post(node, ids, 'bob', third, 'hello');
  expect(idsOf((await page('alice', 50, '', true)).threads)).toEqual([third]);
});

test('a thread shows its last message as it is now and how many are unread', async () => {
  const [thread] = await threadsOf('alice', 1);
  if (thread === undefined) throw new Error('one thread');
  const sequence = await post(node, ids, 'bob', thread, 'helo');
  await post(node, ids, 'bob', thread, 'to be deleted');
  await node.chat.positions.markRead(callerOf('alice'), [{ threadId: thread, upTo: sequence }]);
  const target = { threadId: thread, clientMessageId: 'e', sequence };
  const body = { content: { text: 'hello' }, mentions: [], attachments: [] };
  await node.chat.messages.edit(callerOf('bob'), target, body);
  for (let index = 0; index < 20; index += 1) {
    const one = { threadId: thread, clientMessageId: ids.next(), sequence };
    await node.chat.messages.react(callerOf('alice'), one, `e${index}`, false);
  }
  const [listed] = (await page('alice', 1)).threads;
  expect(listed).toMatchObject({
    head: { unread: 1n, read: sequence, member: true },
    lastMessage: { entry: { change: { body: { content: { text: 'to be deleted' } } } } },
    memberCount: 2,
    role: 'owner',
  });
  await node.receipts.settled();
  const [ofBob] = (await page('bob', 1)).threads;
  expect(ofBob).toMatchObject({ head: { unread: 0n }, role: 'member' });
});

test('threads that one has left are not listed any more', async () => {
  const [first, second] = await threadsOf('alice', 2);
  if (first === undefined) throw new Error('two threads');
  await node.chat.groups.remove(callerOf('alice'), first, ids.next(), 'bob' as UserId);
  expect(idsOf((await page('bob', 50)).threads)).toEqual([second]);
});

test('no thread is left out of the pages, whatever moves up between them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.tuple(fc.nat(8), fc.constantFrom('post', 'pin', 'nothing')), { maxLength: 12 }),
      async (count, limit, moves) => {
        const user = `alice-${ids.next()}`;
        const threads = await threadsOf(user, count);
        const told = new Set<ThreadId>();
        let pages = 0;
        for (let token: string | undefined; token !== ''; pages += 1) {
          const { threads: listed, nextPageToken } = await page(user, limit, token ?? '');
          expect(listed.length).toBeLessThanOrEqual(limit);
          for (const one of listed) told.add(one.threadId);
          token = nextPageToken;
          const [which = 0, what = 'nothing'] = moves[pages] ?? [];
          const thread = threads[which % count];
          node.clock.turn(1_000);
          if (thread === undefined || what === 'nothing') continue;
          if (what === 'post') await post(node, ids, user, thread, 'up');
          else await node.chat.threads.setSettings(callerOf(user), thread, { ...defaultSettings, pinned: true });
        }
        expect([...told].toSorted()).toEqual(threads.toSorted());
        expect(pages).toBeLessThanOrEqual(2 * count + 2);
      },
    ),
    { numRuns: 25 },
  );
});

test('a token is good for its user and filter only', async () => {
  await threadsOf('alice', 3);
  const { nextPageToken } = await page('alice', 1);
  expect(await reasonOf(page('bob', 1, nextPageToken))).toBe('INVALID_TOKEN');
  expect(await reasonOf(page('alice', 1, nextPageToken, true))).toBe('INVALID_TOKEN');
  expect(await reasonOf(page('alice', 1, 'nonsense'))).toBe('INVALID_TOKEN');
});

test('at most a hundred threads are pinned', async () => {
  const settings = { ...defaultSettings, pinned: true };
  const pin = async (index: number): Promise<unknown> => {
    const thread = await node.chat.openThread.direct(callerOf('alice'), `user-${index}` as UserId);
    return node.chat.threads.setSettings(callerOf('alice'), thread, settings);
  };
  for (let index = 0; index < 100; index += 1) await pin(index);
  expect(await reasonOf(pin(100))).toBe('LIMIT_REACHED');
});
