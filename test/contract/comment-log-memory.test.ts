import { expect, test } from 'vitest';
import { MemoryBus } from '../../server/bus/memory.ts';
import { MemoryCommentLog, type MemoryCommentLogOptions } from '../../server/comments/memory.ts';
import { HandClock } from '../support/clock.ts';
import { commentLogContract } from './comment-log.ts';
import { all, ChannelEar, comment, comments, kept, newChannel, numbersOf } from './comment-samples.ts';

function open(bounds: Pick<MemoryCommentLogOptions, 'maxChannels' | 'maxKept'> = {}) {
  const clock = new HandClock();
  const bus = new MemoryBus();
  return { clock, bus, log: new MemoryCommentLog({ bus, clock, ...bounds }) };
}

const dayMs = 86_400_000;

commentLogContract('the comment log in memory', () => {
  const { clock, bus, log } = open();
  const node = { log, bus };
  return Promise.resolve({
    here: node,
    there: node,
    pass: (ms) => clock.turn(ms),
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  });
});

test('a channel that nobody spoke in for 30 days begins a later epoch, with nothing kept or pinned', async () => {
  const { clock, log } = open();
  const channel = newChannel();
  await log.publish(channel, comments(2), { count: 10, forMs: 90 * dayMs });
  await log.pin(channel, 1n);
  const { epoch } = await log.count(channel);
  clock.turn(30 * dayMs - 1);
  expect(await log.count(channel)).toEqual({ epoch, published: 2n });
  clock.turn(1);
  expect(await all(log, channel)).toEqual([]);
  expect(await log.pinned(channel)).toBeUndefined();
  const later = await log.count(channel);
  expect(later.published).toBe(0n);
  expect(later.epoch).toBeGreaterThan(epoch);
});

test('an epoch is later than the one before it although the wall clock was set back', async () => {
  const { clock, log } = open();
  const channel = newChannel();
  const { epoch } = await log.count(channel);
  clock.turn(30 * dayMs);
  clock.step(-60 * dayMs);
  expect((await log.count(channel)).epoch).toBeGreaterThan(epoch);
});

test('of more channels than there is room for the one not spoken in for longest goes', async () => {
  const { clock, log } = open({ maxChannels: 2 });
  const [one, two, three] = [newChannel(), newChannel(), newChannel()];
  for (const channel of [one, two, one]) await log.publish(channel, comments(1), kept);
  const { epoch } = await log.count(two);
  await log.publish(three, comments(1), kept);
  expect(await all(log, two)).toEqual([]);
  expect([(await all(log, one)).length, (await all(log, three)).length]).toEqual([2, 1]);
  clock.turn(1);
  const [begun] = await log.publish(two, comments(1), kept);
  expect(begun).toMatchObject({ number: 1n });
  expect((await log.count(two)).epoch).toBeGreaterThan(epoch);
});

test('of more comments than there is room for those of the channel not spoken in for longest go', async () => {
  const { log } = open({ maxKept: 10 });
  const [one, two] = [newChannel(), newChannel()];
  await log.publish(one, comments(6), kept);
  await log.publish(two, comments(4), kept);
  expect(await all(log, one)).toHaveLength(6);
  // What the rule takes away makes room.
  await log.publish(two, comments(2), { ...kept, count: 4 });
  expect(await all(log, one)).toHaveLength(6);
  await log.publish(two, comments(1), kept);
  expect(await all(log, one)).toEqual([]);
  // The rule of one channel may allow for more than all.
  await log.publish(two, comments(20), kept);
  expect(await all(log, two)).toHaveLength(25);
});

test('listeners that the node said nothing of for 30 s are not counted', async () => {
  const { clock, log } = open();
  const channel = newChannel();
  await log.countListeners(channel, 3);
  clock.turn(29_999);
  expect(await log.countListeners(channel, undefined)).toBe(3);
  clock.turn(1);
  expect(await log.countListeners(channel, undefined)).toBe(0);
});

test('who publishes while a comment is handed over is heard after it', async () => {
  const { bus, log } = open();
  const channel = newChannel();
  const publishing: Promise<unknown>[] = [];
  await bus.subscribe(`post:${channel}` as never, (event) => {
    if (event.type !== 'comments' || publishing.length === 5) return;
    publishing.push(log.publish(channel, [comment('again')], kept));
  });
  const ear = await ChannelEar.on({ bus }, channel);
  await log.publish(channel, comments(1), kept);
  await Promise.all(publishing);
  expect(numbersOf(ear.comments)).toEqual([1n, 2n, 3n, 4n, 5n, 6n]);
});
