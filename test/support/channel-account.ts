// What a device was told of the one channel that it hears, held against the promise that each number is accounted for once.
import { expect } from 'vitest';
import type { Device } from './delivery-node.ts';

export interface Account {
  readonly received: string[];
  readonly skipped: number;
  /** The numbers it accounts for, in order; fails when one is left out or told twice. */
  readonly upTo: bigint;
}

/** What a device was told of the channel, held against the promise: each number once, in order, from where it began. */
export function accountOf(device: Device): Account {
  const received: string[] = [];
  let skipped = 0;
  let next: bigint | undefined;
  for (const frame of device.told) {
    if (frame.$case === 'channelChanged' && next === undefined) next = (frame.value.channel?.publishedCount ?? 0n) + 1n;
    const isSkip = frame.$case === 'skipped' && frame.value.what?.$case === 'channelId';
    if (!isSkip && frame.$case !== 'commentBatch') continue;
    const [from, to] = isSkip
      ? [frame.value.from, frame.value.to]
      : [(frame.value as { fromNumber: bigint }).fromNumber, (frame.value as { toNumber: bigint }).toNumber];
    if (to === 0n) continue;
    expect(from).toBe(next);
    next = to + 1n;
    const comments = frame.$case === 'commentBatch' ? frame.value.comments : [];
    let last = from - 1n;
    for (const { number, text } of comments) {
      expect(number > last && number <= to).toBe(true);
      last = number;
      received.push(text);
    }
    skipped += Number(to - from + 1n) - comments.length;
  }
  return { received, skipped, upTo: (next ?? 1n) - 1n };
}
