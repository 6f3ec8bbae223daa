import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ChatNode, Ids, callerOf, groupOf, openChatNode, post } from '../../test/support/chat-node.ts';
import { type ThreadId, threadLog } from '../core/ids.ts';
import { entryAt, firstWhere, lastMessage, messagesBefore } from './places.ts';

let node: ChatNode;
let thread: ThreadId;
/** Sequences of the messages; between them, and at the end, are runs of reactions. */
const messages: bigint[] = [];
const end = 80n;

beforeAll(async () => {
  node = await openChatNode();
  const ids = new Ids();
  thread = await groupOf(node, ids, 'alice');
  const runs = [0, 3, 0, 1, 25, 0, 2, 40];
  for (const run of runs) {
    const sequence = await post(node, ids, 'alice', thread, 'text');
    messages.push(sequence);
    for (let index = 0; index < run; index += 1) {
      node.clock.turn(1_000);
      const target = { threadId: thread, clientMessageId: ids.next(), sequence };
      await node.chat.messages.react(callerOf('alice'), target, `e${index}`, false);
    }
  }
});
afterAll(async () => node[Symbol.asyncDispose]());

test('the log of this file is as the others believe', async () => {
  expect(await node.store.head(threadLog(thread))).toMatchObject({ sequence: end, ordinal: 8n });
});

test('messages below a place are counted', async () => {
  for (let sequence = 1n; sequence <= end; sequence += 1n) {
    const expected = messages.filter((message) => message < sequence).length;
    expect(await messagesBefore(node.store, threadLog(thread), sequence)).toBe(BigInt(expected));
  }
});

test('the last message up to any place is found, however many other entries follow it', async () => {
  const log = threadLog(thread);
  await fc.assert(
    fc.asyncProperty(fc.bigInt(1n, end), fc.bigInt(1n, end), async (from, to) => {
      const ordinal = (await entryAt(node.store, log, to))?.ordinal ?? 0n;
      const last = await lastMessage(node.store, log, { from, to, ordinal });
      expect(last?.sequence).toBe(messages.findLast((message) => message <= to && message >= from));
    }),
  );
});

test('the first entry that is far enough is found, or the place after the last', async () => {
  const log = threadLog(thread);
  await fc.assert(
    fc.asyncProperty(fc.bigInt(1n, end), fc.bigInt(0n, 10n), async (from, ordinal) => {
      const found = await firstWhere(node.store, log, { from, to: end }, (entry) => entry.ordinal >= ordinal);
      const first = ordinal === 0n ? 1n : (messages[Number(ordinal) - 1] ?? end + 1n);
      expect(found).toBe(first < from ? from : first);
    }),
  );
});
