import { expect, test } from 'vitest';
import { parseChannelId, type UserId } from '../../core/ids.ts';
import type { FrameEncoder } from '../frames.ts';
import { Listening, Skips } from './listening.ts';

const encode = ((frame) => {
  if (frame.type === 'channel-skipped') return Buffer.from(`skipped ${frame.from}-${frame.to}`);
  return Buffer.from(
    frame.type === 'channel' ? `slow ${frame.channel.slowModeS} at ${frame.channel.published}` : 'deleted',
  );
}) as FrameEncoder;
const channelId = parseChannelId('post:1');
const piece = (from: bigint, to: bigint) => ({ bytes: Buffer.from(`${from}-${to}`), from, to });

/** A listener that has room when it is told to, and may find some amid an offer. */
function newListening() {
  const told: string[] = [];
  const peer = { hasRoom: true, onOffer: (): void => undefined };
  const offer = (bytes: Buffer): boolean => {
    peer.onOffer();
    if (peer.hasRoom) told.push(String(bytes));
    return peer.hasRoom;
  };
  const tell = (bytes: Buffer): void => void told.push(String(bytes));
  const whenArrived = (): void => undefined;
  const skips = new Skips(channelId, encode);
  const listening = new Listening({ userId: 'ann' as UserId, offer, tell, whenArrived }, channelId, encode, skips);
  return { listening, told, peer };
}

test('what there was no room for is one skip, told before what comes next', () => {
  const { listening, told, peer } = newListening();
  listening.hear(piece(1n, 2n));
  peer.hasRoom = false;
  listening.hear(piece(3n, 3n));
  listening.hear(piece(4n, 9n));
  peer.hasRoom = true;
  listening.hear(piece(10n, 10n));
  expect(told).toEqual(['1-2', 'skipped 3-9', '10-10']);
});

test('a skip is told once, also when the offer of it makes room and says so', () => {
  const { listening, told, peer } = newListening();
  peer.hasRoom = false;
  listening.hear(piece(1n, 5n));
  listening.hearDeletions(Buffer.from('deleted'), 1n, [1n]);
  peer.onOffer = () => {
    peer.hasRoom = true;
    listening.catchUp();
  };
  listening.hear(piece(6n, 6n));
  expect(told).toEqual(['deleted', 'skipped 1-5', '6-6']);
});

function hearSlowMode(listening: Listening, slowModeS: number, published: bigint): void {
  const rules = { slowModeS, pinned: undefined, closed: false, historyCount: 0, historyS: 0 };
  const channel = { channelId, epoch: 1n, published, listeners: 1, ...rules };
  listening.hearChannel(encode({ type: 'channel', channel }), channel);
}

test('of changes of the channel that there was no room for the newest is told, in order with the numbers around it', () => {
  const { listening, told, peer } = newListening();
  hearSlowMode(listening, 1, 0n);
  listening.hear(piece(1n, 1n));
  peer.hasRoom = false;
  listening.hear(piece(2n, 3n));
  for (let slowModeS = 2; slowModeS <= 50; slowModeS += 1) hearSlowMode(listening, slowModeS, 3n);
  listening.hear(piece(4n, 5n));
  peer.hasRoom = true;
  listening.hear(piece(6n, 6n));
  expect(told).toEqual(['slow 1 at 0', '1-1', 'skipped 2-5', 'slow 50 at 5', '6-6']);
});

test('a comment does not overtake a change that waits, also where none was left out before it', () => {
  const { listening, told, peer } = newListening();
  listening.hear(piece(1n, 1n));
  peer.hasRoom = false;
  hearSlowMode(listening, 1, 1n);
  listening.hear(piece(2n, 2n));
  peer.hasRoom = true;
  listening.catchUp();
  expect(told).toEqual(['1-1', 'skipped 2-2', 'slow 1 at 2']);
});

test('a change of the epoch before is not told once numbering is another', () => {
  const { listening, told, peer } = newListening();
  peer.hasRoom = false;
  listening.hear(piece(1n, 9n));
  hearSlowMode(listening, 1, 9n);
  listening.begin();
  hearSlowMode(listening, 2, 0n);
  peer.hasRoom = true;
  listening.catchUp();
  expect(told).toEqual(['skipped 1-9', 'slow 2 at 0']);
});

test('a stretch that many leave out is encoded once', () => {
  let encoded = 0;
  const counting: typeof encode = (frame) => {
    encoded += 1;
    return encode(frame);
  };
  const skips = new Skips(channelId, counting);
  expect(skips.of(1n, 9n)).toBe(skips.of(1n, 9n));
  expect(encoded).toBe(1);
  expect(skips.of(2n, 9n)).not.toBe(skips.of(1n, 9n));
  expect(encoded).toBe(2);
});
