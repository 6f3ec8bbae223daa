// A channel heard on two nodes with Redis between them, also when Redis is paused, emptied or cut off.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { RedisServer } from '../../platform/redis.ts';
import { parseChannelId, type UserId } from '../../server/core/ids.ts';
import type { DeliveryClass } from '../../server/delivery/channels/channel.ts';
import { callerOf, Ids } from '../support/chat-node.ts';
import type { DeliveryNode, Device } from '../support/delivery-node.ts';
import { oneRedis, type TestRedis } from '../support/redis.ts';
import { openRedisNodes, type RedisNodes } from '../support/redis-nodes.ts';
import { needs } from '../support/skip.ts';

const post = parseChannelId('post:1');
const everything: DeliveryClass = { kind: 'everything' };

const numbers = (device: Device): bigint[] =>
  device.all('commentBatch').flatMap(({ comments }) => comments.map(({ number }) => number));
const texts = (device: Device): string[] =>
  device.all('commentBatch').flatMap(({ comments }) => comments.map(({ text }) => text));
const upTo = (count: number): bigint[] => Array.from({ length: count }, (_, at) => BigInt(at + 1));

needs('redis')('a channel on two nodes', () => {
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

  const listen = async (
    node: DeliveryNode,
    user: string,
    deliveryClass: DeliveryClass = everything,
  ): Promise<Device> => {
    const device = await nodes.live(node, user);
    await device.session.channels.subscribe(post, deliveryClass, undefined);
    return device;
  };

  /** Publishes; the outcome shows in `outcomes` once the nodes' time has passed for it. */
  const outcomes: PromiseSettledResult<unknown>[] = [];
  const say = (node: DeliveryNode, user: string, text: string, clientMessageId = ids.next()): void => {
    const draft = { clientMessageId, text, replyTo: 0n, mentions: [] };
    void Promise.allSettled([node.chat.channels.publish(callerOf(user), post, draft)]).then(([outcome]) =>
      outcomes.push(outcome),
    );
  };
  beforeEach(() => void outcomes.splice(0));

  test('what is said on both is numbered once and heard on both in one order', async () => {
    const devices = [await listen(here, 'ann'), await listen(there, 'bob')];
    for (let n = 0; n < 50; n += 1) {
      say(here, 'ann', `here ${n}`);
      say(there, 'bob', `there ${n}`);
    }
    await nodes.passUntil(() => devices.every((device) => numbers(device).length === 100), 20_000);
    for (const device of devices) expect(numbers(device)).toEqual(upTo(100));
    const [ann, bob] = devices.map(texts);
    expect(ann).toEqual(bob);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(100);
  });

  test('listeners of one class hear the same sample on both', async () => {
    const sampled: DeliveryClass = { kind: 'sampled', maxRate: 3 };
    const devices = [await listen(here, 'ann', sampled), await listen(there, 'bob', sampled)];
    const ends = (device: Device): boolean => device.all('commentBatch').at(-1)?.toNumber === 60n;
    for (let n = 0; n < 60; n += 1) say(here, 'carol', `c${n}`);
    await nodes.passUntil(() => devices.every(ends), 20_000);
    const [ann, bob] = devices.map(numbers);
    expect(ann).toEqual(bob);
    expect(ann?.length).toBeLessThan(60);
  });

  test('moderators hold on the other node too', async () => {
    const bob = await listen(there, 'bob');
    const change = { kind: 'moderator-changed', userId: 'mod' as UserId, moderator: true } as const;
    await here.chat.channels.change(post, 'mod' as UserId, change);
    say(there, 'bob', 'rude');
    await nodes.passUntil(() => numbers(bob).length === 1, 5_000);
    await here.chat.channels.delete(callerOf('mod'), post, 1n);
    await here.chat.channels.restrict(callerOf('mod'), post, 'bob' as UserId, nodes.clock.nowMs() + 3_600_000);
    await nodes.passUntil(
      () => bob.all('commentBatch').some(({ deletedNumbers }) => deletedNumbers.includes(1n)),
      5_000,
    );
    // What is remembered there is 5 s old at most.
    nodes.clock.turn(6_000);
    say(there, 'bob', 'again');
    await nodes.passUntil(() => outcomes.length === 2, 5_000);
    expect(outcomes[1]).toMatchObject({ status: 'rejected', reason: { reason: 'RESTRICTED' } });
  });

  test('while Redis is away comments are refused, and when it is back they go on, the same one taken once', async () => {
    const [ann, bob] = [await listen(here, 'ann'), await listen(there, 'bob')];
    say(here, 'ann', 'before');
    await nodes.passUntil(() => numbers(bob).length === 1, 5_000);
    server.pause();
    say(here, 'ann', 'amid', 'the-one');
    await nodes.passUntil(() => outcomes.length === 2, 120_000);
    expect(outcomes[1]).toMatchObject({ status: 'rejected', reason: { reason: 'STORE_UNAVAILABLE' } });
    server.resume();
    const isTaken = (): boolean => outcomes.some((outcome, at) => at > 1 && outcome.status === 'fulfilled');
    while (!isTaken()) {
      const before = outcomes.length;
      say(here, 'ann', 'amid', 'the-one');
      await nodes.passUntil(() => outcomes.length > before, 120_000);
    }
    await nodes.passUntil(() => [ann, bob].every((device) => texts(device).includes('amid')), 120_000);
    for (const device of [ann, bob]) expect(texts(device)).toEqual(['before', 'amid']);
  });

  test('an emptied Redis begins a later epoch, which all are told of before anything of it', async () => {
    const devices = [await listen(here, 'ann'), await listen(there, 'bob')];
    say(here, 'ann', 'old');
    await nodes.passUntil(() => devices.every((device) => numbers(device).length === 1), 5_000);
    await server.call('FLUSHALL');
    say(there, 'bob', 'new');
    await nodes.passUntil(() => devices.every((device) => texts(device).includes('new')), 20_000);
    for (const device of devices) {
      const epochs = device.all('channelChanged').map(({ channel }) => channel?.epoch ?? 0n);
      const batch = device.all('commentBatch').at(-1);
      expect(batch?.epoch).toBeGreaterThan(epochs[0] ?? 0n);
      const told = device.told.filter(({ $case }) => $case === 'channelChanged' || $case === 'commentBatch');
      const begun = told.findIndex(
        (frame) => frame.$case === 'channelChanged' && frame.value.channel?.epoch === batch?.epoch,
      );
      const heard = told.findIndex((frame) => frame.$case === 'commentBatch' && frame.value.epoch === batch?.epoch);
      expect(begun).toBeGreaterThan(0);
      expect(begun).toBeLessThan(heard);
    }
  });

  test('all nodes count the listeners of all', async () => {
    await listen(here, 'ann');
    const bob = await listen(there, 'bob');
    await nodes.passUntil(() => bob.all('channelStats').at(-1)?.listenerCount === 2n, 30_000);
    const described = await here.chat.channels.describe(post);
    expect(described.listeners).toBe(2);
  });
});
