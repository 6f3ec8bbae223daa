// Positions stand with their threads and with their users on Cassandra: what reading a user's costs, and that both say the same after a node
// died amid raising them, after a restore, and after the user was erased.
import { mkdtempDisposable } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../server/core/clock.ts';
import { deviceOfService, type ServiceName, systemUser, threadLog, type UserId } from '../../server/core/ids.ts';
import { MemoryBus } from '../../server/bus/memory.ts';
import { MemoryRegistry } from '../../server/presence/memory.ts';
import { loadBackup } from '../../server/store/backup/load.ts';
import { saveBackup } from '../../server/store/backup/save.ts';
import { openBackupSource } from '../../server/store/cassandra/backup-source.ts';
import { openBackupTarget } from '../../server/store/cassandra/backup-target.ts';
import type { PositionUpdate, Store } from '../../server/store/store.ts';
import { newKeyspace, type TestKeyspace } from '../support/cassandra.ts';
import { openCountedStore } from '../support/cassandra-counted.ts';
import { callerOf, type ChatNode, groupOf, Ids, openChatNode, post } from '../support/chat-node.ts';
import { HandClock } from '../support/clock.ts';
import { openDyingStore } from '../support/dying-cassandra-store.ts';
import { needs } from '../support/skip.ts';
import { append, message, newThread, newUser, nowMs, phone } from './samples.ts';

const bob = 'bob' as UserId;
const columns = 'delivered, delivered_ms_negated, read, read_ordinal, read_ms_negated';

needs('cassandra')('positions on Cassandra', () => {
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

  /** A node's use cases over a store, which is the caller's to close. */
  async function chatOver(on: Store): Promise<ChatNode & { readonly clock: HandClock }> {
    const [clock, bus] = [new HandClock(nowMs), new MemoryBus()];
    const registry = new MemoryRegistry({ clock, bus, store: on });
    const node = await openChatNode({ shared: { clock, store: on, bus, registry } });
    return Object.assign(node, {
      clock,
      async [Symbol.asyncDispose]() {
        await node.receipts[Symbol.asyncDispose]();
        await registry[Symbol.asyncDispose]();
      },
    });
  }

  const raised = (threadId: PositionUpdate['threadId'], userId: UserId, sequence: bigint): PositionUpdate[] => {
    const read = { threadId, userId, sequence, ordinal: sequence, atMs: nowMs };
    return [read, { ...read, deviceId: phone }];
  };
  /** What each table has of a user and a thread. */
  const inBoth = (user: UserId, thread: string, on = keyspace) =>
    Promise.all(
      ['positions WHERE', 'user_positions WHERE'].map((where) =>
        on.query(`SELECT user, thread, ${columns} FROM ${where} user = ? AND thread = ?`, [user, thread]),
      ),
    );

  test('of one user in a thousand threads are read by five queries, which give these rows alone', async () => {
    const [user, other] = [newUser(), newUser()];
    const threads = Array.from({ length: 1_000 }, () => newThread());
    await store.advance(threads.flatMap((thread, at) => raised(thread, user, BigInt(at + 1))));
    await store.advance([newThread(), ...threads.slice(0, 50)].flatMap((thread) => raised(thread, other, 3n)));
    await using node = await openCountedStore(keyspace.options);
    const reads = await node.during(async () => {
      const found = await node.store.positionsOf(user, threads.toReversed());
      expect(found.map((position) => position?.read)).toEqual(threads.map((_, at) => BigInt(1_000 - at)));
    });
    expect(reads).toHaveLength(5);
    expect(reads.reduce((sum, { rows }) => sum + rows, 0)).toBe(1_000);
  });

  test('of a keyspace in which they stood with threads alone are with the users too, once it is opened, and only then', async () => {
    await using old = newKeyspace();
    const [user, other, silent] = [newUser(), newUser(), newUser()];
    const threads = Array.from({ length: 300 }, () => newThread());
    const before = await old.open();
    await before.advance(threads.flatMap((thread, at) => raised(thread, at % 2 === 0 ? user : other, BigInt(at + 1))));
    const [thread = newThread()] = threads;
    await before.advance([
      { threadId: thread, userId: silent, sequence: 7n, ordinal: 7n, atMs: nowMs, deviceId: phone },
    ]);
    const wanted = await Promise.all([user, other, silent].map((one) => before.positionsOf(one, threads)));
    await before[Symbol.asyncDispose]();
    await old.query('TRUNCATE user_positions');
    await old.query("DELETE FROM deployment WHERE name = 'user_positions' IF EXISTS");

    const after = await old.open();
    expect(await Promise.all([user, other, silent].map((one) => after.positionsOf(one, threads)))).toEqual(wanted);
    await after[Symbol.asyncDispose]();
    await old.query('TRUNCATE user_positions');
    await using later = await old.open();
    expect(await later.positionsOf(user, [thread])).toEqual([undefined]);
  });

  test('are told to all who ask once they are raised again, whichever write was the last of a node that died', async () => {
    let chat = await chatOver(store);
    const ids = new Ids();
    const thread = await groupOf(chat, ids, 'alice', ['bob']);
    const seen = new Set<string>();
    for (let writes = 0, lived = false; !lived; writes++) {
      const sequence = await post(chat, ids, 'alice', thread, `for round ${writes}`);
      const dying = await openDyingStore(keyspace.options);
      dying.dieAfter(writes);
      await dying.store.advance(raised(thread, bob, sequence)).catch(() => undefined);
      lived = !dying.isDead;
      await dying[Symbol.asyncDispose]();

      // A node that has seen nothing of them yet.
      await chat[Symbol.asyncDispose]();
      chat = await chatOver(store);
      const [ofThread] = await store.positions(thread, { limit: 1, after: 'alice' as UserId });
      const [ofUser] = await store.positionsOf(bob, [thread]);
      const [ofDevice = 0n] = await store.devicePositions(bob, phone, [thread]);
      const has = [ofThread?.read, ofThread?.delivered, ofUser?.read, ofUser?.delivered, ofDevice];
      seen.add(has.map((one) => (one === sequence ? 'new' : 'old')).join(' '));
      await chat.chat.positions.markRead(callerOf('bob'), [{ threadId: thread, upTo: sequence }]);
      if (ofDevice < sequence) {
        await chat.chat.positions.acknowledge(callerOf('bob'), phone, [{ threadId: thread, upTo: sequence }]);
      }
      const position = { userId: bob, read: sequence, delivered: sequence };
      expect(await store.positions(thread, { limit: 1, after: 'alice' as UserId })).toMatchObject([position]);
      expect(await store.positionsOf(bob, [thread])).toMatchObject([position]);
      expect(await store.devicePositions(bob, phone, [thread])).toEqual([sequence]);
    }
    await chat[Symbol.asyncDispose]();
    expect([...seen]).toEqual([
      'old old old old old',
      'new new old old old',
      'new new new new old',
      'new new new new new',
    ]);
  });

  test('are nowhere once the user was erased', async () => {
    await using chat = await chatOver(store);
    const ids = new Ids();
    const [carol, dave] = [newUser('carol'), newUser('dave')];
    const thread = await groupOf(chat, ids, carol, [dave]);
    const left = await groupOf(chat, ids, dave, [carol]);
    const sequence = await post(chat, ids, dave, thread, 'hello');
    for (const user of [carol, dave]) {
      await chat.chat.devices.met(user, phone);
      await chat.chat.positions.acknowledge(callerOf(user), phone, [{ threadId: thread, upTo: sequence }]);
      await chat.chat.positions.markRead(callerOf(user), [
        { threadId: thread, upTo: sequence },
        { threadId: left, upTo: 1n },
      ]);
    }
    await chat.chat.groups.remove(callerOf(dave), left, ids.next(), carol);
    for (const one of [thread, left]) expect((await inBoth(carol, one)).map((rows) => rows.length)).toEqual([1, 1]);
    const crm = { userId: systemUser, deviceId: deviceOfService('crm' as ServiceName), claims: {} };
    for (let calls = 0, done = false; !done; calls++) {
      expect(calls).toBeLessThan(5);
      ({ done } = await chat.chat.eraseUser.go(crm, carol, 'erase carol'));
      chat.clock.step(12_000);
    }
    for (const one of [thread, left]) expect(await inBoth(carol, one)).toEqual([[], []]);
    expect(await keyspace.query('SELECT * FROM user_positions WHERE user = ?', [carol])).toEqual([]);
    for (const one of [thread, left]) expect((await inBoth(dave, one)).map((rows) => rows.length)).toEqual([1, 1]);
  });

  test('stand in both places after a restore, as the threads had them', async () => {
    const [thread, other] = [newThread(), newThread()];
    const users = Array.from({ length: 30 }, (_, at) => newUser(String(at)));
    for (const one of [thread, other]) {
      const messages = Array.from({ length: 9 }, (_, at) => message(`message ${at}`));
      await append(store, threadLog(one), undefined, messages);
    }
    await store.advance(users.flatMap((user) => [...raised(thread, user, 7n), ...raised(other, user, 4n)]));
    // As a node that died before it wrote the second of them.
    const halfDone = 'UPDATE positions USING TIMESTAMP 9 SET read = 9, read_ordinal = 9 WHERE thread = ? AND user = ?';
    await keyspace.query(halfDone, [thread, users[0]]);
    await using folder = await mkdtempDisposable(path.join(os.tmpdir(), 'parley-backup-'));
    const file = path.join(folder.path, 'backup');
    {
      await using source = await openBackupSource(keyspace.options);
      await saveBackup(source, file, { clock: systemClock });
    }
    await using second = newKeyspace();
    await loadBackup(file, { clock: systemClock, open: () => openBackupTarget(second.options) });
    for (const user of users) {
      const read = user === users[0] ? 9n : 7n;
      const [ofThread, ofUser] = await inBoth(user, thread, second);
      expect(ofUser).toMatchObject([{ user, thread, read, read_ordinal: read, delivered: 7n }]);
      expect(ofThread).toEqual(ofUser);
      expect((await inBoth(user, other, second))[1]).toMatchObject([{ read: 4n, delivered: 4n }]);
    }
  });
});
