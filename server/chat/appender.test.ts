import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChatNode, Ids, callerOf, groupOf, openChatNode } from '../../test/support/chat-node.ts';
import type { ThreadId } from '../core/ids.ts';
import type { AppendOutcome } from './appender.ts';

let node: ChatNode;
let ids: Ids;
let threadId: ThreadId;

beforeEach(async () => {
  node = await openChatNode();
  ids = new Ids();
  threadId = await groupOf(node, ids, 'alice', ['bob']);
});
afterEach(() => node[Symbol.asyncDispose]());

function send(from: string, text: string, clientMessageId = ids.next()): Promise<AppendOutcome> {
  return node.chat.sendMessage.send(callerOf(from), {
    threadId,
    clientMessageId,
    knownHead: 1n,
    expectedSequence: undefined,
    replyTo: 0n,
    body: { content: { text }, mentions: [], attachments: [] },
  });
}

describe('What waits for one thread', () => {
  it('is appended in the order of the calls, each once', async () => {
    const sent = await Promise.all(Array.from({ length: 300 }, (_, n) => send('alice', `m${n}`)));
    expect(sent.map(({ sequence }) => sequence)).toEqual(sent.map((_, n) => BigInt(n + 2)));
  });

  it('is taken whole, however large the messages are together', async () => {
    const text = 'x'.repeat(65_000);
    const sent = await Promise.all(Array.from({ length: 40 }, () => send('alice', text)));
    expect(sent.map(({ sequence }) => sequence)).toEqual(sent.map((_, n) => BigInt(n + 2)));
  });
});
