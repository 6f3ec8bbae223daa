import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { topicOf } from '../../server/bus/bus.ts';
import { RedisBus } from '../../server/bus/redis.ts';
import { RedisCommentLog } from '../../server/comments/redis.ts';
import { systemClock } from '../../server/core/clock.ts';
import type { NewComment } from '../../server/core/comment.ts';
import { Refusal } from '../../server/core/errors.ts';
import { slotOf } from '../../server/redis/slots.ts';
import type { RedisServer } from '../../platform/redis.ts';
import { until } from '../../platform/wait.ts';
import { clusterOfRedis, disposeAll, newPrefix, oneRedis, shardsOn, type TestRedis } from '../support/redis.ts';
import { isSkipped, needs } from '../support/skip.ts';
import { commentLogContract, type CommentNode, type CommentNodes } from './comment-log.ts';
import { all, ChannelEar, comment, comments, kept, newChannel, numbersOf } from './comment-samples.ts';

const withinMs = 20_000;
const dayMs = 86_400_000;

/** A node that was reached: its log and its bus. */
async function open(redis: TestRedis, nodeId: string, prefix: string, problems: Error[] = []): Promise<CommentNode> {
  const bus = new RedisBus({ settings: redis.settings, clock: systemClock, prefix });
  await bus.ready();
  const shards = await shardsOn(redis);
  return { bus, log: new RedisCommentLog({ shards, nodeId, prefix, onProblem: (one) => problems.push(one) }) };
}

async function nodesOn(redis: TestRedis): Promise<CommentNodes> {
  const prefix = newPrefix();
  const [here, there] = [await open(redis, 'n1', prefix), await open(redis, 'n2', prefix)];
  return {
    here,
    there,
    pass: () => undefined,
    [Symbol.asyncDispose]: () => disposeAll([here.log, here.bus, there.log, there.bus, redis]),
  };
}

if (!isSkipped('redis')) {
  commentLogContract('the comment log on one Redis', async () => nodesOn(await oneRedis()));
  commentLogContract('the comment log on a Redis Cluster', async () => nodesOn(await clusterOfRedis({ replicas: 0 })));
}

needs('redis')('comments in Redis', () => {
  const prefix = 'comments:';
  const opened: AsyncDisposable[] = [];
  const problems: Error[] = [];
  let redis: TestRedis;
  let server: RedisServer;
  beforeAll(async () => {
    redis = await oneRedis({ 'enable-debug-command': 'yes' });
    [server] = redis.servers as [RedisServer];
  });
  afterEach(async () => {
    await disposeAll(opened.splice(0));
    problems.length = 0;
  });
  afterAll(() => redis[Symbol.asyncDispose]());

  async function openNode(nodeId = 'n1'): Promise<CommentNode> {
    const node = await open(redis, nodeId, prefix, problems);
    opened.push(node.log, node.bus);
    return node;
  }

  async function reasonOf(work: Promise<unknown>): Promise<string> {
    try {
      await work;
    } catch (error) {
      if (error instanceof Refusal) return error.reason;
      throw error;
    }
    return 'none';
  }

  test('keys of a channel are in the slot of the shard channel of its topic, and go when nobody speaks', async () => {
    const { log } = await openNode();
    const channel = newChannel();
    await log.publish(channel, [comment('a', { slowModeMs: 60_000 })], kept);
    await log.countListeners(channel, 1);
    const keys = (await server.call('KEYS', `*${channel}*`)) as string[];
    expect(new Set(keys.map(slotOf))).toEqual(new Set([slotOf(prefix + topicOf.post(channel))]));
    const expected = { state: 30 * dayMs, kept: kept.forMs, ids: kept.forMs, slow: 60_000, listeners: 30_000 };
    expect(keys.map((key) => key.slice(key.lastIndexOf(':') + 1)).toSorted()).toEqual(Object.keys(expected).toSorted());
    for (const key of keys) {
      const mostMs = expected[key.slice(key.lastIndexOf(':') + 1) as keyof typeof expected];
      const leftMs = Number(await server.call('PTTL', key));
      expect(leftMs).toBeGreaterThan(mostMs - withinMs);
      expect(leftMs).toBeLessThanOrEqual(mostMs);
    }
  });

  test('what is kept in Redis for a channel is bounded by the rule: comments, ids and who spoke', async () => {
    const { log } = await openNode();
    const channel = newChannel();
    const tag = `{${prefix}${topicOf.post(channel)}}`;
    const sizes = async (): Promise<unknown> => [
      await server.call('HLEN', `${tag}:kept`),
      await server.call('HLEN', `${tag}:ids`),
    ];
    for (let batch = 0; batch < 8; batch++) await log.publish(channel, comments(256), { ...kept, count: 2_000 });
    expect(await sizes()).toEqual([2_000, 2_000]);
    // A rule that takes much away does so in steps.
    const less = { ...kept, count: 100 };
    await log.publish(channel, comments(1), less);
    expect(await sizes()).toEqual([1_744, 1_744]);
    for (let batch = 0; batch < 7; batch++) await log.publish(channel, comments(1), less);
    expect(await sizes()).toEqual([100, 100]);
    await log.publish(channel, comments(1), { ...kept, count: 0 });
    expect(await sizes()).toEqual([0, 0]);
    // One who spoke too long ago is not kept: with the shortest slow mode all are.
    const said = Array.from({ length: 200 }, (_, at) =>
      comment('s', { senderId: `u${at}` as never, slowModeMs: 60_000 }),
    );
    await log.publish(channel, said, kept);
    expect(await server.call('ZCARD', `${tag}:slow`)).toBe(200);
    await until(
      async () => {
        await log.publish(channel, [comment('s', { senderId: 'last' as never, slowModeMs: 1 })], kept);
        return Number(await server.call('ZCARD', `${tag}:slow`)) <= 1 || undefined;
      },
      { what: 'those who spoke to be forgotten', withinMs },
    );
  });

  test('what is too old and not taken away yet is neither known nor answered, and its id stays with who has it now', async () => {
    const { log, bus } = await openNode();
    const channel = newChannel();
    const tag = `{${prefix}${topicOf.post(channel)}}`;
    const brief = { ...kept, forMs: 2_000 };
    const said = comments(256);
    const last = said[255] as NewComment;
    await log.publish(channel, comments(256), kept);
    await log.publish(channel, said, brief);
    // As when somebody had spoken meanwhile.
    for (const key of [`${tag}:kept`, `${tag}:ids`]) expect(await server.call('PERSIST', key)).toBe(1);
    await until(async () => (await all(log, channel)).length === 0 || undefined, {
      what: 'all to be too old',
      withinMs,
    });
    expect(await log.delete(channel, 512n)).toBe(false);
    expect(await log.pin(channel, 512n)).toBe(false);
    const ear = await ChannelEar.on({ bus }, channel);
    const answers = await log.publish(channel, [last, comment('reply', { replyTo: 512n })], brief);
    expect(numbersOf(answers)).toEqual([513n, 514n]);
    expect((await ear.untilComments(2))[1]).toMatchObject({ replyTo: 512n, replyToSenderId: '' });
    expect(Number(await server.call('HLEN', `${tag}:kept`))).toBe(512 + 2 - 258);
    await log.publish(channel, comments(1), { ...kept, count: 3 });
    expect(await server.call('HLEN', `${tag}:kept`)).toBe(3);
    expect(await log.publish(channel, [last], { ...kept, count: 3 })).toMatchObject([
      { outcome: 'duplicate', number: 513n },
    ]);
  });

  test('after Redis was emptied the numbers begin anew in a later epoch', async () => {
    const { log, bus } = await openNode();
    const channel = newChannel();
    const ear = await ChannelEar.on({ bus }, channel);
    await log.publish(channel, comments(3), kept);
    const before = await log.count(channel);
    await server.call('FLUSHALL');
    const [answer] = await log.publish(channel, comments(1), kept);
    expect(answer).toMatchObject({ outcome: 'published', number: 1n });
    const after = await log.count(channel);
    expect(after.epoch).toBeGreaterThan(before.epoch);
    await ear.untilComments(4);
    expect(ear.batches.map(({ epoch }) => epoch)).toEqual([before.epoch, after.epoch]);
    expect(numbersOf(await all(log, channel))).toEqual([1n]);
  });

  test('when Redis goes on with data that may lack the last writes, a later epoch begins with what is there', async () => {
    const { log } = await openNode();
    const channel = newChannel();
    const said = comment('known');
    await log.publish(channel, [said, ...comments(2)], kept);
    const before = await log.count(channel);
    await server.call('DEBUG', 'CHANGE-REPL-ID');
    const after = await log.count(channel);
    expect(after.epoch).toBeGreaterThan(before.epoch);
    expect(after.published).toBe(3n);
    expect(await log.publish(channel, [said, comment('next')], kept)).toMatchObject([
      { outcome: 'duplicate', number: 1n, epoch: after.epoch },
      { outcome: 'published', number: 4n, epoch: after.epoch },
    ]);
    expect(await log.count(channel)).toEqual({ epoch: after.epoch, published: 4n });
  });

  test('listeners of a node that said nothing for 30 s are not counted', async () => {
    const { log } = await openNode();
    const channel = newChannel();
    const key = `{${prefix}${topicOf.post(channel)}}:listeners`;
    await log.countListeners(channel, 2);
    const nowMs = Number(((await server.call('TIME')) as string[])[0]) * 1_000;
    await server.call('HSET', key, 'n7', `50 ${nowMs - 30_001}`, 'n8', `5 ${nowMs}`);
    expect(await log.countListeners(channel, undefined)).toBe(7);
    expect(await server.call('HEXISTS', key, 'n7')).toBe(0);
  });

  test('what Redis refuses is an unavailable store to who asks, and a problem for the log', async () => {
    const { log } = await openNode();
    const channel = newChannel();
    await server.call('SET', `{${prefix}${topicOf.post(channel)}}:state`, 'x');
    expect(await reasonOf(log.publish(channel, comments(1), kept))).toBe('STORE_UNAVAILABLE');
    expect(problems.map(({ message }) => message)).toEqual(['comments: publish.lua failed']);
  });

  test('while Redis is paused calls fail after a second, then at once; when it is back the same comment is given again', async () => {
    const { log } = await openNode();
    const channel = newChannel();
    const said = comment('in doubt');
    await log.publish(channel, comments(1), kept);
    server.pause();
    const beganMs = performance.now();
    const calls = [log.publish(channel, [said], kept), log.count(channel), log.pinned(channel)];
    expect(await Promise.all(calls.map(reasonOf))).toEqual(Array(3).fill('STORE_UNAVAILABLE'));
    const tookMs = performance.now() - beganMs;
    expect(tookMs).toBeGreaterThan(900);
    expect(tookMs).toBeLessThan(3_000);
    const againMs = performance.now();
    expect(await reasonOf(log.publish(channel, [said], kept))).toBe('STORE_UNAVAILABLE');
    expect(performance.now() - againMs).toBeLessThan(500);
    server.resume();
    const taken = async (): Promise<true | undefined> =>
      (await reasonOf(log.publish(channel, [said], kept))) === 'none' ? true : undefined;
    await until(taken, { what: 'Redis to be back', withinMs, everyMs: 100 });
    expect((await all(log, channel)).filter(({ text }) => text === said.text)).toHaveLength(1);
    expect(problems).toEqual([]);
  });

  test('when Redis has died and come back empty, nodes hear comments of a later epoch', async () => {
    const [here, there] = [await openNode('n1'), await openNode('n2')];
    const channel = newChannel();
    const ear = await ChannelEar.on(there, channel);
    await here.log.publish(channel, comments(2), kept);
    const { epoch } = await here.log.count(channel);
    await ear.untilComments(2);
    await server.kill();
    expect(await reasonOf(here.log.publish(channel, comments(1), kept))).toBe('STORE_UNAVAILABLE');
    await server.restart();
    const heard = async (): Promise<true | undefined> => {
      await reasonOf(here.log.publish(channel, comments(1), kept));
      return ear.batches.some((batch) => batch.epoch > epoch) || undefined;
    };
    await until(heard, { what: 'comments to be heard again', withinMs, everyMs: 100 });
  });
});
