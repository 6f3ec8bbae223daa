import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { UserId } from '../../server/core/ids.ts';
import { EmbeddedQueue } from '../../server/notify/embedded.ts';
import { HandClock } from '../support/clock.ts';
import { alice, look, nextOf, notifyQueueContract, phone, push, smallBounds, threadA } from './notify-queue.ts';

async function open() {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-notify-'));
  const clock = new HandClock();
  let queue = await EmbeddedQueue.open({ ...smallBounds, folder, clock });
  return {
    clock,
    get here() {
      return queue;
    },
    get there() {
      return queue;
    },
    pass: (ms: number) => Promise.resolve(clock.turn(ms)),
    async reopen() {
      await queue[Symbol.asyncDispose]();
      queue = await EmbeddedQueue.open({ ...smallBounds, folder, clock });
    },
    async [Symbol.asyncDispose]() {
      await queue[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

notifyQueueContract('the queue of notifications in a folder', open);

test('what waited, what a worker had, what was notified and what is dead are there when the folder is opened again', async () => {
  await using at = await open();
  const [bob, carol] = ['bob', 'carol'].map((user) => user as UserId);
  await at.here.put([push(1n, 0, bob), push(5n, 0, carol)]);
  const jobs = await nextOf(at, at.here, 2);
  await at.here.bury(
    jobs.find(({ userId }) => userId === bob)!,
    'refused',
  );
  await at.here.put([look(2n, 6n, 500), push(8n, 0, carol)]);
  await at.reopen();
  expect(await at.here.counts()).toEqual({ looks: 1, waiting: 1, dead: 1 });
  // At once: the worker is gone with the process.
  expect(await at.here.take(10)).toMatchObject([{ kind: 'push', userId: carol, after: 4n, upTo: 8n }]);
  expect(await at.here.notified(threadA, [carol!])).toEqual([new Map([[phone, 8n]])]);
  at.clock.turn(500);
  expect(await at.here.take(10)).toMatchObject([{ kind: 'look', after: 2n, upTo: 6n }]);
});

test('a wall clock that is set changes nothing of when jobs are given', async () => {
  await using at = await open();
  await at.here.put([look(3n, 4n, 1_000)]);
  at.clock.step(3_600_000);
  expect(await at.here.take(10)).toEqual([]);
  at.clock.step(-7_200_000);
  at.clock.turn(1_000);
  expect(await at.here.take(10)).toHaveLength(1);
});

test('whoever comes after it was closed is refused, and does not open the folder again', async () => {
  await using at = await open();
  const put = at.here.put([look(0n, 1n)]);
  await at.here[Symbol.asyncDispose]();
  expect(await put).toEqual([0]);
  for (let tries = 0; tries < 2; tries++) {
    await expect(at.here.put([look(0n, 2n)])).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  }
  await at.reopen();
  expect(await at.here.take(10)).toMatchObject([{ upTo: 1n }]);
});

test('in no second more is permitted than the quota', async () => {
  await using at = await open();
  const grants: number[] = [];
  for (let step = 0; step < 500; step++) {
    grants.push((await at.here.permits(1_000)).granted);
    at.clock.turn(10);
  }
  for (let start = 0; start + 100 <= grants.length; start++) {
    expect(grants.slice(start, start + 100).reduce((sum, one) => sum + one)).toBeLessThanOrEqual(smallBounds.perS);
  }
});

test('after 30 days it is forgotten up to where devices were notified, and what is dead', async () => {
  await using at = await open();
  const dayMs = 86_400_000;
  await at.here.put([push(1n)]);
  const [job] = await nextOf(at, at.here);
  await at.here.bury(job!, 'refused');
  at.clock.turn(30 * dayMs - 1);
  expect((await at.here.notified(threadA, [alice]))[0]).toEqual(new Map([[phone, 1n]]));
  expect(await at.here.deadLetters(10)).toHaveLength(1);
  at.clock.turn(1);
  expect((await at.here.notified(threadA, [alice]))[0]).toEqual(new Map());
  expect(await at.here.deadLetters(10)).toEqual([]);
  expect((await at.here.counts()).dead).toBe(0);
});
