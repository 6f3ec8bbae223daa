import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ThreadId } from '../core/ids.ts';
import { Window } from './window.ts';

const thread = 'g_one' as ThreadId;
const other = 'g_two' as ThreadId;

describe('The window of a session', () => {
  it('lets entries through until it is full, then keeps one place per thread', () => {
    const window = new Window(4, 10_000);
    const feed = window.open(thread, 1n);
    expect(window.admit(feed, 3n, 3, 30)).toBe(true);
    expect(window.admit(feed, 5n, 2, 20)).toBe(false);
    expect(window.admit(feed, 6n, 1, 10)).toBe(false);
    expect(window.takeSkips()).toEqual([]);
    window.acknowledge(thread, 3n);
    expect(window.takeSkips()).toEqual([{ threadId: thread, from: 4n, to: 6n }]);
    expect(window.admit(feed, 7n, 1, 10)).toBe(true);
  });

  it('tells skips only when half of it is free again', () => {
    const window = new Window(4, 10_000);
    const feed = window.open(thread, 1n);
    for (const last of [1n, 2n, 3n, 4n]) window.admit(feed, last, 1, 10);
    window.admit(feed, 5n, 1, 10);
    window.acknowledge(thread, 1n);
    expect(window.takeSkips()).toEqual([]);
    window.acknowledge(thread, 2n);
    expect(window.takeSkips()).toEqual([{ threadId: thread, from: 5n, to: 5n }]);
  });

  it('is not filled by what the device acknowledged before it was told again', () => {
    const window = new Window(4, 10_000);
    window.acknowledge(thread, 3n);
    const feed = window.open(thread, 1n);
    expect(window.admit(feed, 3n, 3, 30)).toBe(true);
    expect(window.unackedEntries).toBe(0);
    expect(window.admit(feed, 5n, 2, 20)).toBe(true);
    window.acknowledge(thread, 5n);
    expect(window.admit(window.open(thread, 4n), 5n, 2, 20)).toBe(true);
    expect(window.unackedEntries).toBe(0);
  });

  it('counts bytes as well as entries', () => {
    const window = new Window(100, 100);
    const feed = window.open(thread, 1n);
    expect(window.admit(feed, 1n, 1, 90)).toBe(true);
    expect(window.admit(feed, 2n, 1, 20)).toBe(false);
  });

  it('passes one batch that is larger than itself when nothing else is unacknowledged', () => {
    const window = new Window(100, 100);
    const feed = window.open(thread, 1n);
    expect(window.admit(feed, 1n, 1, 5_000)).toBe(true);
    expect(window.full).toBe(true);
    window.acknowledge(thread, 1n);
    expect(window.full).toBe(false);
  });

  it('does not tell a skip of what the device has fetched and acknowledged meanwhile', () => {
    const window = new Window(2, 10_000);
    const feed = window.open(thread, 1n);
    window.admit(feed, 2n, 2, 20);
    window.admit(feed, 5n, 3, 30);
    window.acknowledge(thread, 5n);
    expect(window.skipping).toBe(false);
    expect(window.takeSkips()).toEqual([]);
  });

  it('frees what a closed thread held', () => {
    const window = new Window(2, 10_000);
    window.admit(window.open(thread, 1n), 2n, 2, 20);
    window.close(thread);
    expect(window.unackedEntries).toBe(0);
    expect(window.admit(window.open(other, 1n), 2n, 2, 20)).toBe(true);
  });

  it('accounts for every entry once, as told or as skipped, whatever the order of entries and acks', () => {
    const step = fc.record({
      thread: fc.constantFrom(thread, other),
      entries: fc.integer({ min: 1, max: 5 }),
      ack: fc.double({ min: 0, max: 1, noNaN: true }),
      acks: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const window = new Window(16, 1_000);
        const told = new Map<ThreadId, bigint[]>([
          [thread, []],
          [other, []],
        ]);
        const account = (id: ThreadId, from: bigint, to: bigint): void => {
          for (let sequence = from; sequence <= to; sequence += 1n) told.get(id)?.push(sequence);
        };
        const heads = new Map<ThreadId, bigint>([
          [thread, 0n],
          [other, 0n],
        ]);
        window.open(thread, 1n);
        window.open(other, 1n);
        for (const { thread: id, entries, ack, acks } of steps) {
          if (acks) {
            // A device acknowledges no more than it was told of.
            const highest = told.get(id)?.at(-1) ?? 0n;
            window.acknowledge(id, BigInt(Math.floor(Number(highest) * ack)));
          } else {
            const feed = window.feed(id);
            const from = (heads.get(id) ?? 0n) + 1n;
            const last = from + BigInt(entries) - 1n;
            heads.set(id, last);
            if (feed !== undefined && window.admit(feed, last, entries, entries * 10)) account(id, from, last);
            expect(window.unackedEntries).toBeLessThanOrEqual(16);
          }
          for (const skip of window.takeSkips()) account(skip.threadId, skip.from, skip.to);
        }
        for (const id of [thread, other]) window.acknowledge(id, told.get(id)?.at(-1) ?? 0n);
        for (const skip of window.takeSkips()) account(skip.threadId, skip.from, skip.to);
        for (const [id, head] of heads) {
          expect(told.get(id)).toEqual(Array.from({ length: Number(head) }, (_, index) => BigInt(index + 1)));
        }
      }),
    );
  });
});
