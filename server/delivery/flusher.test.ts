import { beforeEach, describe, expect, it } from 'vitest';
import { HandClock } from '../../test/support/clock.ts';
import { Flusher, type Flushable } from './flusher.ts';

let clock: HandClock;
let flusher: Flusher;
let due: (() => void)[];
/** Names of those that were flushed, in order. */
let flushed: string[];

/** Flushes in `tookMs` of the clock. */
function member(name: string, tookMs = 0.02): Flushable {
  return {
    flush() {
      clock.turn(tookMs);
      flushed.push(name);
    },
  };
}

function ask(count: number, name: string, tookMs?: number): void {
  for (let n = 0; n < count; n++) flusher.add(member(name, tookMs));
}

/** A turn of the event loop; gives how many ms it took. */
function turn(): number {
  const fromMs = clock.monotonicMs();
  for (const run of due.splice(0)) run();
  return clock.monotonicMs() - fromMs;
}

const count = (name: string): number => flushed.filter((one) => one === name).length;

beforeEach(() => {
  clock = new HandClock();
  due = [];
  flushed = [];
  flusher = new Flusher(
    (run) => due.push(run),
    () => clock.monotonicMs(),
  );
});

describe('The flusher', () => {
  it('flushes who asked once, in the order of asking, after the present turn', () => {
    for (const name of ['a', 'b', 'c']) flusher.add(member(name));
    expect(flushed).toEqual([]);
    turn();
    expect(flushed).toEqual(['a', 'b', 'c']);
    expect(due).toEqual([]);
  });

  it('takes a large batch in slices of 8 ms', () => {
    ask(2_000, 'large');
    const tookMs: number[] = [];
    while (due.length > 0) tookMs.push(turn());
    expect(flushed).toHaveLength(2_000);
    expect(tookMs).toHaveLength(5);
    expect(Math.max(...tookMs)).toBeLessThan(8 + 64 * 0.02 + 0.01);
  });

  it('has one budget a turn for all batches: ten large ones take no longer a turn than one', () => {
    const tookMs: number[] = [];
    for (let n = 0; n < 10; n++) {
      ask(2_000, `large ${n}`);
      tookMs.push(turn());
      expect(due).toHaveLength(1);
    }
    while (due.length > 0) tookMs.push(turn());
    expect(flushed).toHaveLength(20_000);
    expect(Math.max(...tookMs)).toBeLessThan(8 + 64 * 0.02 + 0.01);
  });

  it('flushes a small batch in its own turn, before the rest of large ones', () => {
    ask(2_000, 'large');
    turn();
    const before = flushed.length;
    ask(2, 'small');
    turn();
    expect(flushed.slice(before, before + 3)).toEqual(['small', 'small', 'large']);
  });

  it('goes by turns among large ones, a chunk each: the later does not wait for the end of the earlier', () => {
    ask(1_000, 'first');
    turn();
    ask(1_000, 'second');
    turn();
    turn();
    const [first, second] = [count('first'), count('second')];
    expect(first).toBeLessThan(1_000);
    // The first had a turn of its own before.
    expect(Math.abs(first - 448 - second)).toBeLessThanOrEqual(64);
    while (due.length > 0) turn();
    expect([count('first'), count('second')]).toEqual([1_000, 1_000]);
  });

  it('gives one that waits a chunk in every turn, though what is new takes the whole budget', () => {
    ask(640, 'waiting', 1);
    turn();
    let turns = 0;
    for (; count('waiting') < 640; turns++) {
      ask(64, 'new', 1);
      turn();
    }
    expect(turns).toBeLessThanOrEqual(10);
  });

  it('flushes who asks again while being flushed in a later turn', () => {
    const again: Flushable = {
      flush() {
        flushed.push('again');
        if (flushed.length < 3) flusher.add(again);
      },
    };
    flusher.add(again);
    turn();
    expect(flushed).toHaveLength(1);
    turn();
    turn();
    expect(flushed).toHaveLength(3);
    expect(due).toEqual([]);
  });
});
