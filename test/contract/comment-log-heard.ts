import { expect, test } from 'vitest';
import type { NewComment } from '../../server/core/comment.ts';
import type { UserId } from '../../server/core/ids.ts';
import {
  all,
  ChannelEar,
  comment,
  comments,
  type CommentsEvent,
  kept,
  newChannel,
  numbersOf,
  upTo,
} from './comment-samples.ts';
import type { UnderTest } from './comment-log.ts';
import { newUser } from './samples.ts';

export function numbers({ nodes, here, there }: UnderTest): void {
  test('comments of a channel are numbered from 1 on, in one epoch, whichever node publishes them', async () => {
    const channel = newChannel();
    const begun = await here().count(channel);
    expect(begun.published).toBe(0n);
    expect(begun.epoch).toBeGreaterThan(0n);
    const first = await here().publish(channel, comments(2), kept);
    const second = await there().publish(channel, comments(1), kept);
    expect(numbersOf([...first, ...second])).toEqual([1n, 2n, 3n]);
    for (const one of [...first, ...second]) {
      expect(one).toMatchObject({ outcome: 'published', epoch: begun.epoch });
    }
    expect(await there().count(channel)).toEqual({ epoch: begun.epoch, published: 3n });
  });

  test('a channel whose first use is a comment has an epoch, too', async () => {
    const channel = newChannel();
    const [published] = await here().publish(channel, comments(1), kept);
    const { epoch } = await there().count(channel);
    expect(published).toMatchObject({ number: 1n, epoch });
  });

  test('two channels do not disturb each other', async () => {
    const [one, other] = [newChannel(), newChannel()];
    const ear = await ChannelEar.on(nodes().there, one);
    const said = comment('here');
    await here().publish(one, [said], kept);
    await here().publish(other, [{ ...said, text: 'there', fingerprint: 'x' }, ...comments(2)], kept);
    await here().delete(other, 1n);
    await here().pin(other, 2n);
    await here().countListeners(other, 5);
    const [last] = await here().publish(one, comments(1), kept);
    expect(last).toMatchObject({ number: 2n });
    expect((await all(here(), one)).map(({ text }) => text)).toEqual(['here', 'c0']);
    expect(await here().pinned(one)).toBeUndefined();
    expect(await here().countListeners(one, undefined)).toBe(0);
    await ear.untilComments(2);
    expect(ear.events.map(({ type }) => type)).toEqual(['comments', 'comments']);
  });
}

export function heard({ nodes, here, there, eventually }: UnderTest): void {
  test('a comment arrives on both nodes as it was published, and stands so in the log', async () => {
    const channel = newChannel();
    const ears = [await ChannelEar.on(nodes().here, channel), await ChannelEar.on(nodes().there, channel)];
    const senderId = newUser('änn {x} ');
    const said = [
      comment('hé 👋 "\u0000\n', { senderId, mentions: ['böb' as UserId, 'c d' as UserId], moderator: true }),
      comment('x'.repeat(70_000), { senderId, replyTo: 1n }),
      comment('', { senderId, replyTo: 1n << 40n }),
    ];
    const answers = await here().publish(channel, said, kept);
    const { epoch } = await here().count(channel);
    const expected = said.map(({ clientMessageId, text, replyTo, mentions, moderator }, at) => ({
      number: BigInt(at + 1),
      senderId,
      clientMessageId,
      text,
      createTimeMs: (answers[at] as { createTimeMs: number }).createTimeMs,
      replyTo,
      replyToSenderId: at === 1 ? senderId : '',
      mentions,
      moderator,
      deleted: false,
    }));
    for (const ear of ears) {
      expect(await ear.untilComments(3)).toEqual(expected);
      expect(ear.batches).toHaveLength(1);
      expect(ear.batches[0]).toMatchObject({ channelId: channel, epoch });
    }
    expect(await all(there(), channel)).toEqual(expected);
  });

  test('both nodes hear all batches in the order of their numbers, each once, also when both publish at once', async () => {
    const channel = newChannel();
    const ears = [await ChannelEar.on(nodes().here, channel), await ChannelEar.on(nodes().there, channel)];
    const batches = Array.from({ length: 60 }, (_, at) =>
      (at % 2 === 0 ? here() : there()).publish(channel, comments(1 + (at % 7)), kept),
    );
    const answers = (await Promise.all(batches)).flat();
    const sorted = numbersOf(answers).toSorted((a, b) => Number((a ?? 0n) - (b ?? 0n)));
    expect(sorted).toEqual(upTo(answers.length));
    for (const ear of ears) {
      expect(numbersOf(await ear.untilComments(answers.length))).toEqual(upTo(answers.length));
      expect(ear.batches).toHaveLength(60);
    }
  });

  test('a batch of 256 is numbered, heard and kept whole', async () => {
    const channel = newChannel();
    const ear = await ChannelEar.on(nodes().there, channel);
    const batch = comments(256).map((one) => ({ ...one, text: 'ö'.repeat(450) }));
    expect(numbersOf(await here().publish(channel, batch, kept))).toEqual(upTo(256));
    expect(numbersOf(await ear.untilComments(256))).toEqual(upTo(256));
    expect(ear.batches).toHaveLength(1);
    const tail = await there().range(channel, { after: 100n, before: 0n, limit: 200, fromEnd: false });
    expect(numbersOf(tail)).toEqual(upTo(156, 101));
    expect(tail.at(-1)).toEqual(ear.comments.at(-1));
  });

  test('what is not new is not heard again', async () => {
    const channel = newChannel();
    const ear = await ChannelEar.on(nodes().there, channel);
    const [a, b, c] = comments(3) as [NewComment, NewComment, NewComment];
    await here().publish(channel, [a], kept);
    await here().publish(channel, [a], kept);
    await here().publish(channel, [b, a, c], kept);
    expect(numbersOf(await ear.untilComments(3))).toEqual(upTo(3));
    expect(ear.comments.map(({ clientMessageId }) => clientMessageId)).toEqual(
      [a, b, c].map(({ clientMessageId }) => clientMessageId),
    );
    expect(ear.batches).toHaveLength(2);
  });

  test('an event says the second it was numbered in and how many the second before had', async () => {
    const channel = newChannel();
    const ear = await ChannelEar.on(nodes().there, channel);
    const perSecond = new Map<number, number>();
    let heard = 0;
    await eventually('two seconds that follow each other', async () => {
      await here().publish(channel, comments(3), kept);
      heard += 3;
      await ear.untilComments(heard);
      const { second, perSecond: before, comments: batch } = ear.batches.at(-1) as CommentsEvent;
      expect(second).toBe(Math.floor((batch[0]?.createTimeMs ?? 0) / 1_000));
      // Of a second without a comment nothing is known here.
      expect(before).toBe(perSecond.get(second - 1) ?? 0);
      perSecond.set(second, (perSecond.get(second) ?? 0) + 3);
      return before > 0;
    });
  });
}
