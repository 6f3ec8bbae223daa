import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ChatNode, callerOf, groupOf, Ids, openChatNode, post } from '../../test/support/chat-node.ts';
import { emptyBody } from '../core/entry.ts';
import { Refusal } from '../core/errors.ts';
import {
  type DeviceId,
  deviceOfService,
  type ServiceName,
  systemUser,
  type ThreadId,
  threadLog,
  type UserId,
  userLog,
} from '../core/ids.ts';
import { type MemberRow, rowKey } from '../core/rows.ts';
import { newTemporaryStore, type TemporaryStore } from '../../test/support/temporary-store.ts';
import { HandClock } from '../../test/support/clock.ts';
import { MemoryBus } from '../bus/memory.ts';
import { MemoryRegistry } from '../presence/memory.ts';
import type { Store } from '../store/store.ts';
import type { Caller } from './caller.ts';
import type { ErasureReport } from './erase-user.ts';

const alice = 'alice' as UserId;
const crm: Caller = { userId: systemUser, deviceId: deviceOfService('crm' as ServiceName), claims: {} };

let clock: HandClock;
let place: TemporaryStore;
let registry: MemoryRegistry;
let node: ChatNode;
let ids: Ids;

const openNode = (storeBehind?: (store: Store) => Store): Promise<ChatNode> =>
  openChatNode({
    shared: { clock, store: place.store, bus: new MemoryBus(), registry },
    ...(storeBehind === undefined ? {} : { storeBehind }),
  });

beforeEach(async () => {
  clock = new HandClock();
  place = await newTemporaryStore({ clock });
  registry = new MemoryRegistry({ clock, bus: new MemoryBus(), store: place.store });
  node = await openNode();
  ids = new Ids();
});
afterEach(async () => {
  await node[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

interface Scene {
  readonly direct: ThreadId;
  /** Alice alone owns it; dave is its admin, who came after bob. */
  readonly group: ThreadId;
  /** She was removed from it. */
  readonly left: ThreadId;
  /** More entries than one step goes through. */
  readonly long: ThreadId;
}

/** 307 messages of hers that are there, and 3 reactions. */
async function fill(): Promise<Scene> {
  const { chat } = node;
  const direct = await chat.openThread.direct(callerOf('alice'), 'bob' as UserId);
  await post(node, ids, 'alice', direct, 'alice 1');
  const ofBob = await post(node, ids, 'bob', direct, 'bob 1');
  const edited = await post(node, ids, 'alice', direct, 'alice 2');
  const at = (threadId: ThreadId, sequence: bigint) => ({ threadId, sequence, clientMessageId: ids.next() });
  await chat.messages.edit(callerOf('alice'), at(direct, edited), { ...emptyBody, content: { text: 'alice 3' } });
  const gone = await post(node, ids, 'alice', direct, 'alice 4');
  await chat.messages.delete(callerOf('alice'), at(direct, gone));
  await chat.messages.react(callerOf('alice'), at(direct, ofBob), '👍', false);
  await chat.messages.react(callerOf('alice'), at(direct, ofBob), '❤️', false);
  await chat.messages.react(callerOf('alice'), at(direct, ofBob), '❤️', true);
  const group = await groupOf(node, ids, 'alice', ['bob']);
  await chat.groups.add(callerOf('alice'), group, ids.next(), ['dave' as UserId]);
  await chat.groups.add(callerOf('alice'), group, ids.next(), ['carol' as UserId]);
  await chat.groups.setRole(callerOf('alice'), group, ids.next(), 'dave' as UserId, 'admin');
  await post(node, ids, 'alice', group, 'alice 5');
  await post(node, ids, 'bob', group, 'bob 2');
  const left = await groupOf(node, ids, 'bob', ['alice']);
  const before = await post(node, ids, 'alice', left, 'alice 6');
  await chat.messages.react(callerOf('alice'), at(left, before), '👍', false);
  await chat.groups.remove(callerOf('bob'), left, ids.next(), alice);
  const long = await groupOf(node, ids, 'bob', ['alice']);
  for (let count = 0; count < 303; count++) {
    await post(node, ids, 'alice', long, `alice long ${count}`);
    if (count === 150) await chat.messages.react(callerOf('alice'), at(long, 100n), '👍', false);
    if (count % 3 === 0) await post(node, ids, 'bob', long, `bob long ${count}`);
  }
  await chat.devices.register(callerOf('alice'), {
    ...{
      deviceId: 'phone' as DeviceId,
      platform: 'ios',
      pushToken: 'token',
      locale: '',
      displayName: '',
      keyBlob: Uint8Array.of(1),
    },
  });
  await chat.devices.met(alice, 'laptop' as DeviceId);
  await chat.profiles.update(callerOf('alice'), { displayName: 'Alice', avatarUrl: 'https://a.example/a.png' });
  await chat.account.block(callerOf('alice'), 'mallory' as UserId);
  const settings = { directPolicy: 'nobody', readPrivately: true, hidePresence: true } as const;
  await chat.account.setSettings(callerOf('alice'), settings);
  const positions = { threadId: direct, userId: alice, sequence: 3n, ordinal: 2n, atMs: clock.nowMs() };
  await node.store.advance([positions, { ...positions, deviceId: 'phone' as DeviceId }]);
  await node.store.seen([{ userId: alice, atMs: clock.nowMs() }]);
  // What it still had in memory is stored.
  await node[Symbol.asyncDispose]();
  node = await openNode();
  return { direct, group, left, long };
}

/** Calls until all is done, with the time passing for which it waits. */
async function erased(by: ChatNode, requestId = 'one', user = alice): Promise<ErasureReport> {
  const first = await by.chat.eraseUser.go(crm, user, requestId);
  if (first.done) return first;
  clock.step(12_000);
  return by.chat.eraseUser.go(crm, user, requestId);
}

const report = { done: true, messages: 307, threads: 4, threadsLeft: 0, groups: 2, devices: 2, reactions: 3 };

async function everyEntry(log: ReturnType<typeof threadLog>) {
  const entries = [];
  for (;;) {
    const after = entries.at(-1)?.sequence ?? 0n;
    const page = await node.store.entries(log, { after, upTo: 1n << 40n, limit: 1_000 });
    if (page.length === 0) return entries;
    entries.push(...page);
  }
}

/** What must hold when all is erased. */
async function expectErased(scene: Scene): Promise<void> {
  const { store, chat } = node;
  for (const threadId of Object.values(scene) as ThreadId[]) {
    const entries = await everyEntry(threadLog(threadId));
    for (const { change, senderId } of entries) {
      if (change.kind === 'message' && senderId === alice) expect(change.body).toEqual(emptyBody);
    }
    const deletes = entries.flatMap(({ change }) => (change.kind === 'message-deleted' ? [change.target] : []));
    expect(new Set(deletes).size).toBe(deletes.length);
    const rows = await store.rows(threadLog(threadId), { prefix: 'reaction/', limit: 100 });
    expect(rows.filter(({ value }) => !(value as { removed: boolean }).removed)).toEqual([]);
  }
  const bobs = (await everyEntry(threadLog(scene.direct))).filter(({ senderId }) => senderId === 'bob');
  expect(bobs.map(({ change }) => change)).toMatchObject([{ body: { content: { text: 'bob 1' } } }]);
  const member = async (threadId: ThreadId, user: string): Promise<MemberRow> =>
    (await store.row(threadLog(threadId), rowKey.member(user)))?.value as MemberRow;
  expect((await member(scene.group, 'dave')).role).toBe('owner');
  for (const threadId of [scene.group, scene.left, scene.long]) {
    expect((await member(threadId, 'alice')).leftSequence).toBeGreaterThan(0n);
  }
  expect((await store.devices(alice)).map(({ removed, pushToken }) => [removed, pushToken])).toEqual([
    [true, ''],
    [true, ''],
  ]);
  expect(await chat.profiles.get([alice])).toEqual([{ userId: alice, displayName: '', avatarUrl: '' }]);
  expect(await chat.account.settings(callerOf('alice'))).toMatchObject({ directPolicy: 'anyone', hidePresence: false });
  expect((await chat.account.blocked(callerOf('alice'), { limit: 10, pageToken: '' })).users).toEqual([]);
  const own = JSON.stringify(
    (await everyEntry(userLog(alice))).map(({ change }) => change),
    (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value),
  );
  for (const word of ['Alice', 'a.example', 'mallory', 'nobody']) expect(own).not.toContain(word);
  expect(await store.positionsOf(alice, [scene.direct])).toEqual([undefined]);
  expect(await store.devicePositions(alice, 'phone' as DeviceId, [scene.direct])).toEqual([0n]);
  expect(await store.lastSeen([alice])).toEqual([0]);
  expect((await store.rows(userLog(alice), { prefix: 'thread/g_', limit: 10 })).map(({ value }) => value)).toEqual(
    Array.from({ length: 3 }, () => ({ added: false })),
  );
}

test('what is a user’s is erased everywhere, and nothing of others; the report says how much', async () => {
  const scene = await fill();
  expect(await erased(node)).toEqual(report);
  await expectErased(scene);
  const head = await node.store.head(threadLog(scene.long));
  // The same request gives the old report, and changes nothing of who came back meanwhile.
  await post(node, ids, 'alice', scene.direct, 'back again');
  expect(await erased(node)).toEqual(report);
  expect(await node.store.head(threadLog(scene.long))).toEqual(head);
  expect((await everyEntry(threadLog(scene.direct))).at(-1)?.change).toMatchObject({
    body: { content: { text: 'back again' } },
  });
  expect(await erased(node, 'two')).toMatchObject({ done: true, messages: 1, groups: 0 });
});

test('one who was never there is erased at once', async () => {
  const none = { done: true, messages: 0, threads: 0, threadsLeft: 0, groups: 0, devices: 0, reactions: 0 };
  expect(await node.chat.eraseUser.go(crm, 'nobody' as UserId, 'one')).toEqual(none);
});

test(
  'an erasure that is broken off at any write is taken up by another node, and counts nothing twice',
  { timeout: 60_000 },
  async () => {
    const scene = await fill();
    for (let writes = 1; ; writes++) {
      let left = writes;
      const breaking = await openNode((store) => breakingAfter(store, () => left-- > 0));
      let done = false;
      try {
        ({ done } = await erased(breaking));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
      }
      await breaking[Symbol.asyncDispose]();
      if (done) break;
      // Far more than it takes: each try comes further by what it could write.
      expect(writes).toBeLessThan(200);
    }
    expect(await erased(node)).toEqual(report);
    await expectErased(scene);
  },
);

test('two calls of one request at once come to one report', async () => {
  const scene = await fill();
  const other = await openNode();
  const reports = await Promise.all([node, other].map((one) => erased(one)));
  await other[Symbol.asyncDispose]();
  expect(reports).toEqual([report, report]);
  for (const threadId of Object.values(scene) as ThreadId[]) {
    const mine = (await everyEntry(threadLog(threadId))).filter(({ senderId }) => senderId === alice);
    for (const { change } of mine) if (change.kind === 'message') expect(change.body).toEqual(emptyBody);
  }
});

test('it is not done while a session of a device that it removed is open: that says when the user was last seen', async () => {
  const session = { sessionId: 'n.1', userId: alice, deviceId: 'phone', startMs: 1 } as Parameters<
    MemoryRegistry['announce']
  >[0];
  await node.chat.devices.met(alice, 'phone' as DeviceId);
  await registry.announce(session);
  expect(await erased(node)).toMatchObject({ done: false, devices: 1 });
  await registry.withdraw(session, { clean: true, lastSeenMs: clock.nowMs() });
  expect(await node.chat.eraseUser.go(crm, alice, 'one')).toMatchObject({ done: true, devices: 1 });
  expect(await node.store.lastSeen([alice])).toEqual([0]);
});

test('what a removed device still sends on a node that believes it is erased too, and the wait outlives the node', async () => {
  const threadId = await node.chat.openThread.direct(callerOf('alice'), 'bob' as UserId);
  await post(node, ids, 'alice', threadId, 'before');
  await node.chat.devices.met(alice, 'phone' as DeviceId);
  const other = await openNode();
  await other.chat.devices.refuseRemoved(alice, 'phone' as DeviceId);
  expect(await node.chat.eraseUser.go(crm, alice, 'one')).toMatchObject({ done: false, devices: 1, threadsLeft: 1 });
  clock.step(9_900);
  await other.chat.devices.refuseRemoved(alice, 'phone' as DeviceId);
  await post(other, ids, 'alice', threadId, 'after');
  await node[Symbol.asyncDispose]();
  node = other;
  expect(await node.chat.eraseUser.go(crm, alice, 'one')).toMatchObject({ done: false, messages: 0 });
  clock.step(2_100);
  expect(await node.chat.eraseUser.go(crm, alice, 'one')).toMatchObject({ done: true, messages: 2, threads: 1 });
  for (const { change } of await everyEntry(threadLog(threadId))) {
    if (change.kind === 'message') expect(change.body).toEqual(emptyBody);
  }
});

/** Writes are taken as long as `may` says so. */
function breakingAfter(store: Store, may: () => boolean): Store {
  const writes = new Set(['append', 'removeDevice', 'rewrite', 'forgetPositions', 'forgetSeen']);
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const call = value as (...given: unknown[]) => unknown;
      return (...given: unknown[]) => {
        if (writes.has(String(name)) && !may()) return Promise.reject(new Refusal('STORE_UNAVAILABLE', 'broken'));
        return call.apply(target, given);
      };
    },
  });
}
