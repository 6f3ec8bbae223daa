import { expect, test } from 'vitest';
import { parseChannelId, type UserId } from '../../core/ids.ts';
import type { FrameEncoder } from '../frames.ts';
import { Audience } from './audience.ts';
import { Listening } from './listening.ts';
import type { Run } from './pieces.ts';

const channelId = parseChannelId('post:1');
const encode = ((frame) =>
  Buffer.from(frame.type === 'comments' ? `${frame.from}-${frame.to}` : frame.type)) as FrameEncoder;
const everything = { kind: 'everything' } as const;

/** An audience whose turns of the loop are counted, and taken by hand. */
function newAudience() {
  const due: (() => void)[] = [];
  const audience = new Audience(channelId, encode, (run) => due.push(run));
  const told = new Map<string, string[]>();
  const join = (name: string): (() => void) => {
    const heard: string[] = [];
    told.set(name, heard);
    const hear = (bytes: Buffer): true => (heard.push(String(bytes)) > 0) as true;
    const listener = {
      userId: name as UserId,
      offer: hear,
      tell: (bytes: Buffer): void => void hear(bytes),
      whenArrived: (): void => undefined,
    };
    return audience.add(new Listening(listener, channelId, encode), everything);
  };
  return { audience, told, join, due };
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
  const { audience, told, join, due } = newAudience();
  join('ann');
  audience.hear(1n, [run(1n)], []);
  expect(told.get('ann')).toEqual(['1-1']);
  expect(due).toHaveLength(0);
});

test('a large audience is told in several turns of the loop, each listener everything in its order', () => {
  const { audience, told, join, due } = newAudience();
  for (let n = 0; n < 10_000; n += 1) join(`u${n}`);
  audience.hear(1n, [run(1n)], []);
  expect(audience.isTelling).toBe(true);
  expect(told.get('u0')).toEqual(['1-1']);
  expect(told.get('u9999')).toEqual([]);
  // What comes meanwhile waits behind it, whatever it is.
  audience.tell(Buffer.from('changed'));
  audience.hear(1n, [run(2n)], [1n]);
  let turns = 0;
  for (let next = due.shift(); next !== undefined; next = due.shift(), turns += 1) next();
  expect(turns).toBeGreaterThan(5);
  expect(audience.isTelling).toBe(false);
  for (const heard of told.values()) expect(heard).toEqual(['1-1', 'changed', '2-2', '0-0']);
});

test('who leaves amid it is told nothing more, and who comes is told nothing of before', () => {
  const { audience, told, join, due } = newAudience();
  for (let n = 0; n < 9_999; n += 1) join(`u${n}`);
  const leave = join('leaver');
  audience.hear(1n, [run(1n)], []);
  leave();
  join('comer');
  for (let next = due.shift(); next !== undefined; next = due.shift()) next();
  expect(told.get('leaver')).toEqual([]);
  expect(told.get('comer')).toEqual([]);
  audience.hear(1n, [run(2n)], []);
  for (let next = due.shift(); next !== undefined; next = due.shift()) next();
  expect(told.get('comer')).toEqual(['2-2']);
});
