// What any queue of notifications promises, as one suite.
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Marks } from '../../server/chat/notifications/marks.ts';
import type { Clock } from '../../server/core/clock.ts';
import type { DeviceId, ThreadId, UserId } from '../../server/core/ids.ts';
import type { Job, NewJob, NotifyQueue, QueueBounds } from '../../server/notify/queue.ts';

/** Bounds that the suite opens queues with. */
export const smallBounds: QueueBounds = { maxJobs: 50, leaseMs: 600, perS: 200 };

export interface QueueAtHand extends AsyncDisposable {
  /** Another worker's way in; of the embedded queue the same. */
  readonly here: NotifyQueue;
  readonly there: NotifyQueue;
  /** Runs as the queue's does. */
  readonly clock: Clock;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
}

export const threadA = 'g_a' as ThreadId;
export const alice = 'alice with spaces' as UserId;
export const phone = 'phone' as DeviceId;

export function look(after: bigint, upTo: bigint, delayMs = 0, threadId = threadA): NewJob {
  return { kind: 'look', threadId, userId: '' as UserId, deviceId: '' as DeviceId, after, upTo, delayMs };
}

export function push(upTo: bigint, delayMs = 0, userId = alice, deviceId = phone, threadId = threadA): NewJob {
  return { kind: 'push', threadId, userId, deviceId, after: upTo - 1n, upTo, delayMs };
}

/** The next jobs, at least so many. */
export async function nextOf({ pass }: Pick<QueueAtHand, 'pass'>, queue: NotifyQueue, count = 1): Promise<Job[]> {
  const jobs: Job[] = [];
  for (let waits = 0; waits < 400; waits++) {
    jobs.push(...(await queue.take(100)));
    if (jobs.length >= count) return jobs;
    await pass(20);
  }
  throw new Error(`${count} jobs were expected, ${jobs.length} came`);
}

async function nextOne(at: QueueAtHand, queue: NotifyQueue): Promise<Job> {
  const [job] = await nextOf(at, queue);
  if (job === undefined) throw new Error('a job was expected');
  return job;
}

const rangeOf = ({ after, upTo }: Job): readonly [bigint, bigint] => [after, upTo];

export function notifyQueueContract(name: string, open: () => Promise<QueueAtHand>): void {
  describe(name, () => {
    let at: QueueAtHand;
    beforeEach(async () => void (at = await open()));
    afterEach(() => at[Symbol.asyncDispose]());

    test('a job is given when it is due, once, with what was put', async () => {
      await at.here.put([look(3n, 4n, 200), push(9n)]);
      const first = await nextOne(at, at.there);
      expect(first).toMatchObject({
        kind: 'push',
        userId: alice,
        deviceId: phone,
        threadId: threadA,
        upTo: 9n,
        tries: 0,
      });
      const second = await nextOne(at, at.here);
      expect(second).toMatchObject({ kind: 'look', threadId: threadA, after: 3n, upTo: 4n, userId: '', deviceId: '' });
      expect(second.takenMs - second.madeMs).toBeGreaterThanOrEqual(190);
      expect(await at.there.take(10)).toEqual([]);
    });

    test('what is put for a key that waits is merged into it, at the earlier time', async () => {
      await at.here.put([look(30n, 31n, 60_000)]);
      await at.there.put([look(10n, 12n, 100), look(40n, 44n, 90_000)]);
      expect((await nextOf(at, at.here)).map(rangeOf)).toEqual([[10n, 44n]]);
      expect(await at.here.counts()).toEqual({ looks: 1, waiting: 0, dead: 0 });
    });

    test('whoever puts is told when it is given, also where that is sooner than asked, or after a worker is done with a part', async () => {
      expect(await at.here.put([look(3n, 4n, 60_000)])).toEqual([60_000]);
      const [merged] = await at.there.put([look(4n, 5n, 300)]);
      expect(merged).toBe(300);
      await at.pass(100);
      expect((await at.here.put([look(5n, 6n, 1_000)]))[0]).toBeLessThanOrEqual(200);
      await at.pass(300);
      expect(await at.here.put([look(5n, 6n, 1_000)])).toEqual([0]);
      await nextOne(at, at.there);
      expect(await at.here.put([look(6n, 7n, 1_000)])).toEqual([1_000]);
    });

    test('a message that is acknowledged while somebody else looks at the thread is looked at after that', async () => {
      // Another node marked the thread a while ago.
      await at.there.put([look(3n, 3n, 300)]);
      await using marks = new Marks(at.here, at.clock);
      marks.begin(threadA, 4n);
      const early = await nextOne(at, at.there);
      await marks.end(threadA, 4n);
      await at.there.done([{ ...early, upTo: 4n }]);
      expect(await at.here.counts()).toMatchObject({ looks: 1 });
    });

    test('what is put while a worker has the job waits on when that part is done', async () => {
      await at.here.put([look(0n, 5n)]);
      const job = await nextOne(at, at.here);
      await at.there.put([look(5n, 8n)]);
      expect(await at.there.take(10)).toEqual([]);
      await at.here.done([job]);
      const rest = await nextOne(at, at.there);
      expect(rangeOf(rest)).toEqual([5n, 8n]);
      await at.there.done([rest]);
      expect(await at.here.counts()).toEqual({ looks: 0, waiting: 0, dead: 0 });
    });

    test('a job whose worker does not settle it is given to another, which alone may settle it then', async () => {
      await at.here.put([push(1n)]);
      const lost = await nextOne(at, at.here);
      expect(await at.there.take(10)).toEqual([]);
      await at.pass(smallBounds.leaseMs);
      const found = await nextOne(at, at.there);
      expect(found).toMatchObject({ kind: 'push', upTo: 1n });
      await at.here.done([lost]);
      await at.here.bury(lost, 'late');
      expect(await at.here.counts()).toEqual({ looks: 0, waiting: 1, dead: 0 });
      await at.there.done([found]);
      expect((await at.here.counts()).waiting).toBe(0);
    });

    test('a job that failed is given again after its pause, and news does not shorten that', async () => {
      await at.here.put([push(1n)]);
      const job = await nextOne(at, at.here);
      await at.here.again(job, 300, true);
      await at.here.put([push(2n)]);
      expect(await at.here.take(10)).toEqual([]);
      const again = await nextOne(at, at.there);
      expect(again).toMatchObject({ tries: 1, after: 0n, upTo: 2n });
      expect(again.takenMs - job.takenMs).toBeGreaterThanOrEqual(290);
      // Held, not failed.
      await at.there.again(again, 0, false);
      expect(await nextOne(at, at.here)).toMatchObject({ tries: 1 });
    });

    test('a full queue gives back what it has no room for, and still merges', async () => {
      const users = Array.from({ length: smallBounds.maxJobs * 4 }, (_, at) => `u${at}` as UserId);
      const dueIn = await at.here.put(users.map((user) => push(1n, 60_000, user)));
      const left = new Set(users.filter((_, index) => dueIn[index] === undefined));
      const waiting = users.length - left.size;
      // Its bound may be kept by parts.
      expect(waiting).toBeGreaterThan(smallBounds.maxJobs / 2);
      expect(waiting).toBeLessThan(smallBounds.maxJobs + 8);
      const [inside, outside] = [users.find((user) => !left.has(user)), [...left][0]];
      if (inside === undefined || outside === undefined) throw new Error('some fit and some do not');
      const [more, merged] = await at.there.put([push(2n, 60_000, outside), push(2n, 60_000, inside)]);
      expect(more).toBeUndefined();
      expect(merged).toBeGreaterThan(50_000);
      expect((await at.there.counts()).waiting).toBe(waiting);
      // It was not put: nothing says that the device was notified.
      expect(await at.here.notified(threadA, [outside, inside])).toEqual([new Map(), new Map([[phone, 2n]])]);
    });

    test('a queue full of looks has room for what they lead to, and so drains', async () => {
      const threads = Array.from({ length: smallBounds.maxJobs * 4 }, (_, index) => `g_${index}` as ThreadId);
      const all = async (make: (threadId: ThreadId, index: number) => NewJob): Promise<number> =>
        (await at.here.put(threads.map(make))).filter((ms) => ms !== undefined).length;
      const looks = await all((threadId) => look(1n, 1n, 60_000, threadId));
      const rechecks = await all((threadId) => ({ ...look(1n, 1n, 60_000, threadId), kind: 'recheck' }));
      const pushes = await all((threadId, index) => push(1n, 60_000, `u${index}` as UserId, phone, threadId));
      // Its bounds may be kept by parts.
      expect(looks).toBeLessThan(smallBounds.maxJobs / 2 + 8);
      for (const some of [rechecks, pushes]) expect(some).toBeGreaterThanOrEqual(8);
      expect(looks + rechecks).toBeLessThan((smallBounds.maxJobs * 3) / 4 + 8);
    });

    test('what is put with a lower `after` while a worker has the job is given from there when that part is done', async () => {
      await at.here.put([look(5n, 8n)]);
      const job = await nextOne(at, at.here);
      await at.there.put([look(3n, 3n)]);
      await at.here.done([{ ...job, upTo: 9n }]);
      expect(rangeOf(await nextOne(at, at.there))).toEqual([3n, 8n]);
    });

    test('up to where devices were notified is remembered, and only grows', async () => {
      const tablet = 'tablet' as DeviceId;
      await at.here.put([push(5n), push(7n, 0, alice, tablet), push(9n, 0, alice, phone, 'g_b' as ThreadId)]);
      await at.there.put([push(4n)]);
      const bob = 'bob' as UserId;
      expect(await at.there.notified(threadA, [bob, alice])).toEqual([
        new Map(),
        new Map([
          [phone, 5n],
          [tablet, 7n],
        ]),
      ]);
    });

    test('a device is withdrawn from once for what was read, and again only after it was notified again', async () => {
      const tablet = 'tablet' as DeviceId;
      await at.here.put([push(5n), push(7n, 0, alice, tablet)]);
      await at.here.done(await nextOf(at, at.here, 2));
      expect(await at.there.withdraw(alice, threadA, 4n)).toBe(0);
      expect(await at.there.withdraw(alice, threadA, 6n)).toBe(1);
      expect(await at.there.withdraw(alice, threadA, 6n)).toBe(0);
      const job = await nextOne(at, at.here);
      expect(job).toMatchObject({ kind: 'withdraw', deviceId: phone, userId: alice, upTo: 5n });
      await at.here.done([job]);
      await at.here.put([push(8n)]);
      await at.here.done(await nextOf(at, at.here));
      expect(await at.here.withdraw(alice, threadA, 8n)).toBe(2);
      expect((await nextOf(at, at.here, 2)).map(({ kind, deviceId }) => `${kind} ${deviceId}`).toSorted()).toEqual([
        'withdraw phone',
        'withdraw tablet',
      ]);
    });

    test('what is read while the push still waits is taken out, unless something was shown before', async () => {
      await at.here.put([push(5n, 60_000)]);
      await at.here.put([push(6n, 60_000)]);
      expect(await at.there.withdraw(alice, threadA, 6n)).toBe(0);
      expect(await at.here.counts()).toEqual({ looks: 0, waiting: 0, dead: 0 });
      expect(await at.here.notified(threadA, [alice])).toEqual([new Map([[phone, 6n]])]);
      // Shown, and more waits; or tried, nobody knows how far it came.
      await at.here.put([push(7n), push(7n, 0, 'bob' as UserId)]);
      for (const job of await nextOf(at, at.here, 2)) {
        if (job.userId === alice) await at.here.done([job]);
        else await at.here.again(job, 60_000, true);
      }
      await at.here.put([push(8n, 60_000)]);
      expect(await at.there.withdraw(alice, threadA, 8n)).toBe(1);
      expect(await at.there.withdraw('bob' as UserId, threadA, 8n)).toBe(1);
    });

    test('what is read while a withdrawal waits that a newer push stands in front of is withdrawn too', async () => {
      await at.here.put([push(5n)]);
      await at.here.done(await nextOf(at, at.here));
      expect(await at.here.withdraw(alice, threadA, 5n)).toBe(1);
      await at.here.put([push(8n, 60_000)]);
      const withdrawal = await nextOne(at, at.there);
      expect(withdrawal).toMatchObject({ kind: 'withdraw', upTo: 5n });
      await at.there.done([withdrawal]);
      expect(await at.here.withdraw(alice, threadA, 8n)).toBe(1);
    });

    test('of a user who is forgotten nothing is left of the thread, waiting, taken, dead or notified', async () => {
      const [tablet, laptop] = ['tablet', 'laptop'].map((device) => device as DeviceId);
      const bob = 'bob' as UserId;
      const other = 'g_b' as ThreadId;
      await at.here.put([push(5n), push(6n, 0, alice, tablet)]);
      const jobs = await nextOf(at, at.here, 2);
      for (const job of jobs) if (job.deviceId === phone) await at.here.bury(job, 'refused');
      await at.here.put([push(7n, 0, alice, laptop), push(5n, 0, bob), push(5n, 0, alice, phone, other)]);
      await at.there.forget(alice, threadA);
      expect(await at.here.deadLetters(10)).toEqual([]);
      expect(await at.here.notified(threadA, [alice, bob])).toEqual([new Map(), new Map([[phone, 5n]])]);
      expect((await nextOf(at, at.here, 2)).map(({ userId, threadId }) => `${userId} ${threadId}`).toSorted()).toEqual([
        `${alice} ${other}`,
        `${bob} ${threadA}`,
      ]);
      // What was taken is not settled any more, nor given to another.
      await at.there.done(jobs);
      expect(await at.here.counts()).toEqual({ looks: 0, waiting: 2, dead: 0 });
      expect(await at.here.withdraw(alice, threadA, 9n)).toBe(0);
    });

    test('permits of all workers together stay below the quota in any second, and stop for a pause', async () => {
      let granted = 0;
      for (let at20ms = 0; at20ms < 50; at20ms++) {
        for (const queue of [at.here, at.there]) {
          const permits = await queue.permits(100);
          granted += permits.granted;
          if (permits.granted === 0) expect(permits.waitMs).toBeGreaterThan(0);
        }
        await at.pass(20);
      }
      expect(granted).toBeGreaterThan(smallBounds.perS * 0.5);
      await at.here.pause(300);
      await at.here.pause(100);
      const paused = await at.there.permits(1);
      expect(paused.granted).toBe(0);
      expect(paused.waitMs).toBeGreaterThan(200);
      await at.pass(310);
      expect((await at.there.permits(1)).granted).toBe(1);
    });

    test('what was given up is listed newest first, page by page, and can be put back', async () => {
      const users = ['u1', 'u2', 'u3'].map((user) => user as UserId);
      await at.here.put(users.map((user) => push(3n, 0, user)));
      for (const job of await nextOf(at, at.here, 3)) {
        await at.here.bury({ ...job, tries: 4 }, `messaging/third-party-auth-error ${'é'.repeat(200)}`);
        await at.pass(5);
      }
      const all = await at.there.deadLetters(10);
      expect(all).toHaveLength(3);
      const [newest] = all;
      if (newest === undefined) throw new Error('three dead letters were expected');
      expect(newest).toMatchObject({ kind: 'push', threadId: threadA, deviceId: phone, sequence: 3n, tries: 4 });
      expect(newest.error).toContain('messaging/third-party-auth-error é');
      expect(Buffer.byteLength(newest.error)).toBeLessThanOrEqual(200);
      const times = all.map(({ deadMs }) => deadMs);
      expect(times).toEqual(times.toSorted((a, b) => b - a));
      const paged = [await at.there.deadLetters(2), await at.there.deadLetters(2, all[1])].flat();
      expect(paged).toEqual(all);
      expect(await at.there.counts()).toEqual({ looks: 0, waiting: 0, dead: 3 });
      expect(await at.here.revive(newest.id)).toBe(true);
      expect(await at.here.revive(newest.id)).toBe(false);
      expect(await at.here.revive(randomUUID())).toBe(false);
      const revived = await nextOne(at, at.there);
      expect(revived).toMatchObject({ kind: 'push', userId: newest.userId, upTo: 3n, tries: 0 });
      expect((await at.here.counts()).dead).toBe(2);
    });
  });
}
