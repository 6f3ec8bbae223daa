import { expect, test } from 'vitest';
import { parseChannelId, type UserId } from '../../core/ids.ts';
import type { FrameEncoder } from '../frames.ts';
import { Listening } from './listening.ts';

const encode = ((frame) =>
  Buffer.from(frame.type === 'channel-skipped' ? `skipped ${frame.from}-${frame.to}` : 'deleted')) as FrameEncoder;
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
  const listening = new Listening(
    { userId: 'ann' as UserId, offer, tell, whenArrived },
    parseChannelId('post:1'),
    encode,
  );
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
