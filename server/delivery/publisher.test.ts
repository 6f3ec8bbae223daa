import { describe, expect, test } from 'vitest';
import { MemoryBus } from '../bus/memory.ts';
import { topicOf, type Topic } from '../bus/bus.ts';
import type { Head } from '../core/entry.ts';
import { Refusal } from '../core/errors.ts';
import type { BusEvent, PositionChange } from '../core/event.ts';
import { threadLog, userLog, type ThreadId, type UserId } from '../core/ids.ts';
import { HandClock } from '../../test/support/clock.ts';
import { Publisher } from './publisher.ts';

const thread = 'g_1' as ThreadId;
const other = 'g_2' as ThreadId;
const topic = topicOf.thread(thread);
const headAt = (sequence: bigint): Head => ({
  epoch: 1n,
  sequence,
  ordinal: sequence,
  membersSequence: 1n,
  activityMs: Number(sequence),
});

function entries(sequence: bigint, threadId = thread): Extract<BusEvent, { type: 'entries' }> {
  return { type: 'entries', threadId, head: headAt(sequence), entries: [], origin: undefined };
}

/** A bus that takes nothing while `down`, of the topics that it is down for; what it takes is heard. */
class FailingBus extends MemoryBus {
  readonly taken: [Topic, BusEvent][] = [];
  readonly down = new Set<Topic>();
  isDown = false;

  override async publish(at: Topic, event: BusEvent): Promise<void> {
    if (this.isDown || this.down.has(at)) throw new Refusal('STORE_UNAVAILABLE', 'down');
    this.taken.push([at, event]);
    return super.publish(at, event);
  }
}

function setUp() {
  const bus = new FailingBus();
  const clock = new HandClock();
  const failed: Topic[] = [];
  let overflows = 0;
  const log: string[] = [];
  const publisher = new Publisher({
    bus,
    clock,
    onFailed(at, _, isFirst) {
      failed.push(at);
      if (isFirst) log.push('failing');
    },
    onPaid: () => log.push('paid'),
    onOverflow: () => (overflows += 1),
  });
  return { bus, clock, failed, log, publisher, pass: (ms: number) => clock.turnSlowly(ms), overflows: () => overflows };
}

describe('what was appended', () => {
  test('is published, and nothing is owed', async () => {
    const { bus, clock, publisher, pass } = setUp();
    publisher.publish([topic], entries(1n));
    await pass(2_000);
    expect(bus.taken).toEqual([[topic, entries(1n)]]);
    expect([publisher.owed, clock.timers]).toEqual([0, 0]);
  });

  test('is owed while the bus is down: then only where the logs stand is told, once', async () => {
    const { bus, failed, log, publisher, pass } = setUp();
    const user = topicOf.user('ann' as UserId);
    bus.isDown = true;
    publisher.publish([topic, user], entries(2n));
    publisher.publish([topic], entries(1n));
    publisher.publish([topic], entries(3n));
    publisher.publish([user], { type: 'user-entries', userId: 'ann' as UserId, head: headAt(7n), entries: [] });
    await pass(5_000);
    expect([failed.length, publisher.owed, bus.taken]).toEqual([5, 2, []]);
    bus.isDown = false;
    await pass(1_000);
    const heads = [
      { log: threadLog(thread), head: headAt(2n) },
      { log: userLog('ann' as UserId), head: headAt(7n) },
    ];
    expect(bus.taken).toEqual([
      [topic, { type: 'heads', heads: [{ log: threadLog(thread), head: headAt(3n) }] }],
      [user, { type: 'heads', heads }],
    ]);
    await pass(5_000);
    expect([bus.taken.length, publisher.owed]).toEqual([2, 0]);
    expect(log).toEqual(['failing', 'paid']);
  });

  test('of positions the newest is owed, of each user and thread', async () => {
    const { bus, publisher, pass } = setUp();
    const at = topicOf.user('ann' as UserId);
    const position = (userId: string, delivered: bigint, read: bigint): PositionChange => ({
      userId: userId as UserId,
      delivered,
      read,
      readOrdinal: read,
      readPrivately: false,
      origin: undefined,
    });
    const say = (threadId: ThreadId, ...positions: PositionChange[]): void =>
      publisher.publish([at], { type: 'positions', threadId, positions });
    bus.isDown = true;
    say(thread, position('bob', 3n, 1n), position('carol', 1n, 1n));
    say(thread, position('bob', 2n, 2n));
    say(other, position('bob', 9n, 9n));
    publisher.publish([at], entries(4n));
    await pass(2_000);
    bus.isDown = false;
    say(thread, position('dan', 1n, 1n));
    await pass(1_000);
    expect(bus.taken.map(([, event]) => event)).toEqual([
      { type: 'positions', threadId: thread, positions: [position('dan', 1n, 1n)] },
      { type: 'heads', heads: [{ log: threadLog(thread), head: headAt(4n) }] },
      { type: 'positions', threadId: thread, positions: [position('bob', 3n, 2n), position('carol', 1n, 1n)] },
      { type: 'positions', threadId: other, positions: [position('bob', 9n, 9n)] },
    ]);
    expect(publisher.owed).toBe(0);
  });

  test('is owed no more when something later of the same log was heard', async () => {
    const { bus, publisher, pass } = setUp();
    bus.isDown = true;
    publisher.publish([topic], entries(1n));
    publisher.publish([topic], entries(4n, other));
    await pass(10);
    bus.isDown = false;
    publisher.publish([topic], entries(2n));
    await pass(2_000);
    expect(bus.taken.map(([, event]) => event)).toEqual([
      entries(2n),
      { type: 'heads', heads: [{ log: threadLog(other), head: headAt(4n) }] },
    ]);
  });

  test('is owed to one topic while others are heard', async () => {
    const { bus, publisher, pass } = setUp();
    const far = topicOf.thread(other);
    bus.down.add(far);
    publisher.publish([topic, far], entries(1n));
    await pass(3_000);
    expect([bus.taken.length, publisher.owed]).toEqual([1, 1]);
    bus.down.clear();
    await pass(1_000);
    expect([bus.taken.length, publisher.owed]).toEqual([2, 0]);
  });

  test('is owed to so many topics and no more; beyond, it is said that there was more, once the bus is back', async () => {
    const { bus, publisher, pass, overflows } = setUp();
    bus.isDown = true;
    for (let at = 0; at < 10_001; at++) publisher.publish([topicOf.thread(`g_${at}` as ThreadId)], entries(1n));
    await pass(1_000);
    expect([publisher.owed, overflows()]).toEqual([10_000, 0]);
    bus.isDown = false;
    await pass(5_000);
    expect([publisher.owed, overflows(), bus.taken.length]).toEqual([0, 1, 10_000]);
  });
});
