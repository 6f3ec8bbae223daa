import { expect, test } from 'vitest';
import { HandClock } from '../../../test/support/clock.ts';
import type { Job, NotifyQueue } from '../../notify/queue.ts';
import type { Looks } from './looks.ts';
import type { Sender } from './sender.ts';
import { Worker } from './worker.ts';

test('jobs are done though they cannot be counted', async () => {
  const clock = new HandClock();
  const jobs = [{ kind: 'look' } as Job];
  const queue = {
    counts: () => Promise.reject(new Error('a part is out of reach')),
    take: async () => jobs.splice(0),
  } as Partial<NotifyQueue> as NotifyQueue;
  const looked: Job[] = [];
  const looks = { look: async (job: Job) => void looked.push(job) } as Partial<Looks> as Looks;
  const troubles: unknown[] = [];
  const onTrouble = (error: unknown): void => void troubles.push(error);
  const worker = new Worker({ queue, looks, sender: {} as Sender, clock, onTrouble });
  await clock.turnSlowly(50);
  expect(looked).toHaveLength(1);
  expect(troubles).toHaveLength(1);
  const ended = worker[Symbol.asyncDispose]();
  await clock.turnSlowly(2_000, 500);
  await ended;
});
