// What is left of a push token on Cassandra when a node dies amid what lets go of it: nothing, once that was done again.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { UserId } from '../../server/core/ids.ts';
import type { Store } from '../../server/store/store.ts';
import { newKeyspace, type TestKeyspace } from '../support/cassandra.ts';
import { tablesHolding } from '../support/cassandra-dump.ts';
import { openDyingStore } from '../support/dying-cassandra-store.ts';
import { needs } from '../support/skip.ts';
import { newUser, phone } from './samples.ts';

needs('cassandra')('a push token on Cassandra', () => {
  let keyspace: TestKeyspace;
  let store: Store;
  beforeAll(async () => {
    keyspace = newKeyspace();
    store = await keyspace.open();
  });
  afterAll(async () => {
    await store[Symbol.asyncDispose]();
    await keyspace[Symbol.asyncDispose]();
  });

  const tables = (token: string): Promise<string[]> =>
    tablesHolding(keyspace.query, keyspace.options.keyspace ?? '', token);
  const put = (on: Store, user: UserId, pushToken: string): Promise<boolean> =>
    on.putDevice(user, {
      deviceId: phone,
      platform: 'ios',
      pushToken,
      locale: '',
      displayName: '',
      keyBlob: new Uint8Array(0),
      seenMs: 1,
    });

  test.each([
    ['removed', (on: Store, user: UserId) => on.removeDevice(user, phone)],
    ['forgotten', (on: Store, user: UserId) => on.forgetDevice(user, phone)],
    ['given another', (on: Store, user: UserId) => put(on, user, `other ${user}`)],
    ['told that it is dead', (on: Store, user: UserId) => on.dropPushToken(user, phone, `token of ${user}`)],
  ])('stands nowhere when its device was %s, in however many tries', async (_, letGo) => {
    for (let writes = 0; ; writes++) {
      const user = newUser(randomBytes(6).toString('hex'));
      const token = `token of ${user}`;
      await put(store, user, token);
      expect(await tables(token)).toContain('push_tokens');
      const dying = await openDyingStore(keyspace.options);
      dying.dieAfter(writes);
      await letGo(dying.store, user).then(
        () => undefined,
        () => undefined,
      );
      const { isDead } = dying;
      await dying[Symbol.asyncDispose]();
      await letGo(store, user);
      expect((await tables(token)).filter((table) => table !== 'system.paxos')).toEqual([]);
      if (!isDead) return;
      expect(writes).toBeLessThan(10);
    }
  });
});
