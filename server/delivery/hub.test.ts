import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ids, groupOf, post } from '../../test/support/chat-node.ts';
import { type DeliveryNode, openDeliveryNode, turn, turns } from '../../test/support/delivery-node.ts';
import { StoreGate } from '../../test/support/store-gate.ts';
import { topicOf } from '../bus/bus.ts';
import type { Change } from '../core/entry.ts';
import { noDevice, threadLog, type ThreadId, type UserId } from '../core/ids.ts';
import type { AppendResult } from '../store/store.ts';
import type { EntryBatch } from './entry-batch.ts';
import type { TopicListener } from './hub.ts';

let node: DeliveryNode;
let gate: StoreGate;
let ids: Ids;

beforeEach(async () => {
  gate = new StoreGate();
  node = await openDeliveryNode({ storeBehind: gate.behind });
  ids = new Ids();
});
afterEach(() => node[Symbol.asyncDispose]());

class Ear implements TopicListener {
  readonly batches: EntryBatch[] = [];

  hearEntries(batch: EntryBatch): void {
    this.batches.push(batch);
  }

  hearEvent(): void {}

  get sequences(): bigint[] {
    return this.batches.flatMap(({ entries }) => entries.map(({ sequence }) => sequence));
  }
}

/** Listens to a group, as so many that its events wait for one another. */
async function crowd(threadId: ThreadId): Promise<Ear> {
  const ears = Array.from({ length: 500 }, () => new Ear());
  for (const ear of ears) await node.hub.join(topicOf.thread(threadId), ear);
  return ears[0] ?? new Ear();
}

describe('The hub', () => {
  it('subscribes to a topic with its first listener and leaves it with its last', async () => {
    const threadId = await groupOf(node, ids, 'alice');
    const [one, other] = [new Ear(), new Ear()];
    await node.hub.join(topicOf.thread(threadId), one);
    await node.hub.join(topicOf.thread(threadId), other);
    expect(node.hub.topics).toBe(1);
    node.hub.leave(topicOf.thread(threadId), one);
    await post(node, ids, 'alice', threadId, 'hello');
    node.hub.leave(topicOf.thread(threadId), other);
    await post(node, ids, 'alice', threadId, 'nobody hears this');
    expect([one.sequences, other.sequences]).toEqual([[], [2n]]);
    expect(node.hub.topics).toBe(0);
  });

  it('puts what a busy topic brings within a tick into one batch, the same for all', async () => {
    const threadId = await groupOf(node, ids, 'alice');
    const ear = await crowd(threadId);
    node.clock.turn(1_000);
    for (let n = 0; n < 10; n += 1) await post(node, ids, 'alice', threadId, `m${n}`);
    node.clock.turn(100);
    expect(ear.batches.map(({ first, last }) => [first, last])).toEqual([
      [2n, 2n],
      [3n, 11n],
    ]);
  });

  it('makes no batch so large that a client could not take it', async () => {
    const threadId = await groupOf(node, ids, 'alice');
    const ear = await crowd(threadId);
    node.clock.turn(1_000);
    const text = 'x'.repeat(60_000);
    await Promise.all(Array.from({ length: 100 }, () => post(node, ids, 'alice', threadId, text)));
    node.clock.turn(100);
    expect(ear.sequences).toEqual(Array.from({ length: 100 }, (_, n) => BigInt(n + 2)));
    expect(Math.max(...ear.batches.map(({ bytes }) => bytes))).toBeLessThan(128 * 1_024);
  });

  it('hands an entry over only with a view of the members that is as new', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    const members: (readonly string[])[] = [];
    await node.hub.join(topicOf.thread(threadId), {
      hearEntries: (_, view) => void members.push([...view.members.keys()]),
      hearEvent: () => undefined,
    });
    await publishWithLostRemoval(threadId);
    await until(() => members.length > 0);
    expect(members).toEqual([['alice']]);
  });

  it('tells what it could not judge once the members can be read again, and what came after it behind it', async () => {
    const threadId = await groupOf(node, ids, 'alice', ['bob']);
    const ear = new Ear();
    await node.hub.join(topicOf.thread(threadId), ear);
    gate.refuse('rows');
    await publishWithLostRemoval(threadId);
    await turns();
    expect(ear.sequences).toEqual([]);
    gate.admit();
    await post(node, ids, 'alice', threadId, 'later');
    await node.clock.turnSlowly(2_000, 100);
    await until(() => ear.sequences.length > 1);
    expect(ear.sequences).toEqual([3n, 4n]);
  });

  /** Another node removes bob and changes the group's name; the event of the removal is lost on its way. */
  async function publishWithLostRemoval(threadId: ThreadId): Promise<void> {
    await append(threadId, { kind: 'member-removed', userId: 'bob' as UserId });
    const { entries, head } = await append(threadId, {
      kind: 'group-changed',
      name: 'new',
      historyForNewMembers: false,
    });
    await node.bus.publish(topicOf.thread(threadId), { type: 'entries', threadId, head, entries, origin: undefined });
  }

  async function append(threadId: ThreadId, change: Change): Promise<Appended> {
    const log = threadLog(threadId);
    const expected = await node.store.head(log);
    const entry = { senderId: 'alice' as UserId, deviceId: noDevice, clientMessageId: '', fingerprint: '', change };
    const result = await node.store.append(log, { expected, entries: [entry], nowMs: 0, inbox: [] });
    if (result.outcome !== 'appended') throw new Error(result.outcome);
    return result;
  }
});

type Appended = Extract<AppendResult, { outcome: 'appended' }>;

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}
