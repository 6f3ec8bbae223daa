import { expect, test } from 'vitest';
import { HandClock } from '../../../test/support/clock.ts';
import { parseChannelId, type UserId } from '../../core/ids.ts';
import type { FrameEncoder } from '../frames.ts';
import { Audience } from './audience.ts';
import { Listening, Skips } from './listening.ts';
import type { Run } from './pieces.ts';

const channelId = parseChannelId('post:1');
const encode = ((frame) =>
  Buffer.from(frame.type === 'comments' ? `${frame.from}-${frame.to}` : frame.type)) as FrameEncoder;
const everything = { kind: 'everything' } as const;

/** An audience in a time that is turned by hand. */
function newAudience() {
  const clock = new HandClock();
  const audience = new Audience(channelId, encode, clock);
  const told = new Map<string, string[]>();
  /** Those who have no room. */
  const behind = new Set<string>();
  const join = (name: string): (() => void) => {
    const heard: string[] = [];
    told.set(name, heard);
    const hear = (bytes: Buffer): true => (heard.push(String(bytes)) > 0) as true;
    const listener = {
      userId: name as UserId,
      offer: (bytes: Buffer): boolean => !behind.has(name) && hear(bytes),
      tell: (bytes: Buffer): void => void hear(bytes),
      whenArrived: (): void => undefined,
    };
    return audience.add(new Listening(listener, channelId, encode, new Skips(channelId, encode)), everything);
  };
  return { audience, told, join, clock, behind };
}

function run(number: bigint): Run {
  const comment = {
    number,
    senderId: 'x' as UserId,
    clientMessageId: 'c',
    text: 'hi',
    createTimeMs: 0,
    replyTo: 0n,
    replyToSenderId: '' as UserId,
    mentions: [],
    moderator: false,
    deleted: false,
  };
  return { kind: 'heard', from: number, to: number, heard: [{ comment, epoch: 1n, second: 0, perSecond: 0 }] };
}

test('a small audience is told at once', () => {
  const { audience, told, join, clock } = newAudience();
  join('ann');
  audience.hear(1n, [run(1n)], []);
  expect(told.get('ann')).toEqual(['1-1']);
  expect(clock.timers).toBe(0);
});

test('a large audience is told in several turns of the loop, each listener everything in its order', () => {
  const { audience, told, join, clock } = newAudience();
  for (let n = 0; n < 10_000; n += 1) join(`u${n}`);
  audience.hear(1n, [run(1n)], []);
  expect(audience.isTelling).toBe(true);
  expect(told.get('u0')).toEqual(['1-1']);
  expect(told.get('u9999')).toEqual([]);
  // What comes meanwhile waits behind it, whatever it is.
  audience.tell(Buffer.from('changed'));
  audience.hear(1n, [run(2n)], [1n]);
  let turns = 0;
  for (; audience.isTelling; turns += 1) clock.turn(1);
  expect(turns).toBeGreaterThan(5);
  expect(audience.isTelling).toBe(false);
  for (const heard of told.values()) expect(heard).toEqual(['1-1', 'changed', '2-2', '0-0']);
});

test('who leaves amid it is told nothing more, and who comes is told nothing of before', () => {
  const { audience, told, join, clock } = newAudience();
  for (let n = 0; n < 9_999; n += 1) join(`u${n}`);
  const leave = join('leaver');
  audience.hear(1n, [run(1n)], []);
  leave();
  join('comer');
  while (audience.isTelling) clock.turn(1);
  expect(told.get('leaver')).toEqual([]);
  expect(told.get('comer')).toEqual([]);
  audience.hear(1n, [run(2n)], []);
  while (audience.isTelling) clock.turn(1);
  expect(told.get('comer')).toEqual(['2-2']);
});

test('what is spread is told evenly over its time, and then it is said that all are told', () => {
  const { audience, told, join, clock } = newAudience();
  for (let n = 0; n < 100; n += 1) join(`u${n}`);
  const reached = (): number => [...told.values()].filter((heard) => heard.length > 0).length;
  audience.spread(20);
  audience.hear(1n, [run(1n)], []);
  let toldMs: number | undefined;
  audience.whenTold(() => (toldMs = clock.monotonicMs()));
  expect(reached()).toBe(5);
  clock.turn(9);
  expect(reached()).toBe(50);
  // A turn of the loop that came late is made up for.
  clock.turn(10);
  expect([reached(), toldMs]).toEqual([100, 19]);
  audience.spread(0.5);
  audience.hear(1n, [run(2n)], []);
  expect(audience.isTelling).toBe(false);
  audience.whenTold(() => (toldMs = 0));
  expect(toldMs).toBe(0);
});

test('others are chosen each time, and nobody who is behind', () => {
  const { audience, join, behind } = newAudience();
  for (let n = 0; n < 100; n += 1) join(`u${n}`);
  for (let n = 0; n < 100; n += 3) behind.add(`u${n}`);
  audience.hear(1n, [run(1n)], []);
  const names = (): string[] => audience.some(8).map(({ listener }) => listener.userId);
  const seen = new Set<string>();
  for (let at = 0; at < 50; at += 1) {
    const chosen = names();
    expect(chosen.length).toBeGreaterThan(5);
    expect(chosen.length).toBeLessThanOrEqual(8);
    for (const name of chosen) seen.add(name);
  }
  expect([...seen].filter((name) => behind.has(name))).toEqual([]);
  expect(seen.size).toBeGreaterThan(40);
});
