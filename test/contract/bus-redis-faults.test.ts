// What the bus on Redis does while Redis is paused, killed, flushed, failed over and resharded.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Topic, topicOf } from '../../server/bus/bus.ts';
import { RedisBus } from '../../server/bus/redis.ts';
import { systemClock } from '../../server/core/clock.ts';
import { Refusal } from '../../server/core/errors.ts';
import type { BusEvent } from '../../server/core/event.ts';
import { slotOf } from '../../server/redis/slots.ts';
import { until } from '../../platform/wait.ts';
import type { RedisServer } from '../../platform/redis.ts';
import { clusterOfRedis, disposeAll, oneRedis, type TestRedis } from '../support/redis.ts';
import { needs } from '../support/skip.ts';
import { newThread, newUser } from './samples.ts';

const withinMs = 20_000;
const prefix = 'faults:';

function event(number: number): BusEvent {
  const presence = { userId: newUser(), state: 'online', lastSeenMs: number, asOfMs: 0 } as const;
  return { type: 'presence', presence };
}

/** A node: what it heard of each topic, and which topics it was told to look after. */
class Node {
  readonly bus: RedisBus;
  readonly problems: Error[] = [];
  readonly interrupted: Topic[] = [];
  readonly #heard = new Map<Topic, number[]>();

  constructor(redis: TestRedis, settings = redis.settings) {
    this.bus = new RedisBus({ settings, clock: systemClock, prefix, onProblem: (one) => this.problems.push(one) });
    this.bus.onInterruption((topics) => this.interrupted.push(...(topics ?? [])));
  }

  async hear(...topics: readonly Topic[]): Promise<void> {
    for (const topic of topics) {
      this.#heard.set(topic, []);
      await this.bus.subscribe(topic, (one) => {
        if (one.type === 'presence') this.#heard.get(topic)?.push(one.presence.lastSeenMs);
      });
    }
  }

  heard(topic: Topic): readonly number[] {
    return this.#heard.get(topic) ?? [];
  }

  untilInterrupted(topics: readonly Topic[]): Promise<true> {
    const all = (): true | undefined => topics.every((topic) => this.interrupted.includes(topic)) || undefined;
    return until(all, { what: 'the topics to be reported', withinMs });
  }

  untilHeard(topic: Topic, number: number): Promise<true> {
    const heard = (): true | undefined => this.heard(topic).includes(number) || undefined;
    return until(heard, { what: `event ${number} to be heard`, withinMs });
  }
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

/** Publishes until the bus takes it, which is so many tries: what it did not take is heard by this node alone. */
async function untilPublished(node: Node, topic: Topic, number: number): Promise<number> {
  let tries = 0;
  const taken = async (): Promise<true | undefined> => {
    tries += 1;
    return (await reasonOf(node.bus.publish(topic, event(number)))) === 'none' ? true : undefined;
  };
  await until(taken, { what: 'the bus to take an event', withinMs, everyMs: 100 });
  return tries;
}

const open: AsyncDisposable[] = [];

async function nodesOn(redis: TestRedis, count: number): Promise<Node[]> {
  const nodes = Array.from({ length: count }, () => new Node(redis));
  open.push(...nodes.map((node) => node.bus));
  await Promise.all(nodes.map((node) => node.bus.ready()));
  return nodes;
}

afterEach(() => disposeAll(open.splice(0)));

needs('redis')('the bus on one Redis', () => {
  let redis: TestRedis;
  let server: RedisServer;
  beforeAll(async () => {
    redis = await oneRedis();
    [server] = redis.servers as [RedisServer];
  });
  afterAll(() => redis[Symbol.asyncDispose]());

  test('three nodes hear one another, each event once', async () => {
    const nodes = await nodesOn(redis, 3);
    const topic = topicOf.user(newUser());
    for (const node of nodes) await node.hear(topic);
    for (const [at, node] of nodes.entries()) {
      await node.bus.publish(topic, event(at));
      for (const other of nodes) await other.untilHeard(topic, at);
    }
    for (const node of nodes) expect(node.heard(topic)).toEqual([0, 1, 2]);
  });

  test('while Redis is paused a node hears itself, in order and once; a publish fails after a second, then at once', async () => {
    const [here, there] = (await nodesOn(redis, 2)) as [Node, Node];
    const [topic, later] = [topicOf.user(newUser()), topicOf.user(newUser())];
    await here.hear(topic);
    await there.hear(topic);
    server.pause();
    const beganMs = performance.now();
    const doubtful = [1, 2, 3].map((number) => reasonOf(here.bus.publish(topic, event(number))));
    expect(here.heard(topic)).toEqual([1, 2, 3]);
    expect(await Promise.all(doubtful)).toEqual(Array(3).fill('STORE_UNAVAILABLE'));
    const tookMs = performance.now() - beganMs;
    expect(tookMs).toBeGreaterThan(900);
    expect(tookMs).toBeLessThan(3_000);
    const againMs = performance.now();
    expect(await reasonOf(here.bus.publish(topic, event(4)))).toBe('STORE_UNAVAILABLE');
    expect(performance.now() - againMs).toBeLessThan(500);
    // Who comes meanwhile hears this node, and is not kept waiting for Redis.
    await here.hear(later);
    await reasonOf(here.bus.publish(later, event(1)));
    expect(here.heard(later)).toEqual([1]);
    server.resume();
    // A pause may end before the subscriptions are given up: then only what was new meanwhile was in doubt.
    await here.untilInterrupted([later]);
    await untilPublished(there, later, 7);
    await here.untilHeard(later, 7);
    const tries = await untilPublished(here, topic, 8);
    await there.untilHeard(topic, 8);
    expect(here.heard(topic)).toEqual([1, 2, 3, 4, ...Array<number>(tries).fill(8)]);
  });

  test('after a crash of Redis every topic is reported once it is heard again, and no sooner', async () => {
    const [here, there] = (await nodesOn(redis, 2)) as [Node, Node];
    const topics = Array.from({ length: 500 }, () => topicOf.thread(newThread()));
    await here.hear(...topics);
    await server.kill();
    expect(await reasonOf(there.bus.publish(topics[0] as Topic, event(1)))).toBe('STORE_UNAVAILABLE');
    expect(here.interrupted).toEqual([]);
    await server.restart();
    await here.untilInterrupted(topics);
    expect(here.interrupted.toSorted()).toEqual(topics.toSorted());
    await there.bus.ready();
    for (const topic of topics) await there.bus.publish(topic, event(2));
    for (const topic of topics) await here.untilHeard(topic, 2);
    expect(topics.every((topic) => here.heard(topic).length === 1)).toBe(true);
  });

  test('a subscription connection that Redis closes is an interruption; a topic left meanwhile is not reported', async () => {
    const [here, there] = (await nodesOn(redis, 2)) as [Node, Node];
    const [topic, left] = [topicOf.user(newUser()), topicOf.user(newUser())];
    await here.hear(topic);
    const subscription = await here.bus.subscribe(left, () => undefined);
    await server.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    subscription.unsubscribe();
    await here.untilInterrupted([topic]);
    expect(here.interrupted).toEqual([topic]);
    await untilPublished(there, topic, 1);
    await here.untilHeard(topic, 1);
  });

  test('flushing Redis interrupts nothing', async () => {
    const [here, there] = (await nodesOn(redis, 2)) as [Node, Node];
    const topic = topicOf.user(newUser());
    await here.hear(topic);
    await server.call('FLUSHALL');
    await there.bus.publish(topic, event(1));
    await here.untilHeard(topic, 1);
    expect(here.interrupted).toEqual([]);
  });

  test('what a paused Redis has not answered is bounded', async () => {
    const [here] = (await nodesOn(redis, 1)) as [Node];
    const topic = topicOf.user(newUser());
    server.pause();
    const all = Array.from({ length: 21_000 }, () => here.bus.publish(topic, event(0)).catch((error: Error) => error));
    const causes = (await Promise.all(all)).map((error) => String((error as Refusal).cause));
    server.resume();
    expect(causes.filter((cause) => cause.includes('20000 commands to answer'))).toHaveLength(1_000);
    expect(causes.filter((cause) => cause.includes('did not answer'))).toHaveLength(20_000);
    await here.bus.ready();
  });
});

needs('redis')('the bus on a Redis Cluster', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await clusterOfRedis();
  });
  afterAll(() => redis[Symbol.asyncDispose]());

  /** A topic in the slots of the master that serves them first. */
  function topicOn(index: number): Topic {
    for (;;) {
      const topic = topicOf.user(newUser());
      if (Math.floor((slotOf(prefix + topic) * 3) / 16_384) === index) return topic;
    }
  }

  test('a master that is paused is replaced; its topics are reported, and those of the others go on', async () => {
    const [here, there] = (await nodesOn(redis, 2)) as [Node, Node];
    const topics = [topicOn(0), topicOn(1), topicOn(2)] as [Topic, Topic, Topic];
    await here.hear(...topics);
    const master = redis.servers[1] as RedisServer;
    master.pause();
    expect(await reasonOf(there.bus.publish(topics[1], event(1)))).toBe('STORE_UNAVAILABLE');
    for (const topic of [topics[0], topics[2]]) {
      await there.bus.publish(topic, event(1));
      await here.untilHeard(topic, 1);
    }
    await here.untilInterrupted([topics[1]]);
    await untilPublished(there, topics[1], 2);
    await here.untilHeard(topics[1], 2);
    // The old master comes back as a replica: nothing goes wrong.
    master.resume();
    const isReplica = async (): Promise<true | undefined> =>
      String(await master.call('INFO', 'replication')).includes('role:slave') || undefined;
    await until(isReplica, { what: 'the old master to follow', withinMs });
    for (const topic of topics) {
      await untilPublished(there, topic, 3);
      await here.untilHeard(topic, 3);
    }
    expect(here.interrupted.filter((topic) => topic !== topics[1])).toEqual([]);
  });

  test('a planned fail-over and a slot that moves are followed', async () => {
    const [here, there] = (await nodesOn(redis, 2)) as [Node, Node];
    const [first, moved] = [topicOn(0), topicOn(2)];
    await here.hear(first, moved);
    // The replica of the first master takes over while that lives on.
    await (redis.servers[3] as RedisServer).call('CLUSTER', 'FAILOVER');
    await here.untilInterrupted([first]);
    await untilPublished(there, first, 1);
    await here.untilHeard(first, 1);
    const [target, source] = [redis.servers[3], redis.servers[2]] as [RedisServer, RedisServer];
    const id = String(await target.call('CLUSTER', 'MYID'));
    for (const server of [target, source]) {
      await server.call('CLUSTER', 'SETSLOT', String(slotOf(prefix + moved)), 'NODE', id);
    }
    await here.untilInterrupted([moved]);
    await untilPublished(there, moved, 1);
    await here.untilHeard(moved, 1);
    expect(here.heard(moved)).toEqual([1]);
  });
});
