import { afterEach, describe, expect, it } from 'vitest';
import { callerOf, groupOf, Ids, reasonOf } from '../../test/support/chat-node.ts';
import { HotNodes } from '../../test/support/hot-nodes.ts';
import type { ThreadId } from '../core/ids.ts';
import type { AppendOutcome } from './draft.ts';
import { nodeOf } from './hot-threads.ts';

let nodes: HotNodes;
let ids: Ids;
let threadId: ThreadId;
const people = Array.from({ length: 9 }, (_, n) => `user${n}`);

async function start(options: { readonly routing: boolean }): Promise<void> {
  nodes = await HotNodes.open(3, options);
  ids = new Ids();
  threadId = await groupOf(nodes.at(0), ids, 'user0', people.slice(1));
}
afterEach(() => nodes[Symbol.asyncDispose]());

function send(
  at: number,
  from: string,
  text: string,
  more: { readonly clientMessageId?: string; readonly expectedSequence?: bigint } = {},
): Promise<AppendOutcome> {
  return nodes.at(at).chat.sendMessage.send(callerOf(from), {
    threadId,
    clientMessageId: more.clientMessageId ?? ids.next(),
    knownHead: 1n,
    expectedSequence: more.expectedSequence,
    replyTo: 0n,
    body: { content: { text }, mentions: [], attachments: [] },
  });
}

/** Everybody sends so many, on three nodes at once, a few ahead of the replies; what came of it. */
async function storm(each: number): Promise<void> {
  const sent = await Promise.all(
    people.map(async (from, person) => {
      const outcomes: AppendOutcome[] = [];
      for (let n = 0; n < each; n += 2) {
        const two = [0, 1].map((next) => send(person % 3, from, `${from} ${n + next}`));
        outcomes.push(...(await Promise.all(two)));
      }
      return outcomes;
    }),
  );
  const texts = await nodes.texts(threadId);
  expect(texts).toHaveLength(people.length * each);
  for (const [person, outcomes] of sent.entries()) {
    const own = texts.filter((text) => text.startsWith(`${people[person]} `));
    expect(own).toEqual(Array.from({ length: each }, (_, n) => `${people[person]} ${n}`));
    expect(outcomes.map(({ sequence }) => texts[Number(sequence) - 2])).toEqual(own);
    expect(outcomes.filter(({ duplicate }) => duplicate)).toEqual([]);
  }
}

const chosen = (): number => Number(nodeOf(threadId, ['n0', 'n1', 'n2'])?.slice(1));
/** A node that is not the one, and the next that is not either. */
const others = (): [number, number] => [0, 1, 2].filter((at) => at !== chosen()) as [number, number];

describe('A thread that three nodes append to at once', () => {
  it("has every message once and in its sender's order, with routing and without; routed there are fewer conflicts", async () => {
    const conflicts: number[] = [];
    for (const routing of [false, true]) {
      await start({ routing });
      await storm(40);
      conflicts.push(nodes.conflicts);
      expect(nodes.routed > 0).toBe(routing);
      if (!routing) await nodes[Symbol.asyncDispose]();
    }
    const [without, routed] = conflicts as [number, number];
    expect(routed).toBeLessThan(without / 2);
  });

  it('is appended to by one node only while it is hot: after some calm each node appends for itself', async () => {
    await start({ routing: true });
    await nodes.heat(threadId);
    const [other] = others();
    const before = nodes.routed;
    await send(other, 'user1', 'hot');
    expect(nodes.routed).toBe(before + 1);
    nodes.clock.turn(10_500);
    await send(other, 'user1', 'calm');
    expect(nodes.routed).toBe(before + 1);
  });

  it('is never routed for longer than two minutes without a new reason', async () => {
    await start({ routing: true });
    await nodes.heat(threadId);
    const [other] = others();
    for (let s = 0; s < 119; s++) {
      nodes.clock.turn(1_000);
      await nodes.settled();
      await send(other, 'user1', `after ${s}`);
    }
    expect(nodes.routed).toBe(119);
    nodes.clock.turn(2_000);
    await send(other, 'user1', 'anew');
    expect(nodes.routed).toBe(119);
  });
});

describe('A routed send', () => {
  it('is judged where it is appended, and its refusal comes back as it was', async () => {
    await start({ routing: true });
    await nodes.heat(threadId);
    const [other] = others();
    expect(await reasonOf(send(other, 'stranger', 'let me in'))).toBe('THREAD_NOT_FOUND');
    expect(await reasonOf(send(other, 'user1', 'there', { expectedSequence: 99n }))).toBe('SEQUENCE_MISMATCH');
    const first = await send(other, 'user1', 'once', { clientMessageId: 'mine' });
    expect(await send(other, 'user1', 'once', { clientMessageId: 'mine' })).toEqual({ ...first, duplicate: true });
    expect(await reasonOf(send(other, 'user1', 'twice', { clientMessageId: 'mine' }))).toBe('ID_REUSED');
    expect(nodes.routed).toBe(5);
  });

  it('moves the read position of its author, who may acknowledge it at once', async () => {
    await start({ routing: true });
    await nodes.heat(threadId);
    const [other] = others();
    const device = await nodes.at(other).live('user1');
    nodes.deafen();
    const { sequence } = await send(other, 'user1', 'mine');
    await device.session.acknowledge(threadId, sequence);
    await device.session.markRead(threadId, sequence);
    expect(await reasonOf(device.session.markRead(threadId, sequence + 1n))).toBe('POSITION_AHEAD');
  });

  it('is not routed on by a node that thinks another one is the one', async () => {
    await start({ routing: true });
    await nodes.heat(threadId);
    const [other, another] = others();
    // They disagree: this one believes that only the other one lives.
    nodes.believe(other, [`n${another}`]);
    await send(other, 'user1', 'astray');
    expect(nodes.routed).toBe(1);
  });

  it('is appended here when its node does not answer, once, and the node gets nothing for a while, the longer the more often', async () => {
    await start({ routing: true });
    await nodes.heat(threadId);
    const [other] = others();
    // It appends, and its answer is lost.
    nodes.loseAnswers(chosen());
    const { sequence } = await send(other, 'user1', 'in doubt', { clientMessageId: 'mine' });
    expect((await nodes.texts(threadId)).filter((text) => text === 'in doubt')).toHaveLength(1);
    expect(await send(other, 'user1', 'in doubt', { clientMessageId: 'mine' })).toMatchObject({ sequence });
    expect(nodes.asked).toEqual([chosen()]);
    nodes.clock.turn(600);
    await send(other, 'user1', 'again in doubt');
    expect(nodes.asked).toEqual([chosen(), chosen()]);
    nodes.clock.turn(600);
    await send(other, 'user1', 'not asked');
    expect(nodes.asked).toEqual([chosen(), chosen()]);
  });

  it('is appended here when nobody knows which nodes live', async () => {
    await start({ routing: true });
    await nodes.heat(threadId);
    const [other] = others();
    nodes.believe(other, undefined);
    await send(other, 'user1', 'alone');
    expect(nodes.routed).toBe(0);
  });
});

describe('The node of a thread', () => {
  const threads = Array.from({ length: 3_000 }, (_, n) => `g_${n}` as ThreadId);

  it('is the same in whatever order the nodes are known, and nodes have about as many threads each', () => {
    const counts = new Map<string, number>();
    for (const thread of threads) {
      const node = nodeOf(thread, ['a', 'b', 'c']) ?? '';
      expect(nodeOf(thread, ['c', 'a', 'b'])).toBe(node);
      counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
    expect(counts.size).toBe(3);
  });

  it('stays when another node comes or goes', () => {
    for (const thread of threads) {
      const node = nodeOf(thread, ['a', 'b', 'c']);
      if (node !== 'c') expect(nodeOf(thread, ['a', 'b'])).toBe(node);
    }
    expect(nodeOf('g_1' as ThreadId, [])).toBeUndefined();
  });
});
