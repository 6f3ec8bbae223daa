import { expect, test } from 'vitest';
import type { UserId } from '../../server/core/ids.ts';
import { all, ChannelEar, comment, comments, kept, newChannel } from './comment-samples.ts';
import type { UnderTest } from './comment-log.ts';

export function deleting({ nodes, here, there }: UnderTest): void {
  test('a deleted comment stays without its text and its mentions, and all nodes are told', async () => {
    const channel = newChannel();
    const ears = [await ChannelEar.on(nodes().here, channel), await ChannelEar.on(nodes().there, channel)];
    const said = comment('bad', { mentions: ['bob' as UserId] });
    await here().publish(channel, [comment('a'), said, comment('c', { replyTo: 1n })], kept);
    const before = await all(here(), channel);
    expect(await there().delete(channel, 2n)).toBe(true);
    const { epoch } = await here().count(channel);
    for (const ear of ears) {
      await ear.untilEvent({ type: 'comment-deleted', channelId: channel, epoch, number: 2n });
    }
    const expected = before.map((one) => (one.number === 2n ? { ...one, text: '', mentions: [], deleted: true } : one));
    expect(await all(here(), channel)).toEqual(expected);
    // One without mentions, too.
    expect(await there().delete(channel, 3n)).toBe(true);
    expect((await all(here(), channel)).at(-1)).toEqual({ ...before.at(-1), text: '', deleted: true });
  });

  test('what was deleted before or is not kept cannot be deleted, and nobody is told', async () => {
    const channel = newChannel();
    const ear = await ChannelEar.on(nodes().there, channel);
    await here().publish(channel, comments(3), { ...kept, count: 2 });
    expect(await here().delete(channel, 2n)).toBe(true);
    expect(await here().delete(channel, 2n)).toBe(false);
    expect(await here().delete(channel, 1n)).toBe(false);
    expect(await here().delete(channel, 4n)).toBe(false);
    expect(await here().delete(channel, 0n)).toBe(false);
    await here().publish(channel, comments(1), kept);
    await ear.untilComments(4);
    expect(ear.events.map(({ type }) => type)).toEqual(['comments', 'comment-deleted', 'comments']);
  });
}

export function pins({ nodes, here, there, eventually }: UnderTest): void {
  test('a pinned comment is readable on both nodes until another or none is pinned, and all are told', async () => {
    const channel = newChannel();
    const ears = [await ChannelEar.on(nodes().here, channel), await ChannelEar.on(nodes().there, channel)];
    await here().publish(channel, comments(3), kept);
    expect(await here().pinned(channel)).toBeUndefined();
    expect(await here().pin(channel, 2n)).toBe(true);
    for (const ear of ears) await ear.untilEvent({ type: 'channel-changed', channelId: channel });
    expect(await there().pinned(channel)).toEqual((await all(here(), channel))[1]);
    expect(await there().pin(channel, 3n)).toBe(true);
    expect(await here().pinned(channel)).toMatchObject({ number: 3n });
    expect(await here().pin(channel, 0n)).toBe(true);
    expect(await there().pinned(channel)).toBeUndefined();
  });

  test('a pinned comment outlives what is kept, by number and by time, and can be pinned again', async () => {
    const channel = newChannel();
    await here().publish(channel, [comment('pinned'), comment('other')], kept);
    await here().pin(channel, 1n);
    await here().publish(channel, comments(2), { count: 2, forMs: 100 });
    await eventually('all to be too old', async () => (await all(here(), channel)).length === 0);
    expect(await there().pinned(channel)).toMatchObject({ number: 1n, text: 'pinned' });
    expect(await here().pin(channel, 2n)).toBe(false);
    expect(await here().pin(channel, 1n)).toBe(true);
    expect(await there().pinned(channel)).toMatchObject({ number: 1n, text: 'pinned' });
  });

  test('deleting erases text and mentions of a pinned comment, whether it is kept or not', async () => {
    for (const count of [1_000, 1]) {
      const channel = newChannel();
      await here().publish(channel, [comment('pinned', { mentions: ['bob' as UserId] })], kept);
      await here().pin(channel, 1n);
      await here().publish(channel, comments(2), { ...kept, count });
      expect(await there().delete(channel, 1n)).toBe(true);
      expect(await here().pinned(channel)).toMatchObject({ number: 1n, text: '', mentions: [], deleted: true });
      expect(await there().delete(channel, 1n)).toBe(false);
      expect(await here().pin(channel, 1n)).toBe(false);
    }
  });

  test('what is deleted or unknown cannot be pinned, and what is pinned stays', async () => {
    const channel = newChannel();
    await here().publish(channel, comments(2), kept);
    await here().pin(channel, 1n);
    await here().delete(channel, 2n);
    expect(await here().pin(channel, 2n)).toBe(false);
    expect(await here().pin(channel, 3n)).toBe(false);
    expect(await here().pinned(channel)).toMatchObject({ number: 1n });
  });
}
