// What the registry in Redis does when nodes and Redis are paused, killed, emptied and failed over. Leases are short here, so
// that a test need not wait for long ones; they wait side by side, each on a Redis of its own.
import { expect, test } from 'vitest';
import { topicOf } from '../../server/bus/bus.ts';
import { RedisBus } from '../../server/bus/redis.ts';
import { systemClock } from '../../server/core/clock.ts';
import type { SessionId, UserId } from '../../server/core/ids.ts';
import type { Presence } from '../../server/core/presence.ts';
import { keysOf } from '../../server/presence/redis/keys.ts';
import { loadScripts } from '../../server/presence/redis/scripts.ts';
import { RedisRegistry } from '../../server/presence/redis.ts';
import type { RegistrySession } from '../../server/presence/registry.ts';
import type { RedisServer } from '../../platform/redis.ts';
import { until } from '../../platform/wait.ts';
import { forgetfulStore } from '../support/forgetful-store.ts';
import { clusterOfRedis, disposeAll, newPrefix, oneRedis, shardsOn, type TestRedis } from '../support/redis.ts';
import { RegistryProcess } from '../support/registry-process.ts';
import { needs } from '../support/skip.ts';
import { laptop, newUser, phone } from './samples.ts';

const withinMs = 30_000;
const timing = { leaseMs: 2_000, settleMs: 5_000 };

let sessions = 0;
function newSession(userId: UserId, deviceId = phone): RegistrySession {
  return { sessionId: `n.${++sessions}` as SessionId, userId, deviceId, startMs: Date.now() };
}

/** A node of this process, which hears what is told. */
class Node implements AsyncDisposable {
  readonly registry: RedisRegistry;
  readonly bus: RedisBus;
  readonly problems: Error[] = [];

  private constructor(registry: RedisRegistry, bus: RedisBus, problems: Error[]) {
    this.registry = registry;
    this.bus = bus;
    this.problems = problems;
  }

  static async open(redis: TestRedis, nodeId: string, prefix: string, busRedis: TestRedis): Promise<Node> {
    const bus = new RedisBus({ settings: busRedis.settings, clock: systemClock, prefix });
    const shards = await shardsOn(redis);
    const problems: Error[] = [];
    const registry = new RedisRegistry({
      clock: systemClock,
      bus,
      shards,
      store: forgetfulStore,
      nodeId,
      prefix,
      ...timing,
      onProblem: (problem) => problems.push(problem),
    });
    await bus.ready();
    await registry.settled();
    return new Node(registry, bus, problems);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await disposeAll([this.registry, this.bus]);
  }

  async watch(userId: UserId): Promise<Presence[]> {
    const heard: Presence[] = [];
    await this.bus.subscribe(topicOf.presence(userId), (event) => {
      if (event.type === 'presence') heard.push(event.presence);
    });
    return heard;
  }

  async state(userId: UserId): Promise<Presence['state'] | undefined> {
    return (await this.registry.get([userId]))[0]?.state;
  }

  /** Asks again and again until the answer is this one; gives the different answers on the way. */
  async untilState(userId: UserId, wanted: Presence['state']): Promise<Set<Presence['state'] | undefined>> {
    const seen = new Set<Presence['state'] | undefined>();
    const isWanted = async (): Promise<true | undefined> => {
      const state = await this.state(userId);
      seen.add(state);
      return state === wanted || undefined;
    };
    await until(isWanted, { what: `presence to be ${wanted}`, withinMs });
    return seen;
  }

  /** What these are seen as until some were unknown and all are online again. */
  async statesUntilBack(users: readonly UserId[]): Promise<Set<Presence['state']>> {
    const seen = new Set<Presence['state']>();
    const areBack = async (): Promise<true | undefined> => {
      const states = (await this.registry.get(users)).map((one) => one.state);
      for (const state of states) seen.add(state);
      return (seen.has('unknown') && states.every((state) => state === 'online')) || undefined;
    };
    await until(areBack, { what: 'everybody to be back', withinMs });
    return seen;
  }

  /** Asks for a while; gives the different answers. */
  async statesDuring(userId: UserId, ms: number): Promise<Set<Presence['state'] | undefined>> {
    const seen = new Set<Presence['state'] | undefined>();
    const endMs = performance.now() + ms;
    const isOver = async (): Promise<true | undefined> => {
      seen.add(await this.state(userId));
      return performance.now() >= endMs || undefined;
    };
    await until(isOver, { what: 'the time to pass', withinMs: ms + withinMs });
    return seen;
  }
}

/** One deployment, whose nodes end with it. */
class Stage implements AsyncDisposable {
  readonly redis: TestRedis;
  readonly prefix = newPrefix();
  readonly #open: AsyncDisposable[] = [];

  constructor(redis: TestRedis) {
    this.redis = redis;
  }

  /** On which nothing was lost for long enough. */
  static async settledOn(redis: TestRedis): Promise<Stage> {
    const stage = new Stage(redis);
    await redis.servers[0]?.call('SET', `${stage.prefix}mark:{0}`, '0');
    return stage;
  }

  async node(nodeId: string, busRedis = this.redis): Promise<Node> {
    const node = await Node.open(this.redis, nodeId, this.prefix, busRedis);
    this.#open.push(node);
    return node;
  }

  async process(nodeId: string): Promise<RegistryProcess> {
    const { redis, prefix } = this;
    const started = await RegistryProcess.start({ settings: redis.settings, nodeId, prefix, ...timing });
    this.#open.push(started);
    return started;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return disposeAll(this.#open);
  }
}

function serverOf(redis: TestRedis): RedisServer {
  return redis.servers[0] as RedisServer;
}

const lastOf = (heard: readonly Presence[]): Presence['state'] | undefined => heard.at(-1)?.state;

function untilTold(heard: readonly Presence[], wanted: Presence['state']): Promise<true> {
  return until(() => lastOf(heard) === wanted || undefined, { what: `${wanted} to be told`, withinMs });
}

needs('redis')('the registry on one Redis', { concurrent: true }, () => {
  test('when a node dies, who was there by it alone is told to be gone, once; who came back elsewhere is not', async () => {
    await using redis = await oneRedis();
    await using stage = await Stage.settledOn(redis);
    const [watcher, other] = [await stage.node('n1'), await stage.node('n2')];
    const victim = await stage.process('n3');
    const [gone, back] = [newUser(), newUser()];
    const [heardGone, heardBack] = [await watcher.watch(gone), await watcher.watch(back)];
    await victim.announce(newSession(gone), newSession(back));
    await untilTold(heardGone, 'online');
    const killedMs = Date.now();
    await victim.kill();
    await other.registry.announce(newSession(back, laptop));
    await untilTold(heardGone, 'offline');
    const [presence] = await watcher.registry.get([gone]);
    expect(presence?.state).toBe('offline');
    expect(Math.abs((presence?.lastSeenMs ?? 0) - killedMs)).toBeLessThan(timing.leaseMs);
    expect(await watcher.state(back)).toBe('online');
    // Both nodes have looked again since.
    await watcher.statesDuring(back, 2 * timing.leaseMs);
    expect(heardGone.map((one) => one.state)).toEqual(['online', 'offline']);
    expect(heardBack.map((one) => one.state)).toEqual(['online']);
  });

  test('a node that was paused longer than its lease is there again with all its sessions', async () => {
    await using redis = await oneRedis();
    await using stage = await Stage.settledOn(redis);
    const watcher = await stage.node('n1');
    const paused = await stage.process('n2');
    const [stays, moves] = [newUser(), newUser()];
    const moving = newSession(moves);
    const [heard, heardMoves] = [await watcher.watch(stays), await watcher.watch(moves)];
    await paused.announce(newSession(stays), moving);
    await untilTold(heard, 'online');
    await untilTold(heardMoves, 'online');
    paused.pause();
    await untilTold(heard, 'offline');
    await untilTold(heardMoves, 'offline');
    await watcher.registry.announce(newSession(moves, laptop));
    paused.resume();
    // It says goodbye to a session that others know has moved: nobody hears that its user is gone.
    await paused.withdraw(moving, Date.now());
    await untilTold(heard, 'online');
    await watcher.untilState(stays, 'online');
    expect(await watcher.statesDuring(moves, 2 * timing.leaseMs)).toEqual(new Set(['online']));
    expect(heardMoves.map((one) => one.state)).toEqual(['online', 'offline', 'online']);
  });

  test('while Redis is paused presence is unknown, nobody waits long, and all is made good afterwards', async () => {
    await using redis = await oneRedis();
    await using stage = await Stage.settledOn(redis);
    const [here, there] = [await stage.node('n1'), await stage.node('n2')];
    const [stays, comes, goes] = [newUser(), newUser(), newUser()];
    const going = newSession(goes);
    await here.registry.announce(newSession(stays));
    await here.registry.announce(going);
    serverOf(redis).pause();
    expect(await there.state(stays)).toBe('unknown');
    const beganMs = performance.now();
    const coming = newSession(comes);
    await here.registry.announce(coming);
    await here.registry.withdraw(going, { clean: false, lastSeenMs: 7 });
    expect(await here.registry.locate(comes)).toEqual([coming]);
    expect(await here.registry.locate(goes)).toEqual([]);
    expect(performance.now() - beganMs).toBeLessThan(5_000);
    expect(here.registry.due).toBeGreaterThan(0);
    serverOf(redis).resume();
    await there.untilState(comes, 'online');
    await there.untilState(goes, 'offline');
    await until(() => here.registry.due === 0 || undefined, { what: 'all to be written', withinMs });
    expect(await there.state(stays)).toBe('online');
    expect(await there.registry.locate(comes)).toEqual([coming]);
  });

  test('what a paused Redis still holds of a node does not bring back a session that has ended since', async () => {
    await using redis = await oneRedis();
    await using stage = await Stage.settledOn(redis);
    const [here, there] = [await stage.node('n1'), await stage.node('n2')];
    const user = newUser();
    const session = newSession(user);
    serverOf(redis).pause();
    await here.registry.announce(session);
    await here.registry.withdraw(session, { clean: false, lastSeenMs: 7 });
    serverOf(redis).resume();
    await until(() => here.registry.due === 0 || undefined, { what: 'all to be written', withinMs });
    expect(await there.state(user)).toBe('offline');
    expect(await there.registry.locate(user)).toEqual([]);
  });

  test('a write that comes later than the one that followed it changes nothing', async () => {
    await using redis = await oneRedis();
    await using stage = await Stage.settledOn(redis);
    const there = await stage.node('n2');
    using shards = await shardsOn(redis);
    const scripts = loadScripts();
    const user = newUser();
    const lease = await scripts.acquire.run(
      shards,
      [`${stage.prefix}{leases}`, `${stage.prefix}{leases}:nodes`],
      ['n1', '', 60_000],
    );
    const write = (version: number, state: string): Promise<unknown> =>
      scripts.write.run(
        shards,
        [keysOf(stage.prefix).user(user)],
        ['n1.1', version, state, String(lease), 1, 'phone', 0, 60_000],
      );
    await write(3, 'open');
    expect(await there.state(user)).toBe('online');
    await write(5, 'gone');
    expect(await write(4, 'open')).toEqual([0, '', 0]);
    expect(await there.state(user)).toBe('offline');
    await write(6, 'open');
    expect(await there.state(user)).toBe('online');
  });

  const losses: [name: string, lose: (server: RedisServer) => Promise<unknown>][] = [
    ['emptied', (server) => server.call('FLUSHALL')],
    ['killed and started again without its data', (server) => server.kill().then(() => server.restart())],
  ];
  test.for(losses)('when Redis is %s, nobody is said to be gone who is there', async ([, lose]) => {
    await using redis = await oneRedis();
    await using stage = await Stage.settledOn(redis);
    const [here, there] = [await stage.node('n1'), await stage.node('n2')];
    const user = newUser();
    const heard = await there.watch(user);
    await here.registry.announce(newSession(user));
    await untilTold(heard, 'online');
    await lose(serverOf(redis));
    const seen = await there.untilState(user, 'online');
    expect([...seen].filter((state) => state !== 'unknown' && state !== 'online')).toEqual([]);
    expect(await there.statesDuring(user, timing.settleMs)).toEqual(new Set(['online']));
    expect(new Set(heard.map((one) => one.state))).toEqual(new Set(['online']));
    // Who is not there is said to be gone again, after a while.
    await there.untilState(newUser(), 'offline');
  });

  test('when all leases are over because Redis was paused for so long, nobody is said to be gone who is there', async () => {
    await using redis = await oneRedis();
    await using stage = await Stage.settledOn(redis);
    const [here, there] = [await stage.node('n1'), await stage.node('n2')];
    await there.untilState(newUser(), 'offline');
    const user = newUser();
    const [on, other] = [newSession(user), newSession(user, laptop)];
    const heard = await there.watch(user);
    await here.registry.announce(on);
    await there.registry.announce(other);
    // So that who is away is known to be: both would sweep.
    await there.statesDuring(user, timing.settleMs + timing.leaseMs);
    serverOf(redis).pause();
    expect(await there.statesDuring(user, 2 * timing.leaseMs)).toEqual(new Set(['unknown']));
    serverOf(redis).resume();
    // One of two sessions ends before the other's node has a lease again.
    await here.registry.withdraw(on, { clean: false, lastSeenMs: 7 });
    const seen = await there.untilState(user, 'online');
    expect([...seen].filter((state) => state !== 'unknown' && state !== 'online')).toEqual([]);
    expect(await there.statesDuring(user, timing.settleMs + timing.leaseMs)).toEqual(new Set(['online']));
    expect(new Set(heard.map((one) => one.state))).toEqual(new Set(['online']));
  });

  test('sessions that come and go while Redis is away leave nothing behind', async () => {
    await using redis = await oneRedis();
    await using stage = await Stage.settledOn(redis);
    const here = await stage.node('n1');
    await serverOf(redis).kill();
    const all = Array.from({ length: 500 }, () => newSession(newUser()));
    await Promise.all(all.map((session) => here.registry.announce(session)));
    expect(here.registry.due).toBe(500);
    await Promise.all(all.map((session) => here.registry.withdraw(session, { clean: false, lastSeenMs: 1 })));
    await until(() => here.registry.due === 0 || undefined, { what: 'them to be forgotten', withinMs });
    await serverOf(redis).restart();
  });

  test('a change that the bus did not take is told when it is back', async () => {
    await using redis = await oneRedis();
    await using stage = await Stage.settledOn(redis);
    await using busRedis = await oneRedis();
    const [here, there] = [await stage.node('n1', busRedis), await stage.node('n2', busRedis)];
    const user = newUser();
    const heard = await there.watch(user);
    await busRedis.servers[0]?.kill();
    await here.registry.announce(newSession(user));
    await here.registry.settled();
    await busRedis.servers[0]?.restart();
    await untilTold(heard, 'online');
  });

  test('two nodes of one name are told apart, and it is reported', async () => {
    await using redis = await oneRedis();
    await using stage = await Stage.settledOn(redis);
    const [first, second] = [await stage.node('n1'), await stage.node('n1')];
    const [one, two] = [newUser(), newUser()];
    await first.registry.announce(newSession(one));
    await second.registry.announce(newSession(two));
    await until(() => first.problems.length > 0 || undefined, { what: 'it to be reported', withinMs });
    expect(first.problems.map((problem) => problem.message)).toEqual(['another node is called n1 too: rename one']);
    expect([await second.state(one), await first.state(two)]).toEqual(['online', 'online']);
  });
});

needs('redis')('the registry on a Redis Cluster', { concurrent: true }, () => {
  test('when masters die and their replicas take over, nobody is said to be gone who is there', async () => {
    await using redis = await clusterOfRedis();
    await using stage = new Stage(redis);
    const [here, there] = [await stage.node('n1'), await stage.node('n2')];
    const users = Array.from({ length: 30 }, () => newUser());
    await Promise.all(users.map((user) => here.registry.announce(newSession(user))));
    const [master] = redis.servers as [RedisServer];
    await master.kill();
    expect(await there.statesUntilBack(users)).toEqual(new Set(['unknown', 'online']));
    // All is written anew, under a lease that what the replica may have missed does not count by.
    await until(() => here.registry.due === 0 || undefined, { what: 'all to be written', withinMs });
    const newcomer = newUser();
    await here.registry.announce(newSession(newcomer));
    await there.untilState(newcomer, 'online');
    await master.restart();
  });

  test('when one master is emptied, nobody is said to be gone who is there', async () => {
    await using redis = await clusterOfRedis();
    await using stage = new Stage(redis);
    const [here, there] = [await stage.node('n1'), await stage.node('n2')];
    const users = Array.from({ length: 30 }, () => newUser());
    await Promise.all(users.map((user) => here.registry.announce(newSession(user))));
    await (redis.servers[1] as RedisServer).call('FLUSHALL');
    expect(await there.statesUntilBack(users)).toEqual(new Set(['unknown', 'online']));
  });
});
