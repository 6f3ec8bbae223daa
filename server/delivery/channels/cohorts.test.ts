// A channel with more listeners than one cohort has: told by turns within the time of a tick, each whole and in order.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { accountOf } from '../../../test/support/channel-account.ts';
import { type DeliveryNode, type Device, openDeliveryNode, turns } from '../../../test/support/delivery-node.ts';
import { topicOf } from '../../bus/bus.ts';
import { parseChannelId, type UserId } from '../../core/ids.ts';
import type { DeliveryClass } from './channel.ts';
import type { Resume } from './channel-topic.ts';

const post = parseChannelId('post:1');
const everything: DeliveryClass = { kind: 'everything' };

let node: DeliveryNode;
let epoch: bigint;
let published: bigint;

beforeEach(async () => {
  node = await openDeliveryNode();
  published = 0n;
});
afterEach(() => node[Symbol.asyncDispose]());

let users = 0;
async function listen(resume?: Resume): Promise<Device> {
  users += 1;
  const device = await node.live(`user-${users}`);
  await device.session.channels.subscribe(post, everything, resume);
  return device;
}

async function crowd(count: number): Promise<Device[]> {
  const devices = await Promise.all(Array.from({ length: count }, () => listen()));
  ({ epoch } = await node.comments.count(post));
  return devices;
}

/** A comment as the bus brings it, at once. */
function say(text: string): void {
  published += 1n;
  const comment = {
    number: published,
    senderId: 'bob' as UserId,
    clientMessageId: `c${published}`,
    text,
    createTimeMs: 1,
    replyTo: 0n,
    replyToSenderId: '' as UserId,
    mentions: [],
    moderator: false,
    deleted: false,
  };
  const event = { type: 'comments', channelId: post, epoch, comments: [comment], second: 1, perSecond: 1 } as const;
  void node.bus.publish(topicOf.post(post), event);
}

const told = (device: Device): number => device.all('commentBatch').flatMap(({ comments }) => comments).length;

it('is told in turns, and every listener of it everything', async () => {
  const devices = await crowd(400);
  say('one');
  await turns();
  // After a pause all are told at once.
  expect(devices.filter((device) => told(device) === 1)).toHaveLength(400);
  say('two');
  const reached: number[] = [];
  for (let passedMs = 0; passedMs < 60; passedMs += 5) {
    node.clock.turn(5);
    await turns(3);
    reached.push(devices.filter((device) => told(device) === 2).length);
  }
  expect(reached.at(-1)).toBe(400);
  // Not all in one go.
  expect(new Set(reached).size).toBeGreaterThan(2);
  for (const device of devices) expect(accountOf(device)).toMatchObject({ received: ['one', 'two'], skipped: 0 });
});

it('is told in fewer frames, each number once, while what it was told does not arrive', async () => {
  // Full cohorts: a smaller one costs too little to be held back.
  const devices = await crowd(384);
  const framesOf = (device: Device): number => device.all('commentBatch').length;
  for (const device of devices) device.whenArrived = () => undefined;
  for (let n = 1; n <= 40; n++) {
    say(`comment ${n}`);
    node.clock.turn(100);
    await turns(2);
  }
  node.clock.turn(1_000);
  await turns();
  for (const device of devices) {
    expect(accountOf(device)).toMatchObject({ skipped: 0, upTo: 40n });
    // A frame a second for each cohort, where one that keeps up is told each comment by itself.
    expect(framesOf(device)).toBeLessThan(8);
  }
});

it('lets others in while comments wait to be told, and accounts for each from where it says', async () => {
  await crowd(400);
  say('one');
  say('two');
  const late = await listen();
  say('three');
  node.clock.turn(500);
  await turns();
  const { received, upTo } = accountOf(late);
  expect(upTo).toBe(3n);
  expect(received.at(-1)).toBe('three');
  expect(new Set(received).size).toBe(received.length);
});

it('tells who comes back what they missed and what waits to be told, each once', async () => {
  const devices = await crowd(400);
  say('one');
  await turns();
  for (const text of ['two', 'three']) say(text);
  const again = await listen({ epoch, after: 1n });
  say('four');
  node.clock.turn(500);
  await turns();
  const texts = again.all('commentBatch').flatMap(({ comments }) => comments.map(({ text }) => text));
  const skipped = again.all('skipped').reduce((sum, { from, to }) => sum + Number(to - from + 1n), 0);
  expect(texts.length + skipped).toBe(3);
  expect(texts.at(-1)).toBe('four');
  expect(accountOf(devices[0] as Device).received).toEqual(['one', 'two', 'three', 'four']);
});
