import { expect, test } from 'vitest';
import type { Head } from '../../server/core/entry.ts';
import { type ThreadId, threadLog } from '../../server/core/ids.ts';
import { append, change, created, dayMs, members, message, newThread, newUser, nowMs } from './samples.ts';
import type { InboxRow } from '../../server/store/store.ts';
import type { UnderTest } from './store.ts';

const byId = (a: InboxRow, b: InboxRow): number => (a.threadId < b.threadId ? -1 : 1);

export function inbox({ store, reopen }: UnderTest): void {
  test('a user without threads has an empty inbox', async () => {
    const user = newUser();
    expect(await store().inbox(user, 0)).toEqual([]);
    expect(await store().inboxRow(user, newThread())).toBeUndefined();
  });

  test('an append raises the rows of those it names', async () => {
    const [user, other, thread] = [newUser(), newUser('other'), newThread()];
    const log = threadLog(thread);
    const first = await append(store(), log, undefined, [created(user, other)], { inbox: members(user, other) });
    const second = await append(store(), log, first.head, [message('hi')], {
      inbox: [{ userId: user }, { userId: other }],
      nowMs: nowMs + 1_000,
    });
    const row = {
      threadId: thread,
      epoch: second.head.epoch,
      sequence: 2n,
      ordinal: 1n,
      activityMs: nowMs + 1_000,
      visibleFrom: 1n,
      member: true,
      large: false,
    };
    expect(await store().inbox(user, 0)).toEqual([row]);
    expect(await store().inbox(other, 0)).toEqual([row]);
    expect(await store().inboxRow(user, thread)).toEqual(row);
    expect(await store().inbox(newUser(), 0)).toEqual([]);
  });

  test('the newest activity comes first', async () => {
    const user = newUser();
    const threads = [newThread(), newThread(), newThread()];
    const times = [nowMs + 10, nowMs + 30, nowMs + 20];
    for (const [at, thread] of threads.entries()) {
      const more = { inbox: members(user), nowMs: times[at] ?? 0 };
      await append(store(), threadLog(thread), undefined, [created(user)], more);
    }
    const found = await store().inbox(user, 0);
    expect(found.map((row) => row.threadId)).toEqual([threads[1], threads[2], threads[0]]);
  });

  test('only what changed since a time is given, over days and in the middle of one', async () => {
    const user = newUser();
    const threads = Array.from({ length: 6 }, () => newThread());
    for (const [at, thread] of threads.entries()) {
      const more = { inbox: members(user), nowMs: nowMs + at * (dayMs / 2) };
      await append(store(), threadLog(thread), undefined, [created(user)], more);
    }
    for (let from = 0; from < threads.length; from++) {
      const found = await store().inbox(user, nowMs + from * (dayMs / 2));
      expect(found.map((row) => row.threadId)).toEqual(threads.slice(from).toReversed());
    }
    expect(await store().inbox(user, nowMs + 100 * dayMs)).toEqual([]);
  });

  test('since any time it is what the whole inbox has of it, all and groups alone; rows are found by their threads', async () => {
    const user = newUser();
    // Of these weeks, so that it is listed by its days.
    const beganMs = (Math.floor(Date.now() / dayMs) - 20) * dayMs;
    const threads = Array.from({ length: 12 }, (_, at) => newThread(at % 3 === 0 ? 'g' : 'd'));
    const heads = new Map<ThreadId, Head>();
    for (const [at, thread] of [...threads, ...threads.slice(4, 9)].entries()) {
      const more = { inbox: members(user), nowMs: beganMs + at * dayMs * 0.75 };
      const head = heads.get(thread);
      const entry = head === undefined ? created(user) : message('again');
      heads.set(thread, (await append(store(), threadLog(thread), head, [entry], more)).head);
    }
    const [large, left] = [newThread(), newThread()];
    const many = { inbox: [{ userId: user, large: true }], nowMs: beganMs };
    await append(store(), threadLog(large), undefined, [created(user)], many);
    const first = await append(store(), threadLog(left), undefined, [created(user)], {
      inbox: members(user),
      nowMs: beganMs,
    });
    await append(store(), threadLog(left), first.head, [change({ kind: 'member-removed', userId: user })], {
      inbox: [{ userId: user, member: false }],
      nowMs: beganMs + 3 * dayMs,
    });
    const whole = await store().inbox(user, 0);
    for (let days = -1; days < 16; days += 0.25) {
      const since = beganMs + days * dayMs;
      const changed = whole.filter((row) => row.activityMs >= since || row.threadId === large);
      const groups = changed.filter((row) => row.threadId.startsWith('g_'));
      expect((await store().inbox(user, since)).toSorted(byId)).toEqual(changed.toSorted(byId));
      expect((await store().inboxGroups(user, since)).toSorted(byId)).toEqual(groups.toSorted(byId));
    }
    const groups = whole.filter((row) => row.threadId.startsWith('g_'));
    expect((await store().inboxGroups(user, 0)).toSorted(byId)).toEqual(groups.toSorted(byId));
    const asked = [left, newThread(), ...threads.toReversed(), large];
    const rows = new Map(whole.map((row) => [row.threadId, row]));
    expect(await store().inboxRows(user, asked)).toEqual(asked.map((thread) => rows.get(thread)));
    expect(await store().inboxRows(user, [])).toEqual([]);
  });

  test('a thread that changes again is found under the later day, once', async () => {
    const [user, thread] = [newUser(), newThread()];
    const log = threadLog(thread);
    let { head } = await append(store(), log, undefined, [created(user)], { inbox: members(user) });
    for (const days of [0, 1, 1, 5]) {
      const more = { inbox: [{ userId: user }], nowMs: nowMs + days * dayMs };
      ({ head } = await append(store(), log, head, [message(`day ${days}`)], more));
    }
    for (const since of [0, 1, nowMs, nowMs + 2 * dayMs, nowMs + 5 * dayMs]) {
      const found = await store().inbox(user, since);
      expect(found.map((row) => [row.threadId, row.sequence])).toEqual([[thread, 5n]]);
    }
    expect(await store().inbox(user, nowMs + 5 * dayMs + 1)).toEqual([]);
  });

  test('a thread that is read again after days is found since the day of its last reading, until it changes later', async () => {
    const [user, reader] = [newUser(), newUser('reader')];
    // Of these weeks, so that it is listed by its days.
    const beganMs = (Math.floor(Date.now() / dayMs) - 20) * dayMs + 1_000;
    for (const kind of ['d', 'g'] as const) {
      const thread = newThread(kind);
      const log = threadLog(thread);
      const more = { inbox: members(user, reader), nowMs: beganMs };
      const { head } = await append(
        store(),
        log,
        undefined,
        [created(user, reader), message('one'), message('two')],
        more,
      );
      const readAt = (sequence: bigint, atMs: number): Promise<void> =>
        store().advance([{ threadId: thread, userId: reader, sequence, ordinal: sequence - 1n, atMs }]);
      const found = async (days: number, whose = reader): Promise<boolean> => {
        const since = beganMs + days * dayMs;
        const lists = [await store().inbox(whose, since), kind === 'g' ? await store().inboxGroups(whose, since) : []];
        const has = lists.map((rows) => rows.filter(({ threadId }) => threadId === thread).length);
        expect(has).toEqual([has[0], kind === 'g' ? has[0] : 0]);
        return has[0] === 1;
      };
      await readAt(1n, beganMs);
      expect([await found(0), await found(0.5), await found(1)]).toEqual([true, false, false]);
      await readAt(2n, beganMs + 3 * dayMs);
      expect([await found(1), await found(3), await found(4)]).toEqual([true, true, false]);
      await readAt(3n, beganMs + 5 * dayMs);
      expect([await found(0), await found(5), await found(6), await found(1, user)]).toEqual([
        true,
        true,
        false,
        false,
      ]);
      const now = { inbox: [{ userId: user }, { userId: reader }], nowMs: beganMs + 8 * dayMs };
      await append(store(), log, head, [message('three')], now);
      expect([await found(5), await found(8), await found(8.1)]).toEqual([true, true, false]);
    }
  });

  test('what a member may see from on is kept until it is said anew', async () => {
    const [user, late, thread] = [newUser(), newUser('late'), newThread()];
    const log = threadLog(thread);
    const first = await append(store(), log, undefined, [created(user), message('before')], { inbox: members(user) });
    const added = change({ kind: 'member-added', userId: late, role: 'member' });
    const second = await append(store(), log, first.head, [added], {
      inbox: [{ userId: user }, { userId: late, visibleFrom: 3n, member: true }],
    });
    await append(store(), log, second.head, [message('after')], { inbox: [{ userId: user }, { userId: late }] });
    expect(await store().inboxRow(late, thread)).toMatchObject({ visibleFrom: 3n, sequence: 4n, member: true });
    expect(await store().inboxRow(user, thread)).toMatchObject({ visibleFrom: 1n, sequence: 4n });
  });

  test('the row of a removed member stays at the removal, until they are added again', async () => {
    const [owner, user, thread] = [newUser('owner'), newUser(), newThread()];
    const log = threadLog(thread);
    const first = await append(store(), log, undefined, [created(owner, user)], { inbox: members(owner, user) });
    const removal = change({ kind: 'member-removed', userId: user });
    const second = await append(store(), log, first.head, [message('last seen'), removal], {
      inbox: [{ userId: owner }, { userId: user, member: false }],
      nowMs: nowMs + 7,
    });
    const third = await append(store(), log, second.head, [message('unheard')], {
      inbox: [{ userId: owner }],
      nowMs: nowMs + 3 * dayMs,
    });
    const pinned = {
      threadId: thread,
      sequence: 3n,
      ordinal: 1n,
      activityMs: nowMs + 7,
      member: false,
      visibleFrom: 1n,
    };
    expect(await store().inbox(user, 0)).toMatchObject([pinned]);
    expect(await store().inbox(user, nowMs + 7)).toMatchObject([pinned]);
    expect(await store().inbox(user, nowMs + 8)).toEqual([]);
    expect(await store().inboxRow(owner, thread)).toMatchObject({ sequence: 4n, member: true });

    const back = change({ kind: 'member-added', userId: user, role: 'member' });
    await append(store(), log, third.head, [back], {
      inbox: [{ userId: owner }, { userId: user, member: true, visibleFrom: 5n }],
      nowMs: nowMs + 4 * dayMs,
    });
    const again = { sequence: 5n, ordinal: 2n, member: true, visibleFrom: 5n, activityMs: nowMs + 4 * dayMs };
    expect(await store().inboxRow(user, thread)).toMatchObject(again);
    expect(await store().inbox(user, nowMs + 4 * dayMs)).toMatchObject([again]);
  });

  test('large threads are always given, to their members', async () => {
    const [user, leaver, thread] = [newUser(), newUser('leaver'), newThread()];
    const log = threadLog(thread);
    const first = await append(store(), log, undefined, [created(user, leaver)], { inbox: members(user, leaver) });
    const second = await append(store(), log, first.head, [message('we are many')], {
      inbox: [
        { userId: user, large: true },
        { userId: leaver, large: true },
      ],
    });
    const third = await append(store(), log, second.head, [change({ kind: 'member-removed', userId: leaver })], {
      inbox: [{ userId: leaver, member: false }],
    });
    await append(store(), log, third.head, [message('nobody is named')], { nowMs: nowMs + 1 });
    expect(await store().inbox(user, nowMs + 100 * dayMs)).toMatchObject([
      { threadId: thread, large: true, member: true },
    ]);
    expect(await store().inbox(leaver, nowMs + 100 * dayMs)).toEqual([]);
    expect(await store().inbox(leaver, 0)).toMatchObject([
      { threadId: thread, large: true, member: false, sequence: 3n },
    ]);
  });

  test('a thread that is not large any more is given only when it changed', async () => {
    const [user, thread] = [newUser(), newThread()];
    const log = threadLog(thread);
    const first = await append(store(), log, undefined, [created(user)], { inbox: [{ userId: user, large: true }] });
    await append(store(), log, first.head, [message('few again')], { inbox: [{ userId: user, large: false }] });
    expect(await store().inbox(user, nowMs + dayMs)).toEqual([]);
    expect(await store().inbox(user, nowMs)).toMatchObject([{ threadId: thread, large: false, sequence: 2n }]);
  });

  test('the inbox of one user does not show in that of another whose name begins alike', async () => {
    const user = newUser();
    const longer = `${user}2` as typeof user;
    await append(store(), threadLog(newThread()), undefined, [created(longer)], { inbox: members(longer) });
    expect(await store().inbox(user, 0)).toEqual([]);
    expect(await store().inbox(user, 1)).toEqual([]);
    expect(await store().inbox(longer, 1)).toHaveLength(1);
  });

  test('the inbox is the same after the process was replaced', async () => {
    const user = newUser();
    for (let at = 0; at < 30; at++) {
      const more = { inbox: members(user), nowMs: nowMs + at * dayMs };
      const { head } = await append(store(), threadLog(newThread()), undefined, [created(user)], more);
      expect(head.sequence).toBe(1n);
    }
    const since = nowMs + 10 * dayMs;
    const before = [await store().inbox(user, 0), await store().inbox(user, since)];
    expect(before.map((rows) => rows.length)).toEqual([30, 20]);
    const later = await reopen();
    expect([await later.inbox(user, 0), await later.inbox(user, since)]).toEqual(before);
  });
}
