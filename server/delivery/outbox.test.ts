import { beforeEach, describe, expect, it } from 'vitest';
import { HandClock } from '../../test/support/clock.ts';
import { Flusher } from './flusher.ts';
import type { OutFrame } from './frames.ts';
import { Outbox } from './outbox.ts';

/** A peer that takes as many messages as it is told to. */
class Peer {
  readonly messages: string[] = [];
  room = Infinity;

  write(message: Buffer): boolean {
    this.messages.push(message.toString());
    this.room -= 1;
    return this.room > 0;
  }

  end(): void {}
  destroy(): void {}
}

let clock: HandClock;
let peer: Peer;
let outbox: Outbox;
let turns: (() => void)[];

const encode = (frame: OutFrame): Buffer =>
  Buffer.from(
    frame.type === 'reply' ? `reply ${frame.requestId};` : frame.type === 'typing' ? `typing ${frame.active};` : '?',
  );
const reply = (requestId: number): OutFrame => ({
  type: 'reply',
  requestId: BigInt(requestId),
  result: { kind: 'done' },
});
const typing = (active: boolean): OutFrame => ({
  type: 'typing',
  threadId: 't' as never,
  userId: 'u' as never,
  active,
});

/** A turn of the event loop. */
function turn(): void {
  for (const run of turns.splice(0)) run();
}

beforeEach(() => {
  clock = new HandClock();
  clock.turn(1_000);
  peer = new Peer();
  turns = [];
  const flusher = new Flusher(
    (run) => turns.push(run),
    () => clock.monotonicMs(),
  );
  outbox = new Outbox(peer, encode, flusher);
});

describe('The outbox of a session', () => {
  it('writes the frames of one turn as one message, in order', () => {
    for (let n = 1; n <= 3; n += 1) outbox.push(reply(n));
    expect(peer.messages).toEqual([]);
    turn();
    expect(peer.messages).toEqual(['reply 1;reply 2;reply 3;']);
    expect(outbox.empty).toBe(true);
  });

  it('tells only the newest of what replaces itself, behind what is told in order', () => {
    outbox.replace('typing', typing(true));
    outbox.push(reply(1));
    outbox.replace('typing', typing(false));
    turn();
    expect(peer.messages).toEqual(['reply 1;typing false;']);
  });

  it('keeps what a peer does not take until it takes more, and knows since when', () => {
    peer.room = 1;
    outbox.push(reply(1));
    turn();
    expect(outbox.stalledSinceMs).toBe(1_000);
    outbox.push(reply(2));
    outbox.replace('typing', typing(true));
    outbox.replace('typing', typing(false));
    turn();
    expect(peer.messages).toEqual(['reply 1;']);
    expect([outbox.isBehind(0), outbox.isBehind(1)]).toEqual([true, false]);
    peer.room = Infinity;
    outbox.drained();
    turn();
    expect(peer.messages).toEqual(['reply 1;', 'reply 2;typing false;']);
    expect([outbox.stalledSinceMs, outbox.isBehind(0)]).toEqual([0, false]);
  });

  it('puts no more than 64 KiB of frames into one message', () => {
    outbox.pushBytes(Buffer.alloc(40_000, 'a'));
    outbox.pushBytes(Buffer.alloc(40_000, 'b'));
    outbox.pushBytes(Buffer.alloc(100_000, 'c'));
    turn();
    expect(peer.messages.map(({ length }) => length)).toEqual([40_000, 40_000, 100_000]);
  });

  it('hands over all of it at the end, also to a peer that is behind, and nothing after that', () => {
    peer.room = 1;
    outbox.push(reply(1));
    outbox.pushBytes(Buffer.alloc(65_536, 'b'));
    outbox.push(reply(2));
    outbox.finish();
    expect(peer.messages.map((message) => message.slice(0, 8))).toEqual(['reply 1;', 'bbbbbbbb', 'reply 2;']);
    outbox.push(reply(3));
    outbox.drained();
    turn();
    expect(peer.messages).toHaveLength(3);
  });

  it('writes nothing of what waits once it was dropped', () => {
    outbox.push(reply(1));
    outbox.drop();
    outbox.drained();
    turn();
    expect(peer.messages).toEqual([]);
  });
});
