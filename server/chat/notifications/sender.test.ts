import { beforeEach, expect, test } from 'vitest';
import { HandClock } from '../../../test/support/clock.ts';
import type { DeviceId, ThreadId, UserId } from '../../core/ids.ts';
import type { Notification, Notifier, Verdict } from '../../notify/notifier.ts';
import type { Job, NewJob, NotifyQueue } from '../../notify/queue.ts';
import type { Store } from '../../store/store.ts';
import type { Pushes } from './pushes.ts';
import { Sender } from './sender.ts';

const key = { threadId: 'd_x' as ThreadId, userId: 'bob' as UserId, deviceId: 'phone' as DeviceId };
const job: Job = { kind: 'push', ...key, after: 1n, upTo: 2n, tries: 0, madeMs: 0, takenMs: 0, ticket: '1' };

/** A sender between a queue, a store and a push service, each of which does as it is told. */
class Bench {
  readonly clock = new HandClock();
  readonly settled: string[] = [];
  readonly put: NewJob[] = [];
  read = 0n;
  permits = async (want: number): Promise<{ granted: number; waitMs: number }> => ({ granted: want, waitMs: 0 });
  done = async (): Promise<void> => void this.settled.push('done');
  send: Notifier['send'] = async () => ({ outcome: 'sent' });
  readonly sender: Sender;

  constructor() {
    const queue: Partial<NotifyQueue> = {
      permits: (want) => this.permits(want),
      done: () => this.done(),
      again: async (_, delayMs, counts) =>
        void this.settled.push(`again after ${Math.floor(delayMs / 1_000)} s${counts ? ', tried' : ''}`),
      put: async (jobs) => {
        this.put.push(...jobs);
        return jobs.map(() => 0);
      },
    };
    const store: Partial<Store> = {
      positionsOf: async () => [
        { userId: key.userId, read: this.read, readOrdinal: 0n, delivered: 0n, deliveredOrdinal: 0n } as never,
      ],
    };
    const pushes: Partial<Pushes> = {
      message: async () => ({
        send: { to: { ...key, platform: 'ios', pushToken: 't' } } as Partial<Notification> as Notification,
      }),
    };
    this.sender = new Sender({
      queue: queue as NotifyQueue,
      notifier: {
        name: 'log',
        send: (notification, late) => this.send(notification, late),
        async [Symbol.asyncDispose]() {},
      },
      pushes: pushes as Pushes,
      store: store as Store,
      clock: this.clock,
      onOutcome: (outcome, why) => void this.settled.push(`${outcome} ${why}`.trim()),
    });
  }
}

let bench: Bench;
beforeEach(() => void (bench = new Bench()));

test('a push service that never answers is given up on after 20 s, and told so', async () => {
  let late: AbortSignal | undefined;
  bench.send = (_, signal) => {
    late = signal;
    return new Promise<Verdict>(() => undefined);
  };
  const pushed = bench.sender.push(job);
  await bench.clock.turnSlowly(19_900, 100);
  expect([bench.settled, late?.aborted]).toEqual([[], false]);
  await bench.clock.turnSlowly(200, 100);
  await pushed;
  expect(late?.aborted).toBe(true);
  expect(bench.settled).toEqual([expect.stringContaining(', tried'), 'retried no answer within 20 s']);
});

test('one that answers is not called late, and nothing waits on', async () => {
  let late: AbortSignal | undefined;
  bench.send = async (_, signal) => {
    late = signal;
    return { outcome: 'sent' };
  };
  await bench.sender.push(job);
  await bench.clock.turnSlowly(30_000, 10_000);
  expect([bench.settled, late?.aborted, bench.clock.timers]).toEqual([['done', 'sent'], false, 0]);
});

test('a queue that takes its time with permits is asked for one at a time, which are used', async () => {
  bench.permits = async (want) => {
    await bench.clock.turnSlowly(150, 150);
    return { granted: want, waitMs: 0 };
  };
  await Promise.all(Array.from({ length: 20 }, () => bench.sender.push(job)));
  // Whoever had to wait too long is put back.
  const held = bench.settled.filter((one) => one === 'held').length;
  expect(held).toBeGreaterThan(0);
  expect(bench.settled.filter((one) => one === 'sent')).toHaveLength(20 - held);
  expect(held).toBeLessThan(10);
});

test('what was read while it was sent is withdrawn after it came', async () => {
  await bench.sender.push(job);
  expect(bench.put).toEqual([]);
  bench.read = 2n;
  await bench.sender.push(job);
  expect(bench.put).toEqual([{ kind: 'withdraw', ...key, after: 0n, upTo: 2n, delayMs: 0 }]);
});

test('what was sent counts as tried, though the queue was not told', async () => {
  bench.done = () => Promise.reject(new Error('down'));
  await expect(bench.sender.push(job)).rejects.toThrow('down');
  expect(bench.settled).toEqual(['again after 1 s, tried']);
});
