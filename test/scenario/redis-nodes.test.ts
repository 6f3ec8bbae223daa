// Two nodes with Redis between them: what devices on one hear of what is done on the other, also when Redis or an event is lost.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ThreadId, threadLog, type UserId, userLog } from '../../server/core/ids.ts';
import type { RedisServer } from '../../platform/redis.ts';
import { append, change, created, members, message } from '../contract/samples.ts';
import { callerOf, groupOf, Ids, post } from '../support/chat-node.ts';
import type { DeliveryNode, Device } from '../support/delivery-node.ts';
import { oneRedis, type TestRedis } from '../support/redis.ts';
import { openRedisNodes, type RedisNodes } from '../support/redis-nodes.ts';
import { needs } from '../support/skip.ts';

/** Time of the nodes within which what was lost is told: the bound on lateness, and a little for what is looked up. */
const boundMs = 125_000;

const states = (device: Device): string[] =>
  device.all('presenceChanged').flatMap(({ presences }) => presences.map(({ state }) => String(state)));

needs('redis')('two nodes', () => {
  let redis: TestRedis;
  let server: RedisServer;
  let nodes: RedisNodes;
  let here: DeliveryNode;
  let there: DeliveryNode;
  let ids: Ids;
  beforeAll(async () => {
    redis = await oneRedis();
    [server] = redis.servers as [RedisServer];
  });
  afterAll(() => redis[Symbol.asyncDispose]());
  beforeEach(async () => {
    nodes = await openRedisNodes(redis, 2);
    [here, there] = nodes.nodes as [DeliveryNode, DeliveryNode];
    ids = new Ids();
  });
  afterEach(() => nodes[Symbol.asyncDispose]());

  const hears = (device: Device, thread: ThreadId, sequence: bigint) => (): boolean =>
    device.log(thread).includes(String(sequence));

  const directThread = (): Promise<ThreadId> => here.chat.openThread.direct(callerOf('alice'), 'bob' as UserId);

  test('people on both talk, in a direct thread and in a group', async () => {
    const [alice, bob] = [await nodes.live(here, 'alice'), await nodes.live(there, 'bob')];
    const direct = await directThread();
    const group = await groupOf(here, ids, 'alice', ['bob']);
    const first = await post(here, ids, 'alice', direct, 'hello');
    await nodes.passUntil(hears(bob, direct, first), 5_000);
    await nodes.passUntil(() => bob.log(group).length > 0, 5_000);
    const answer = await post(there, ids, 'bob', group, 'hello all');
    await nodes.passUntil(hears(alice, group, answer), 5_000);
  });

  test('a device that opens on the other node ends its older session there', async () => {
    const older = await nodes.live(here, 'alice');
    await nodes.live(there, 'alice');
    await nodes.passUntil(() => older.ended !== undefined, 5_000);
    expect(older.ended?.goodbye.reason).toBe('superseded');
  });

  test('what was said while Redis is paused is heard by the own node at once, by the other when Redis is back', async () => {
    const [alice, bob, carol] = [
      await nodes.live(here, 'alice'),
      await nodes.live(there, 'bob'),
      await nodes.live(here, 'carol'),
    ];
    const group = await groupOf(here, ids, 'alice', ['bob', 'carol']);
    await nodes.passUntil(() => bob.log(group).length > 0 && carol.log(group).length > 0, 5_000);
    server.pause();
    const said: bigint[] = [];
    for (let n = 0; n < 3; n++) said.push(await post(here, ids, 'alice', group, `lost ${n}`));
    await nodes.passUntil(hears(carol, group, said[2] as bigint), 1_000);
    expect(bob.log(group)).not.toContain(String(said[2]));
    // Longer than a publish may be in doubt.
    await expect.poll(() => here.publisher.owed, { timeout: 10_000 }).toBeGreaterThan(0);
    server.resume();
    await nodes.passUntil(hears(bob, group, said[2] as bigint), 15_000);
    // In order, each once, as if nothing had been.
    const expected = ['1', ...said.map(String)];
    expect([bob.log(group), carol.log(group)]).toEqual([expected, expected]);
    expect(alice.ended).toBeUndefined();
  });

  test('a stream opens while Redis is away, and hears of the other node when it is back', async () => {
    const direct = await directThread();
    await server.kill();
    const [alice, bob] = [await nodes.live(here, 'alice'), await nodes.live(there, 'bob')];
    const said = await post(here, ids, 'alice', direct, 'are you there?');
    await expect.poll(() => here.publisher.owed, { timeout: 10_000 }).toBeGreaterThan(0);
    await server.restart();
    await nodes.passUntil(hears(bob, direct, said), 15_000);
    const answer = await post(there, ids, 'bob', direct, 'yes');
    await nodes.passUntil(hears(alice, direct, answer), 15_000);
  });

  test('of two sessions of a device that opened on two nodes while Redis was away the newer one stays', async () => {
    await server.kill();
    const older = await nodes.live(here, 'alice');
    nodes.clock.turn(10);
    const newer = await nodes.live(there, 'alice');
    expect(older.ended).toBeUndefined();
    await server.restart();
    await nodes.passUntil(() => older.ended !== undefined, 30_000);
    expect([older.ended?.goodbye.reason, newer.ended]).toEqual(['superseded', undefined]);
  });

  test('what a node appended and did not live to publish is told within the bound', async () => {
    const alice = await nodes.live(here, 'alice');
    const direct = await directThread();
    const group = await groupOf(here, ids, 'bob', ['alice']);
    await nodes.passUntil(() => alice.log(direct).length > 0 && alice.log(group).length > 0, 5_000);
    // So that the first looks are past.
    nodes.clock.turn(3_000);
    for (const thread of [direct, group]) {
      const log = threadLog(thread);
      const inbox = members('alice' as UserId, 'bob' as UserId).map(({ userId }) => ({ userId }));
      const nowMs = nodes.clock.nowMs();
      const sent = message('unpublished', { senderId: 'bob' as UserId });
      await append(nodes.store, log, await nodes.store.head(log), [sent], { inbox, nowMs });
    }
    const own = userLog('alice' as UserId);
    const pinned = { muteUntilMs: 0, pinned: true, archived: false };
    const setting = change({ kind: 'thread-settings-changed', threadId: group, ...pinned }, 'alice' as UserId);
    const head = await nodes.store.head(own);
    await append(nodes.store, own, head && { ...head, membersSequence: 0n }, [setting], { nowMs: nodes.clock.nowMs() });
    const sequenceOf = async (thread: ThreadId): Promise<bigint> =>
      (await nodes.store.head(threadLog(thread)))!.sequence;
    const [inDirect, inGroup] = [await sequenceOf(direct), await sequenceOf(group)];
    const heardAll = (): boolean =>
      hears(alice, direct, inDirect)() &&
      hears(alice, group, inGroup)() &&
      alice
        .all('userEntriesAppended')
        .some(({ entries }) => entries.some((one) => one.sequence === head!.sequence + 1n));
    await nodes.passUntil(heardAll, boundMs);
    expect(new Set(alice.log(group)).size).toBe(alice.log(group).length);
  });

  test('a group that a user was put into, and one they were removed from, unheard, are told within the bound', async () => {
    const alice = await nodes.live(here, 'alice');
    const left = await groupOf(here, ids, 'bob', ['alice']);
    await nodes.passUntil(() => alice.log(left).length > 0, 5_000);
    nodes.clock.turn(3_000);
    const removal = change({ kind: 'member-removed', userId: 'alice' as UserId }, 'bob' as UserId);
    const leftHead = await nodes.store.head(threadLog(left));
    const gone = { userId: 'alice' as UserId, member: false };
    await append(nodes.store, threadLog(left), leftHead, [removal], { inbox: [gone], nowMs: nodes.clock.nowMs() });
    const entered = 'g_entered' as ThreadId;
    const inbox = members('bob' as UserId, 'alice' as UserId);
    const beginning = created('bob' as UserId, 'alice' as UserId);
    await append(nodes.store, threadLog(entered), undefined, [beginning], { inbox, nowMs: nodes.clock.nowMs() });
    await nodes.passUntil(() => hears(alice, entered, 1n)() && hears(alice, left, leftHead!.sequence + 1n)(), boundMs);
    // From now on what is said there is heard as ever.
    const said = await post(there, ids, 'bob', entered, 'welcome');
    await nodes.passUntil(hears(alice, entered, said), 5_000);
  });

  test('what was said while the subscriptions of a node were cut is told soon after', async () => {
    const bob = await nodes.live(there, 'bob');
    const group = await groupOf(here, ids, 'alice', ['bob']);
    await nodes.passUntil(() => bob.log(group).length > 0, 5_000);
    await server.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    const said = await post(here, ids, 'alice', group, 'into the void');
    await nodes.passUntil(hears(bob, group, said), 30_000);
  });

  test('a change of presence that was lost is told after the interruption', async () => {
    await groupOf(here, ids, 'alice', ['bob']);
    const alice = await nodes.live(here, 'alice');
    await alice.session.watchPresence(['bob' as UserId]);
    const before = states(alice).length;
    await server.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await nodes.live(there, 'bob');
    await nodes.passUntil(() => states(alice).length > before, 30_000);
  });
});
