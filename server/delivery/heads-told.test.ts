import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HandClock } from '../../test/support/clock.ts';
import { type Device, type DeliveryNode, openDeliveryNode } from '../../test/support/delivery-node.ts';
import { type CountedEmbeddedStore, openCountedEmbeddedStore } from '../../test/support/embedded-counted.ts';
import { type WrittenThread, writeMessages, writeThread } from '../../test/support/many-threads.ts';
import { MemoryBus } from '../bus/memory.ts';
import { topicOf } from '../bus/bus.ts';
import { threadLog, type DeviceId, type ThreadId, type UserId } from '../core/ids.ts';
import { MemoryRegistry } from '../presence/memory.ts';
import type { Opening } from './opening.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

let folder: string;
let clock: HandClock;
let counted: CountedEmbeddedStore;
let node: DeliveryNode;
let joined: Set<string>;

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'parley-heads-'));
  clock = new HandClock();
  counted = await openCountedEmbeddedStore(folder, clock);
  const { store } = counted;
  const bus = new MemoryBus();
  node = await openDeliveryNode({ shared: { clock, store, bus, registry: new MemoryRegistry({ clock, bus, store }) } });
  joined = new Set();
  const join = node.hub.join.bind(node.hub);
  node.hub.join = (topic, listener) => {
    joined.add(topic);
    return join(topic, listener);
  };
});
afterEach(async () => {
  await node[Symbol.asyncDispose]();
  await counted[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Threads of which the last was active so many days ago, and each a quarter of a day after the one before. */
const quiet = (user: string, kind: 'd' | 'g', count: number, days = 300): Promise<WrittenThread[]> =>
  Promise.all(
    Array.from({ length: count }, (_, at) => {
      const atMs = clock.nowMs() - days * dayMs - (count - at) * 6 * hourMs;
      return writeThread(node.store, user as UserId, `${kind}_${user}-${at}`, atMs);
    }),
  );
const say = (user: string, thread: WrittenThread, text: string, atMs = clock.nowMs()): Promise<void> =>
  writeMessages(node.store, user as UserId, thread, [text], atMs);

/** A device that has everything, and what it comes back with. */
async function caughtUp(user: string): Promise<Partial<Opening>> {
  const device = await node.live(user);
  for (const { threadId, sequence } of headsOf(device))
    await device.session.acknowledge(threadId as ThreadId, sequence);
  await node.receipts.settled();
  const [last] = device.all('caughtUp');
  device.break();
  return { resumeToken: last?.resumeToken ?? Buffer.alloc(0) };
}

function headsOf(device: Device): { threadId: string; sequence: bigint; unreadCount: bigint }[] {
  return device.all('headsChanged').flatMap(({ heads }) => heads);
}

function groupsHeard(): string[] {
  return [...joined].filter((topic) => topic.startsWith('thread:')).toSorted();
}

describe('A device that was away for an hour', () => {
  const lookedAt = async (user: string, kind: 'd' | 'g', count: number, days?: number): Promise<unknown> => {
    const threads = await quiet(user, kind, count, days);
    const place = await caughtUp(user);
    clock.turn(hourMs);
    for (const thread of threads.slice(10, 13)) await say(user, thread, 'news');
    // As Hello names what the device was told last, changed or not.
    const positions = new Map(threads.slice(8, 18).map(({ threadId, head }) => [threadId, head.sequence]));
    for (const thread of threads.slice(10, 13)) positions.set(thread.threadId, 1n);
    joined.clear();
    let device!: Device;
    const read = await counted.during(async () => {
      device = await node.live(user, 'd1', { ...place, positions });
    });
    expect(device.all('welcome')[0]?.resumed).toBe(true);
    const told = new Map(headsOf(device).map(({ threadId, unreadCount }) => [threadId, unreadCount]));
    expect(told).toEqual(new Map(threads.slice(10, 13).map(({ threadId }) => [threadId, 1n])));
    for (const { threadId } of threads.slice(10, 13)) expect(device.log(threadId)).toEqual(['2']);
    device.break();
    return { reads: read.reads, rows: read.rows };
  };

  it('costs the same with 50 direct threads and with 2,000', async () => {
    expect(await lookedAt('few', 'd', 50)).toEqual(await lookedAt('many', 'd', 2_000));
  });

  it.each([2, 300])('costs the same with 120 groups and with 2,000 that stood still for %d days', async (days) => {
    expect(await lookedAt('few', 'g', 120, days)).toEqual(await lookedAt('many', 'g', 2_000, days));
  });
});

describe('A device that comes back', () => {
  it('hears all of its groups, however long they stood still, if these are not too many', async () => {
    const groups = await quiet('bob', 'g', 40);
    const place = await caughtUp('bob');
    clock.turn(hourMs);
    joined.clear();
    await node.live('bob', 'd1', place);
    expect(groupsHeard()).toEqual(groups.map(({ threadId }) => String(topicOf.thread(threadId))).toSorted());
  });

  it('hears the hundred that were active last of more, and others in the place of those its user has left', async () => {
    const groups = await quiet('bob', 'g', 150);
    for (const [at, group] of groups.entries()) await say('bob', group, 'hello', clock.nowMs() - dayMs + at);
    const place = await caughtUp('bob');
    clock.turn(hourMs);
    const topics = (from: number, to: number): string[] =>
      groups
        .slice(from, to)
        .map(({ threadId }) => String(topicOf.thread(threadId)))
        .toSorted();
    joined.clear();
    const device = await node.live('bob', 'd1', place);
    expect(groupsHeard()).toEqual(topics(50, 150));
    const [again] = device.all('caughtUp');
    device.break();
    for (const group of groups.slice(90)) await remove(group, 'bob');
    joined.clear();
    await node.live('bob', 'd1', { resumeToken: again?.resumeToken ?? Buffer.alloc(0) });
    expect(groupsHeard()).toEqual(topics(0, 90));
  });

  it('is told what it lacks when the clock is days behind the token', async () => {
    const [thread, other] = await quiet('bob', 'd', 2);
    const place = await caughtUp('bob');
    clock.step(-5 * dayMs);
    await say('bob', thread as WrittenThread, 'in the past', clock.nowMs());
    const device = await node.live('bob', 'd1', place);
    expect(headsOf(device).map(({ threadId }) => threadId)).toEqual([thread?.threadId]);
    expect(device.log((other as WrittenThread).threadId)).toEqual([]);
  });

  it('is told of a thread that it names and lacks something of, however long that stood still', async () => {
    const [thread] = await quiet('bob', 'd', 1);
    const place = await caughtUp('bob');
    await say('bob', thread as WrittenThread, 'never told', clock.nowMs() - 5 * dayMs);
    clock.turn(hourMs);
    const positions = new Map([[(thread as WrittenThread).threadId, 1n]]);
    const device = await node.live('bob', 'd1', { ...place, positions });
    expect(device.log((thread as WrittenThread).threadId)).toEqual(['2']);
  });

  it('has what it says it holds counted as acknowledged, also of a thread of which it is told nothing', async () => {
    const [thread] = await quiet('bob', 'd', 1);
    const threadId = (thread as WrittenThread).threadId;
    const before = await node.live('bob');
    const [last] = before.all('caughtUp');
    before.break();
    clock.turn(hourMs);
    const opening = { resumeToken: last?.resumeToken ?? Buffer.alloc(0), positions: new Map([[threadId, 1n]]) };
    const device = await node.live('bob', 'd1', opening);
    expect(headsOf(device)).toEqual([]);
    await node.receipts.settled();
    expect(await node.store.devicePositions('bob' as UserId, 'd1' as DeviceId, [threadId])).toEqual([1n]);
  });

  it.each([0.25, 3])('is told of what its user read elsewhere meanwhile, of a thread %d days old', async (days) => {
    const [thread, other] = (await quiet('bob', 'd', 2)) as [WrittenThread, WrittenThread];
    for (const one of [thread, other]) await say('bob', one, 'news', clock.nowMs() - days * dayMs);
    const place = await caughtUp('bob');
    clock.turn(hourMs);
    node.receipts.advanceRead('bob' as UserId, thread.threadId, 2n);
    await node.receipts.settled();
    clock.turn(hourMs);
    const device = await node.live('bob', 'd1', place);
    const told = device.all('headsChanged').flatMap(({ heads }) => heads);
    expect(told.map((head) => [head.threadId, head.readSequence, head.unreadCount])).toEqual([
      [thread.threadId, 2n, 0n],
    ]);
    expect(device.log(thread.threadId)).toEqual([]);
    const [again] = device.all('caughtUp');
    device.break();
    clock.turn(hourMs);
    const later = await node.live('bob', 'd1', { resumeToken: again?.resumeToken ?? Buffer.alloc(0) });
    expect(headsOf(later)).toEqual([]);
  });

  it('is not told again what it holds, by a look for what the bus may have lost', async () => {
    const [thread] = await quiet('bob', 'd', 1);
    const { threadId, head } = thread as WrittenThread;
    const place = await caughtUp('bob');
    clock.turn(hourMs);
    const device = await node.live('bob', 'd1', { ...place, positions: new Map([[threadId, 1n]]) });
    const entries = await node.store.entries(threadLog(threadId), { after: 0n, upTo: 1n, limit: 1 });
    node.hub.hear(topicOf.user('bob' as UserId), { type: 'entries', threadId, head, entries, origin: undefined });
    await say('bob', thread as WrittenThread, 'news');
    const news = await node.store.entries(threadLog(threadId), { after: 1n, upTo: 2n, limit: 1 });
    const now = (thread as WrittenThread).head;
    node.hub.hear(topicOf.user('bob' as UserId), {
      type: 'entries',
      threadId,
      head: now,
      entries: news,
      origin: undefined,
    });
    await device.until(() => device.log(threadId).length > 0);
    expect(device.log(threadId)).toEqual(['2']);
  });

  it('has no bodies read for it beyond what its window takes, however many threads it names', async () => {
    const reads = async (user: string, count: number): Promise<number> => {
      const threads = await quiet(user, 'd', count);
      const place = await caughtUp(user);
      clock.turn(hourMs);
      const texts = Array.from({ length: 20 }, (_, at) => `news ${at}`);
      for (const thread of threads) await writeMessages(node.store, user as UserId, thread, texts, clock.nowMs());
      const positions = new Map(threads.map(({ threadId }) => [threadId, 1n]));
      let device!: Device;
      const read = await counted.during(async () => {
        device = await node.live(user, 'd1', { ...place, positions });
      });
      const told = device.all('entriesAppended').reduce((sum, { entries }) => sum + entries.length, 0);
      expect([told, headsOf(device).length]).toEqual([240, count]);
      device.break();
      return read.reads;
    };
    expect(await reads('few', 60)).toBe(await reads('many', 200));
  });

  it('is told heads in frames of 500, the newest first, before anything else', async () => {
    const threads = await quiet('bob', 'd', 1_200);
    const device = await node.live('bob');
    const kinds = device.told.map(({ $case }) => $case);
    expect(kinds.slice(0, 4)).toEqual(['welcome', 'headsChanged', 'headsChanged', 'headsChanged']);
    expect(kinds.slice(4)).not.toContain('headsChanged');
    expect(device.all('headsChanged').map(({ heads }) => heads.length)).toEqual([500, 500, 200]);
    expect(headsOf(device).map(({ threadId }) => threadId)).toEqual(threads.map((one) => one.threadId).toReversed());
    // Of the others only the heads.
    expect(new Set(device.all('entriesAppended').map(({ threadId }) => threadId)).size).toBe(20);
  });
});

async function remove(group: WrittenThread, user: string): Promise<void> {
  const inbox = [{ userId: user as UserId, member: false }];
  const change = { kind: 'member-removed', userId: user as UserId } as const;
  const entry = {
    senderId: 'other' as UserId,
    deviceId: 'd' as DeviceId,
    clientMessageId: '',
    fingerprint: '',
    change,
  };
  const log = threadLog(group.threadId);
  await node.store.append(log, { expected: group.head, entries: [entry], nowMs: clock.nowMs(), inbox });
}
