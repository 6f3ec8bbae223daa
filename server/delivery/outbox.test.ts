import { beforeEach, describe, expect, it } from 'vitest';
import { HandClock } from '../../test/support/clock.ts';
import { Flusher } from './flusher.ts';
import type { OutFrame } from './frames.ts';
import { Outbox } from './outbox.ts';

/** A peer that takes as many messages as it is told to. */
class Peer {
  readonly messages: string[] = [];
  room = Infinity;
  /** What was written when it was asked for arrivals. */
  readonly arriving: string[] = [];

  write(message: Buffer): boolean {
    this.messages.push(message.toString());
    this.room -= 1;
    return this.room > 0;
  }

  whenArrived(onArrived: () => void): void {
    this.arriving.push(`${this.messages.length} messages`);
    onArrived();
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
  it('asks for the arrival of what was queued behind it, and at once where nothing is', () => {
    let arrived = 0;
    outbox.push(reply(1));
    outbox.whenArrived(() => (arrived += 1));
    expect(arrived).toBe(0);
    turn();
    expect([arrived, peer.arriving]).toEqual([1, ['1 messages']]);
    outbox.whenArrived(() => (arrived += 1));
    expect(arrived).toBe(2);
  });

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

  it('leaves a frame that many are told as it is, between small ones that share a message', () => {
    const many = Buffer.alloc(5_000, 'm');
    outbox.push(reply(1));
    outbox.push(reply(2));
    outbox.pushBytes(many);
    outbox.push(reply(3));
    outbox.push(reply(4));
    turn();
    expect(peer.messages).toEqual(['reply 1;reply 2;', String(many), 'reply 3;reply 4;']);
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

  it('has the last frame behind everything, also behind what replaces itself', () => {
    outbox.replace('typing', typing(true));
    outbox.push(reply(1));
    outbox.finish(reply(2));
    expect(peer.messages.join('')).toBe('reply 1;typing true;reply 2;');
  });

  it('writes nothing of what waits once it was dropped', () => {
    outbox.push(reply(1));
    outbox.drop();
    outbox.drained();
    turn();
    expect(peer.messages).toEqual([]);
  });

  describe('of what may be left out', () => {
    const offer = (name: string, bytes = name.length): boolean => outbox.offer(Buffer.alloc(bytes, name));
    let roomTold: number;

    beforeEach(() => {
      roomTold = 0;
      outbox.onRoom = () => (roomTold += 1);
    });

    /** The peer takes one message and no more. */
    function freeze(): void {
      peer.room = 1;
      outbox.push(reply(0));
      turn();
      peer.messages.length = 0;
    }

    it('takes any number for a peer that keeps up, in order with what must be told', () => {
      for (let n = 0; n < 9; n++) expect(offer(String(n))).toBe(true);
      outbox.push(reply(1));
      expect(offer('x')).toBe(true);
      turn();
      expect(peer.messages.join('')).toBe('012345678reply 1;x');
      expect(roomTold).toBe(0);
    });

    it('has room for four frames while the peer is behind, whatever else waits', () => {
      freeze();
      for (let n = 1; n <= 6; n++) outbox.push(reply(n));
      expect(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => offer(name))).toEqual([true, true, true, true, false, false]);
      outbox.push(reply(7));
      expect(roomTold).toBe(0);
      peer.room = Infinity;
      outbox.drained();
      turn();
      expect(peer.messages.join('')).toBe(`${[1, 2, 3, 4, 5, 6].map((n) => `reply ${n};`).join('')}abcdreply 7;`);
      expect(roomTold).toBe(1);
    });

    it('has room below 64 KiB, and for one frame of any size', () => {
      freeze();
      expect([offer('a', 40_000), offer('b', 25_535), offer('c', 9_000), offer('d', 1)]).toEqual([
        true,
        true,
        true,
        false,
      ]);
      peer.room = Infinity;
      outbox.drained();
      turn();
      freeze();
      expect([offer('e', 200_000), offer('f', 1)]).toEqual([true, false]);
    });

    it('tells once that there is room again, as soon as there is, and again after another refusal', () => {
      freeze();
      // Each a message of its own.
      for (const name of ['a', 'b']) expect(offer(name, 40_000)).toBe(true);
      expect([offer('c'), offer('d')]).toEqual([false, false]);
      peer.room = 1;
      outbox.drained();
      turn();
      expect([peer.messages.length, roomTold]).toEqual([1, 1]);
      expect(offer('c', 40_000)).toBe(true);
      expect(offer('d')).toBe(false);
      peer.room = Infinity;
      outbox.drained();
      turn();
      expect([peer.messages.map((message) => message[0]), roomTold]).toEqual([['a', 'b', 'c'], 2]);
    });

    it('takes what is offered while it tells that there is room', () => {
      freeze();
      for (const name of ['a', 'b', 'c', 'd', 'e']) offer(name);
      outbox.onRoom = () => expect(offer('skipped, then live')).toBe(true);
      peer.room = Infinity;
      outbox.drained();
      turn();
      turn();
      expect(peer.messages).toEqual(['abcd', Buffer.alloc(18, 'skipped, then live').toString()]);
    });

    it('counts a frame that many share for each outbox and place, also when it was pushed before', () => {
      freeze();
      const shared = Buffer.from('s');
      outbox.pushBytes(shared);
      for (let n = 0; n < 4; n++) expect(outbox.offer(shared)).toBe(true);
      expect(outbox.offer(shared)).toBe(false);
      peer.room = Infinity;
      outbox.drained();
      turn();
      expect(peer.messages).toEqual(['sssss']);
      freeze();
      expect([1, 2, 3, 4, 5].map(() => outbox.offer(shared))).toEqual([true, true, true, true, false]);
    });

    it('takes everything once it is over, and tells nothing of room', () => {
      freeze();
      for (const name of ['a', 'b', 'c', 'd', 'e']) offer(name);
      outbox.drop();
      expect(offer('f')).toBe(true);
      outbox.drained();
      turn();
      expect([peer.messages, roomTold]).toEqual([[], 0]);
    });
  });
});
