// What every registry must do, as a function of how its nodes are made.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bus, topicOf } from '../../server/bus/bus.ts';
import type { DeviceId, SessionId, UserId } from '../../server/core/ids.ts';
import { cleanCloseGraceMs, type Presence } from '../../server/core/presence.ts';
import type { Registry, RegistrySession } from '../../server/presence/registry.ts';
import { laptop, newUser, phone } from './samples.ts';

/** Two nodes of one deployment; the same object twice where there is but one. */
export interface RegistryNodes extends AsyncDisposable {
  readonly here: Registry;
  readonly there: Registry;
  readonly bus: Bus;
  nowMs(): number;
  /** Lets time pass for both nodes; resolves when what is due by then was done. */
  pass(ms: number): Promise<void>;
}

let sessions = 0;

function newSession(userId: UserId, deviceId: DeviceId = phone): RegistrySession {
  return { sessionId: `node.${++sessions}` as SessionId, userId, deviceId, startMs: 1_767_000_000_000 + sessions };
}

export function registryContract(name: string, makeNodes: () => Promise<RegistryNodes>): void {
  describe(name, () => {
    let nodes: RegistryNodes;
    beforeEach(async () => {
      nodes = await makeNodes();
    });
    afterEach(() => nodes[Symbol.asyncDispose]());

    const watch = async (userId: UserId): Promise<Presence[]> => {
      const heard: Presence[] = [];
      await nodes.bus.subscribe(topicOf.presence(userId), (event) => {
        if (event.type === 'presence') heard.push(event.presence);
      });
      return heard;
    };
    const presence = async (userId: UserId): Promise<Presence | undefined> => (await nodes.there.get([userId]))[0];
    const clean = (lastSeenMs: number) => ({ clean: true, lastSeenMs });
    const broken = (lastSeenMs: number) => ({ clean: false, lastSeenMs });

    test('who never had a session is offline and was never seen', async () => {
      const user = newUser();
      expect(await presence(user)).toEqual({ userId: user, state: 'offline', lastSeenMs: 0, asOfMs: nodes.nowMs() });
      expect(await nodes.here.locate(user)).toEqual([]);
      expect(await nodes.here.get([])).toEqual([]);
    });

    test('a user is online from the first session on, and this is told at once', async () => {
      const user = newUser();
      const heard = await watch(user);
      await nodes.here.announce(newSession(user));
      const online = { userId: user, state: 'online', lastSeenMs: 0, asOfMs: nodes.nowMs() };
      await expect.poll(() => heard).toEqual([online]);
      expect(await presence(user)).toEqual(online);
    });

    test('presences are given in the order asked', async () => {
      const users = [newUser('a'), newUser('b'), newUser('c')];
      await nodes.here.announce(newSession(users[1] as UserId));
      const states = await nodes.there.get([...users, users[1] as UserId]);
      expect(states.map((one) => [one.userId, one.state])).toEqual([
        [users[0], 'offline'],
        [users[1], 'online'],
        [users[2], 'offline'],
        [users[1], 'online'],
      ]);
    });

    test('further sessions, and announcing one again, are not told', async () => {
      const user = newUser();
      const heard = await watch(user);
      const [first, second] = [newSession(user), newSession(user, laptop)];
      await nodes.here.announce(first);
      await nodes.here.announce(first);
      await nodes.there.announce(second);
      await nodes.pass(60_000);
      expect(heard.map((one) => one.state)).toEqual(['online']);
      const found = await nodes.here.locate(user);
      expect(found.toSorted((a, b) => a.startMs - b.startMs)).toEqual([first, second]);
    });

    test('a user is offline only when the last session has gone', async () => {
      const user = newUser();
      const heard = await watch(user);
      const [first, second] = [newSession(user), newSession(user, laptop)];
      await nodes.here.announce(first);
      await nodes.here.announce(second);
      await nodes.here.withdraw(first, broken(1_000));
      await nodes.pass(60_000);
      expect(await presence(user)).toMatchObject({ state: 'online', lastSeenMs: 0 });
      expect(await nodes.there.locate(user)).toEqual([second]);
      await nodes.here.withdraw(second, broken(900));
      await expect.poll(() => heard.map((one) => one.state)).toEqual(['online', 'offline']);
      // The first was seen later than the last to go.
      const offline = { userId: user, state: 'offline', lastSeenMs: 1_000, asOfMs: nodes.nowMs() };
      expect(heard[1]).toEqual(offline);
      expect(await presence(user)).toEqual(offline);
      expect(await nodes.there.locate(user)).toEqual([]);
    });

    test('after a clean close the user counts as online for the grace, and then no more', async () => {
      const user = newUser();
      const heard = await watch(user);
      const session = newSession(user);
      await nodes.here.announce(session);
      await nodes.here.withdraw(session, clean(5_000));
      await nodes.pass(cleanCloseGraceMs - 1);
      expect(await presence(user)).toMatchObject({ state: 'online', lastSeenMs: 0 });
      expect(await nodes.there.locate(user)).toEqual([]);
      expect(heard).toHaveLength(1);
      await nodes.pass(1);
      await expect.poll(() => heard).toMatchObject([{ state: 'online' }, { state: 'offline', lastSeenMs: 5_000 }]);
      expect(await presence(user)).toMatchObject({ state: 'offline', lastSeenMs: 5_000 });
    });

    test('who comes back within the grace was never away', async () => {
      const user = newUser();
      const heard = await watch(user);
      const session = newSession(user);
      await nodes.here.announce(session);
      for (let round = 0; round < 3; round++) {
        await nodes.here.withdraw(session, clean(5_000));
        await nodes.pass(cleanCloseGraceMs - 1);
        await nodes.here.announce(session);
      }
      await nodes.pass(10 * cleanCloseGraceMs);
      expect(heard.map((one) => one.state)).toEqual(['online']);
      expect(await presence(user)).toMatchObject({ state: 'online' });
    });

    test('each user has a grace of their own', async () => {
      const users = [newUser('a'), newUser('b'), newUser('c')];
      const all = users.map((user) => newSession(user));
      for (const session of all) await nodes.here.announce(session);
      for (const session of all) {
        await nodes.here.withdraw(session, clean(1));
        await nodes.pass(4_000);
      }
      // 12, 8 and 4 s after their closes.
      const states = async (): Promise<string[]> => (await nodes.here.get(users)).map((one) => one.state);
      expect(await states()).toEqual(['offline', 'online', 'online']);
      await nodes.pass(2_000);
      expect(await states()).toEqual(['offline', 'offline', 'online']);
      await nodes.pass(4_000);
      expect(await states()).toEqual(['offline', 'offline', 'offline']);
    });

    test('a session that did not close cleanly leaves no grace', async () => {
      const user = newUser();
      const heard = await watch(user);
      const session = newSession(user);
      await nodes.here.announce(session);
      await nodes.here.withdraw(session, broken(7));
      await expect.poll(() => heard.map((one) => one.state)).toEqual(['online', 'offline']);
      await nodes.here.announce(newSession(user));
      await expect.poll(() => heard.map((one) => one.state)).toEqual(['online', 'offline', 'online']);
    });

    test('withdrawing what was not announced, or twice, changes nothing', async () => {
      const user = newUser();
      const heard = await watch(user);
      const session = newSession(user);
      await nodes.here.withdraw(session, broken(9));
      expect(heard).toEqual([]);
      await nodes.here.announce(session);
      await nodes.here.withdraw(newSession(user), broken(9));
      expect(await presence(user)).toMatchObject({ state: 'online' });
      await nodes.here.withdraw(session, broken(11));
      await nodes.here.withdraw(session, broken(12));
      await expect.poll(() => heard.map((one) => one.state)).toEqual(['online', 'offline']);
      expect(await presence(user)).toMatchObject({ state: 'offline', lastSeenMs: 11 });
    });
  });
}
