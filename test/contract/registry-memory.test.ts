import { expect, test } from 'vitest';
import { topicOf } from '../../server/bus/bus.ts';
import { MemoryBus } from '../../server/bus/memory.ts';
import type { SessionId, UserId } from '../../server/core/ids.ts';
import { cleanCloseGraceMs } from '../../server/core/presence.ts';
import { MemoryRegistry } from '../../server/presence/memory.ts';
import type { Store } from '../../server/store/store.ts';
import { HandClock } from '../support/clock.ts';
import { newTemporaryStore } from '../support/temporary-store.ts';
import { phone } from './samples.ts';
import { registryContract } from './registry.ts';

registryContract('the registry in memory', async () => {
  const clock = new HandClock();
  const bus = new MemoryBus();
  const kept = await newTemporaryStore({ clock });
  const registry = new MemoryRegistry({ clock, bus, store: kept.store });
  return {
    here: registry,
    there: registry,
    bus,
    nowMs: () => clock.nowMs(),
    pass: (ms) => clock.turnSlowly(ms, 1_000),
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await kept[Symbol.asyncDispose]();
    },
  };
});

const user = 'ann' as UserId;
const session = { sessionId: 'n.1' as SessionId, userId: user, deviceId: phone, startMs: 1 };

test('when users were last seen survives the registry, also for who is in grace when it ends', async () => {
  const clock = new HandClock();
  await using kept = await newTemporaryStore({ clock });
  const first = new MemoryRegistry({ clock, bus: new MemoryBus(), store: kept.store });
  await first.announce(session);
  await first.withdraw(session, { clean: true, lastSeenMs: 123_456 });
  await first[Symbol.asyncDispose]();
  const second = new MemoryRegistry({ clock, bus: new MemoryBus(), store: await kept.reopen() });
  expect(await second.get([user])).toMatchObject([{ state: 'offline', lastSeenMs: 123_456 }]);
});

test('who was there when the node stopped is unknown to the next one for the grace, and then offline if they stay away', async () => {
  const clock = new HandClock();
  await using kept = await newTemporaryStore({ clock });
  const [back, gone, old] = ['back', 'gone', 'old'].map((name) => name as UserId) as [UserId, UserId, UserId];
  const lastSeenMs = clock.nowMs();
  const sessionOf = (userId: UserId) => ({ ...session, sessionId: `n.${userId}` as SessionId, userId });
  const first = new MemoryRegistry({ clock, bus: new MemoryBus(), store: kept.store });
  for (const userId of [back, gone, old]) {
    await first.announce(sessionOf(userId));
    const aged = userId === old ? lastSeenMs - 10 * 60_000 : lastSeenMs;
    await first.withdraw(sessionOf(userId), { clean: true, lastSeenMs: aged });
  }
  await first[Symbol.asyncDispose]();

  clock.turn(2_000);
  const bus = new MemoryBus();
  const heard: [UserId, string, number][] = [];
  for (const userId of [back, gone, old]) {
    await bus.subscribe(topicOf.presence(userId), (event) => {
      if (event.type === 'presence') heard.push([userId, event.presence.state, event.presence.lastSeenMs]);
    });
  }
  await using second = new MemoryRegistry({ clock, bus, store: await kept.reopen() });
  const states = async () => (await second.get([back, gone, old])).map((one) => one.state);
  expect(await states()).toEqual(['unknown', 'unknown', 'offline']);
  await second.announce(sessionOf(back));
  await clock.turnSlowly(cleanCloseGraceMs - 1, 1_000);
  expect(await states()).toEqual(['online', 'unknown', 'offline']);
  await clock.turnSlowly(1, 1_000);
  expect(await states()).toEqual(['online', 'offline', 'offline']);
  await expect
    .poll(() => heard)
    .toEqual([
      [back, 'online', 0],
      [gone, 'offline', lastSeenMs],
    ]);
});

test('a store that fails hides when users were last seen, not whether they are there, and gets it later', async () => {
  const clock = new HandClock();
  const taken: number[] = [];
  let fails = true;
  const store: Pick<Store, 'seen' | 'lastSeen'> = {
    seen(times) {
      if (fails) return Promise.reject(new Error('the disk is full'));
      taken.push(...times.map((time) => time.atMs));
      return Promise.resolve();
    },
    lastSeen: (users) => (fails ? Promise.reject(new Error('the disk is full')) : Promise.resolve(users.map(() => 0))),
  };
  const registry = new MemoryRegistry({ clock, bus: new MemoryBus(), store });
  const other = { ...session, sessionId: 'n.2' as SessionId, userId: 'bob' as UserId };
  await registry.announce(session);
  await registry.announce(other);
  await registry.withdraw(session, { clean: false, lastSeenMs: 77 });
  expect(await registry.get([user, other.userId])).toMatchObject([{ state: 'offline' }, { state: 'online' }]);
  expect(taken).toEqual([]);
  fails = false;
  await registry.withdraw(other, { clean: false, lastSeenMs: 88 });
  await registry[Symbol.asyncDispose]();
  expect(new Set(taken)).toEqual(new Set([77, 88]));
});

test('the graces of a hundred thousand users share one timer', async () => {
  const clock = new HandClock();
  await using kept = await newTemporaryStore({ clock });
  const registry = new MemoryRegistry({ clock, bus: new MemoryBus(), store: kept.store });
  const before = clock.timers;
  const sessions = Array.from({ length: 100_000 }, (_, at) => ({
    ...session,
    sessionId: `n.${at}` as SessionId,
    userId: `user-${at}` as UserId,
  }));
  await Promise.all(sessions.map((one) => registry.announce(one)));
  expect(clock.timers).toBe(before);
  await Promise.all(sessions.map((one) => registry.withdraw(one, { clean: true, lastSeenMs: 5 })));
  expect(clock.timers - before).toBe(1);
  clock.turn(cleanCloseGraceMs);
  const states = await registry.get(sessions.map((one) => one.userId));
  expect(states.every((one) => one.state === 'offline' && one.lastSeenMs === 5)).toBe(true);
  await registry[Symbol.asyncDispose]();
});
