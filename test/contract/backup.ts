// What every pair of stores keeps to when one is backed up and the other is made from the backup. The store is filled by the
// use cases of a node, so that what is kept beside the logs is what a node really keeps.
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MemoryBus } from '../../server/bus/memory.ts';
import type { Entry } from '../../server/core/entry.ts';
import { type DeviceId, type ThreadId, threadLog, type UserId, userLog } from '../../server/core/ids.ts';
import { MemoryRegistry } from '../../server/presence/memory.ts';
import type { BackupSource, BackupTarget } from '../../server/store/backup.ts';
import { loadBackup } from '../../server/store/backup/load.ts';
import { saveBackup } from '../../server/store/backup/save.ts';
import type { Position, Store } from '../../server/store/store.ts';
import { callerOf, groupOf, Ids, openChatNode, post } from '../support/chat-node.ts';
import { HandClock } from '../support/clock.ts';
import {
  all,
  append,
  appended,
  appendOf,
  created,
  edited,
  laptop,
  members,
  message,
  newThread,
  phone,
} from './samples.ts';

/** A place for a store that was never opened. */
export interface BackupPlace extends AsyncDisposable {
  open(clock: HandClock): Promise<Store>;
  source(): Promise<BackupSource>;
  target(): Promise<BackupTarget>;
}

const people = ['alice', 'bob', 'carol', 'dave'] as UserId[];
/** More than a bucket of Cassandra's holds, and not at its end. */
const longThread = 4_500;

interface Filled {
  readonly threads: readonly ThreadId[];
  readonly users: readonly UserId[];
  /** The long thread, and a draft of its first bucket. */
  readonly long: ThreadId;
  /** Since then some of them were active. */
  readonly activityMs: number;
}

async function fill(store: Store, clock: HandClock): Promise<Filled> {
  const bus = new MemoryBus();
  const registry = new MemoryRegistry({ clock, bus, store });
  await using node = await openChatNode({ shared: { clock, store, bus, registry } });
  const ids = new Ids();
  const { chat } = node;
  const [alice, bob, carol] = people.map((name) => callerOf(name));
  if (alice === undefined || bob === undefined || carol === undefined) throw new Error('people are missing');

  const direct = await chat.openThread.direct(alice, 'bob' as UserId);
  for (let at = 0; at < 5; at++) await post(node, ids, at % 2 === 0 ? 'alice' : 'bob', direct, `direct ${at} 😀`);
  await chat.account.block(bob, 'carol' as UserId);

  const group = await groupOf(node, ids, 'alice', ['bob', 'carol']);
  const said = await post(node, ids, 'bob', group, 'first words');
  const target = { threadId: group, clientMessageId: '', sequence: said };
  await chat.messages.edit(bob, { ...target, clientMessageId: ids.next() }, textBody('second words'));
  await chat.messages.edit(bob, { ...target, clientMessageId: ids.next() }, textBody('third words'));
  await chat.messages.react(carol, { ...target, clientMessageId: ids.next() }, '👍', false);
  await chat.messages.react(alice, { ...target, clientMessageId: ids.next() }, '👍', false);
  await chat.messages.react(alice, { ...target, clientMessageId: ids.next() }, '👍', true);
  const gone = await post(node, ids, 'bob', group, 'to be deleted');
  await chat.messages.delete(bob, { threadId: group, clientMessageId: ids.next(), sequence: gone });
  await chat.groups.remove(alice, group, ids.next(), 'carol' as UserId);
  await post(node, ids, 'alice', group, 'without carol');
  await chat.groups.add(alice, group, ids.next(), ['dave' as UserId]);
  await chat.groups.update(alice, group, ids.next(), { name: 'renamed', historyForNewMembers: true });
  await chat.groups.setRole(alice, group, ids.next(), 'bob' as UserId, 'admin');
  await chat.groups.add(alice, group, ids.next(), ['carol' as UserId]);
  await chat.groups.leave(callerOf('dave'), group, ids.next());

  const crowd = Array.from({ length: 110 }, (_, at) => `crowd-${at}`);
  const large = await groupOf(node, ids, 'alice', crowd);
  await post(node, ids, 'alice', large, 'to all');
  clock.step(3 * 86_400_000);
  await post(node, ids, 'crowd-7', large, 'from one');

  const long = newThread();
  let { head } = await append(store, threadLog(long), undefined, [created(...people)], { inbox: members(...people) });
  const inbox = people.map((userId) => ({ userId }));
  for (let at = 1; at < longThread;) {
    const size = Math.min(250, longThread - at);
    const entries = Array.from({ length: size }, (_, index) => message(`long ${at + index}`));
    // Half of their authors had said what they knew.
    const knownHeads = entries.map((_, index) => (index % 2 === 0 ? head.sequence : 0n));
    ({ head } = await append(store, threadLog(long), head, entries, { knownHeads, inbox, nowMs: clock.nowMs() }));
    at += size;
  }
  // A body of the first bucket stands in an entry of the second.
  await append(store, threadLog(long), head, [edited(7n, 'long, and edited late')], { inbox, nowMs: clock.nowMs() });

  // Bodies that retention has erased: as they were sent, and as they were edited, in the same bucket and a later one.
  await store.erase(threadLog(direct), [2n, 3n], head.sequence);
  const beside = await post(node, ids, 'bob', direct, 'to be edited');
  const itself = { threadId: direct, clientMessageId: ids.next(), sequence: beside };
  await chat.messages.edit(bob, itself, textBody('edited, and to be erased'));
  await store.erase(threadLog(direct), [beside], head.sequence);
  const { head: edits } = await append(store, threadLog(long), await store.head(threadLog(long)), [edited(8n, 'too')], {
    inbox,
    nowMs: clock.nowMs(),
  });
  await store.erase(threadLog(long), [8n, 9n], edits.sequence);

  await store.advance([
    { threadId: direct, userId: 'bob' as UserId, deviceId: phone, sequence: 3n, ordinal: 2n, atMs: clock.nowMs() },
    { threadId: direct, userId: 'bob' as UserId, deviceId: laptop, sequence: 5n, ordinal: 4n, atMs: clock.nowMs() },
    { threadId: direct, userId: 'bob' as UserId, sequence: 4n, ordinal: 3n, atMs: clock.nowMs() },
    { threadId: long, userId: 'carol' as UserId, sequence: 4_200n, ordinal: 4_199n, atMs: clock.nowMs() },
  ]);
  await store.seen([{ userId: 'alice' as UserId, atMs: clock.nowMs() - 5 }]);
  await store.secret('a key', () => Uint8Array.of(1, 2, 3));
  const device = {
    platform: 'ios',
    locale: 'fr',
    displayName: 'Jo’s phone',
    keyBlob: new Uint8Array(9_000).fill(1),
    seenMs: 7,
  } as const;
  for (let at = 0; at < 30; at++) {
    const deviceId = `device-${at}` as DeviceId;
    await store.putDevice('alice' as UserId, { ...device, deviceId, pushToken: `token-${at}` });
  }
  await store.removeDevice('alice' as UserId, 'device-3' as DeviceId);
  await store.forgetDevice('alice' as UserId, 'device-4' as DeviceId);
  await registry[Symbol.asyncDispose]();
  const users = [...people, ...crowd] as UserId[];
  return { threads: [direct, group, large, long], users, long, activityMs: clock.nowMs() };
}

function textBody(text: string) {
  return { content: { text }, mentions: [], attachments: [] };
}

/** When something was read matters to who comes back with a token of before, and no such token is good after a restore: it is not kept. */
function withoutReadTime(position: Position | undefined): unknown {
  return position && { ...position, readMs: undefined };
}

/** Everything that a store says through its door of what was filled in, less the epoch. */
async function everything(store: Store, { threads, users, activityMs }: Filled): Promise<Record<string, unknown>> {
  const said: Record<string, unknown> = {};
  for (const log of [...threads.map(threadLog), ...users.map(userLog)]) {
    const entries: Entry[] = [];
    for (;;) {
      const after = entries.at(-1)?.sequence ?? 0n;
      const page = await store.entries(log, { after, upTo: 1n << 40n, limit: 1_000 });
      if (page.length === 0) break;
      entries.push(...page);
    }
    said[`entries ${log}`] = entries;
    said[`head ${log}`] = withoutEpoch(await store.head(log));
    said[`rows ${log}`] = await store.rows(log, { prefix: '', limit: 5_000 });
    const withIds = entries.filter(({ clientMessageId }) => clientMessageId !== '');
    const some = withIds.filter((_, at) => at % 97 === 0 || at > withIds.length - 5);
    said[`ids ${log}`] = await Promise.all(
      some.map(async ({ senderId, clientMessageId, sequence }) =>
        withoutEpoch(await store.duplicate(log, senderId, clientMessageId, sequence - 1n)),
      ),
    );
  }
  for (const thread of threads)
    said[`positions ${thread}`] = (await store.positions(thread, { limit: 5_000 })).map(withoutReadTime);
  for (const user of users) {
    const inbox = (await store.inbox(user, 0)).toSorted((a, b) => (a.threadId < b.threadId ? -1 : 1));
    said[`inbox ${user}`] = inbox.map(withoutEpoch);
    const recent = (await store.inbox(user, activityMs)).filter((row) => row.activityMs >= activityMs || row.large);
    said[`recent ${user}`] = recent.map(({ threadId }) => threadId).toSorted();
    said[`devices ${user}`] = await store.devices(user);
    said[`own positions ${user}`] = (await store.positionsOf(user, threads)).map(withoutReadTime);
    for (const device of [phone, laptop]) {
      said[`devices ${user} ${device}`] = await store.devicePositions(user, device, threads);
    }
  }
  said['seen'] = await store.lastSeen(users);
  said['secret'] = await store.secret('a key', () => Uint8Array.of(9));
  return said;
}

function withoutEpoch<What extends { readonly epoch: bigint }>(what: What | undefined): object | undefined {
  if (what === undefined) return undefined;
  const { epoch: _, ...rest } = what;
  return rest;
}

/** @param from makes the store that is backed up, @param to the one that is made from it */
export function backupContract(name: string, from: () => Promise<BackupPlace>, to: () => Promise<BackupPlace>): void {
  describe(name, () => {
    const clock = new HandClock();
    let scratch: string;
    let file: string;
    let old: BackupPlace;
    let before: Store;
    let filled: Filled;

    beforeAll(async () => {
      scratch = await mkdtemp(path.join(os.tmpdir(), 'parley-backup-'));
      file = path.join(scratch, 'backup');
      old = await from();
      before = await old.open(clock);
      filled = await fill(before, clock);
      // The store is open, and stays so.
      await using source = await old.source();
      await saveBackup(source, file, { clock });
    }, 120_000);
    afterAll(async () => {
      await before[Symbol.asyncDispose]();
      await old[Symbol.asyncDispose]();
      await rm(scratch, { recursive: true });
    });

    const restore = async (place: BackupPlace): Promise<Store> => {
      await loadBackup(file, { clock, open: () => place.target() });
      return place.open(clock);
    };

    test('says the same through its door as the store that was backed up, under a higher epoch', async () => {
      await using place = await to();
      await using store = await restore(place);
      const said = await everything(store, filled);
      const wanted = await everything(before, filled);
      for (const what of Object.keys(wanted)) expect([what, said[what]]).toEqual([what, wanted[what]]);
      expect(Object.keys(said)).toEqual(Object.keys(wanted));
      const log = threadLog(filled.long);
      expect((await store.head(log))?.epoch).toBeGreaterThan((await before.head(log))?.epoch ?? 0n);
    });

    test('has what retention erased as that, and every thread is to be looked at for what it still holds', async () => {
      await using place = await to();
      await using store = await restore(place);
      const erased: bigint[] = [];
      for (const log of filled.threads.map(threadLog)) {
        for (const { sequence, change } of await all(store, log)) {
          if (change.kind === 'message' && change.erased === true) erased.push(sequence);
        }
      }
      expect(erased).toEqual([2n, 3n, 7n, 8n, 9n]);
      const due: ThreadId[] = [];
      // By whichever clock the restore went.
      const untilMs = Math.max(clock.nowMs(), Date.now()) + 120_000;
      for await (const page of store.due(untilMs)) due.push(...page.map(({ threadId }) => threadId));
      expect(due.toSorted()).toEqual(filled.threads.toSorted());
    });

    test('takes appends, each log from its head on and with what its members are told', async () => {
      await using place = await to();
      await using store = await restore(place);
      for (const thread of filled.threads) {
        const log = threadLog(thread);
        const was = await store.head(log);
        const { head } = await append(store, log, was, [message('after the restore')], {
          inbox: [{ userId: 'alice' as UserId }],
          nowMs: clock.nowMs() + 1,
        });
        expect(head.sequence).toBe((was?.sequence ?? 0n) + 1n);
        const row = (await store.inbox('alice' as UserId, clock.nowMs() + 1)).find((one) => one.threadId === thread);
        expect(row?.sequence).toBe(head.sequence);
      }
    });

    test('keeps devices that were removed out, and takes a push token from the device that had it before', async () => {
      await using place = await to();
      await using store = await restore(place);
      const said = { platform: 'web', locale: '', displayName: '', keyBlob: new Uint8Array(0), seenMs: 9 } as const;
      const removed = { ...said, deviceId: 'device-3' as DeviceId, pushToken: '' };
      expect(await store.putDevice('alice' as UserId, removed)).toBe(false);
      expect(await store.putDevice('bob' as UserId, { ...said, deviceId: phone, pushToken: 'token-5' })).toBe(true);
      expect((await store.device('alice' as UserId, 'device-5' as DeviceId))?.pushToken).toBe('');
    });

    test('gives a retry its first sequence, whatever head of whichever epoch its author knew', async () => {
      await using place = await to();
      await using store = await restore(place);
      const log = threadLog(filled.long);
      let head = await store.head(log);
      const retried = (await all(store, log))[11] as Entry;
      for (const knownHead of [0n, 10n, 9_000n, 1n << 30n]) {
        const { senderId, clientMessageId } = retried;
        const found = await store.duplicate(log, senderId, clientMessageId, knownHead);
        expect([knownHead, found?.sequence]).toEqual([knownHead, retried.sequence]);
        const again = message('again', { senderId, clientMessageId });
        const result = await store.append(log, appendOf(head, [again], { knownHeads: [knownHead] }));
        expect(result.outcome).toBe('duplicate');
      }
      // Composed when the lost life of the log had come far, appended now, and asked for again a bucket later.
      const late = message('of a draft from before');
      const knownHeads = [9_000n];
      ({ head } = await append(store, log, head, [late], { knownHeads }));
      for (let at = 0; at < 18; at++) {
        const more = Array.from({ length: 250 }, () => message('more'));
        ({ head } = await append(store, log, head, more, { knownHeads: more.map(() => 1n) }));
      }
      const result = await store.append(log, appendOf(head, [late], { knownHeads }));
      expect(result.outcome).toBe('duplicate');
    });

    test('restored twice from one backup has another epoch each time', async () => {
      await using first = await to();
      await using second = await to();
      const log = threadLog(filled.long);
      await using one = await restore(first);
      await using two = await restore(second);
      expect((await one.head(log))?.epoch).not.toBe((await two.head(log))?.epoch);
    });

    test('is not restored into a store that is there already', async () => {
      await using place = await to();
      await using store = await place.open(clock);
      const log = threadLog(filled.long);
      appended(await store.append(log, appendOf(undefined, [message('kept')])));
      await expect(loadBackup(file, { clock, open: () => place.target() })).rejects.toThrow(/not empty/);
      expect((await store.head(log))?.sequence).toBe(1n);
    });
  });
}
