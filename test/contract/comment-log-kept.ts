import { expect, test } from 'vitest';
import type { NewComment } from '../../server/core/comment.ts';
import { ann, all, ChannelEar, comment, comments, kept, newChannel, numbersOf, upTo } from './comment-samples.ts';
import type { UnderTest } from './comment-log.ts';
import { newUser } from './samples.ts';

export function keeping({ nodes, here, there, eventually }: UnderTest): void {
  test('the last so many are kept, and an id is known as long as its comment is', async () => {
    const channel = newChannel();
    const keep = { ...kept, count: 3 };
    const said = comments(5);
    for (const one of said) await here().publish(channel, [one], keep);
    expect(numbersOf(await all(there(), channel))).toEqual([3n, 4n, 5n]);
    const [dropped, , third] = said as [NewComment, NewComment, NewComment];
    expect(await there().publish(channel, [third, dropped], keep)).toMatchObject([
      { outcome: 'duplicate', number: 3n },
      { outcome: 'published', number: 6n },
    ]);
    expect(await here().publish(channel, [dropped], keep)).toMatchObject([{ outcome: 'duplicate', number: 6n }]);
    expect(numbersOf(await all(here(), channel))).toEqual([4n, 5n, 6n]);
  });

  test('of a batch that is larger than what is kept the last are kept, and only their ids are known in it', async () => {
    const channel = newChannel();
    const [a, b, c] = comments(3) as [NewComment, NewComment, NewComment];
    const answers = await here().publish(channel, [a, b, c, a, c], { ...kept, count: 2 });
    expect(answers.map(({ outcome }) => outcome)).toEqual([...Array(4).fill('published'), 'duplicate']);
    expect(numbersOf(answers)).toEqual([1n, 2n, 3n, 4n, 3n]);
    expect(numbersOf(await all(there(), channel))).toEqual([3n, 4n]);
  });

  test('a smaller rule holds at once for all that was kept before, and what it took does not come back', async () => {
    const channel = newChannel();
    for (let batch = 0; batch < 5; batch++) await here().publish(channel, comments(200), kept);
    await here().publish(channel, comments(1), { ...kept, count: 10 });
    expect(numbersOf(await all(there(), channel))).toEqual(upTo(10, 992));
    const tail = await there().range(channel, { after: 0n, before: 0n, limit: 200, fromEnd: true });
    expect(tail).toHaveLength(10);
    for (let batch = 0; batch < 5; batch++) await here().publish(channel, comments(1), { ...kept, count: 10 });
    expect(numbersOf(await all(there(), channel))).toEqual(upTo(10, 997));
  });

  test('with a rule of 0 all are heard, none is kept and none is known by its id', async () => {
    const channel = newChannel();
    const ear = await ChannelEar.on(nodes().there, channel);
    await here().publish(channel, comments(3), kept);
    const none = { ...kept, count: 0 };
    const said = comment('unkept');
    expect(numbersOf(await here().publish(channel, [said, said], none))).toEqual([4n, 5n]);
    expect(numbersOf(await here().publish(channel, [said], none))).toEqual([6n]);
    expect(numbersOf(await ear.untilComments(6))).toEqual(upTo(6));
    expect(await all(there(), channel)).toEqual([]);
    expect(await here().delete(channel, 6n)).toBe(false);
    expect(await here().pin(channel, 6n)).toBe(false);
    await here().publish(channel, comments(2), kept);
    expect(numbersOf(await all(there(), channel))).toEqual([7n, 8n]);
  });

  test('what is older than the rule of the last publish is not given, not known and not there to be deleted', async () => {
    const channel = newChannel();
    const said = comment('old');
    await here().publish(channel, [said, ...comments(20)], kept);
    const brief = { ...kept, forMs: 150 };
    await there().publish(channel, [comment('last')], brief);
    await eventually('all to be too old', async () => (await all(here(), channel)).length === 0);
    expect(await here().delete(channel, 1n)).toBe(false);
    expect(await here().pin(channel, 2n)).toBe(false);
    const ear = await ChannelEar.on(nodes().there, channel);
    const reply = comment('to one that is gone', { replyTo: 1n });
    expect(numbersOf(await here().publish(channel, [said, reply], brief))).toEqual([23n, 24n]);
    expect((await ear.untilComments(2)).map(({ replyToSenderId }) => replyToSenderId)).toEqual(['', '']);
  });

  test('those that are young enough are given while older ones are not', async () => {
    const channel = newChannel();
    await here().publish(channel, comments(300), kept);
    await eventually('the first ones to be too old and new ones not', async () => {
      const [last] = numbersOf(await here().publish(channel, comments(1), { ...kept, forMs: 2_000 }));
      const given = await here().range(channel, { after: 0n, before: 0n, limit: 200, fromEnd: false });
      if (given[0]?.number === 1n) return false;
      expect(given.at(-1)?.number).toBe(last);
      expect((given.at(-1)?.createTimeMs ?? 0) - (given[0]?.createTimeMs ?? 0)).toBeLessThan(2_000);
      return true;
    });
  });

  test('a range gives what lies between its bounds, the lowest or the highest, ascending', async () => {
    const channel = newChannel();
    await here().publish(channel, comments(20), kept);
    const ask = async (after: number, before: number, limit: number, fromEnd: boolean): Promise<number[]> => {
      const range = { after: BigInt(after), before: BigInt(before), limit, fromEnd };
      return numbersOf(await there().range(channel, range)).map(Number);
    };
    expect(await ask(0, 0, 3, false)).toEqual([1, 2, 3]);
    expect(await ask(0, 0, 3, true)).toEqual([18, 19, 20]);
    expect(await ask(5, 9, 200, false)).toEqual([6, 7, 8]);
    expect(await ask(5, 9, 2, true)).toEqual([7, 8]);
    expect(await ask(5, 9, 2, false)).toEqual([6, 7]);
    expect(await ask(18, 100, 10, true)).toEqual([19, 20]);
    expect(await ask(20, 0, 10, false)).toEqual([]);
    expect(await ask(400, 0, 10, true)).toEqual([]);
    expect(await ask(5, 6, 10, false)).toEqual([]);
    expect(await ask(0, 1, 10, true)).toEqual([]);
  });

  test('of a channel that nothing was said in there is nothing', async () => {
    const channel = newChannel();
    expect(await all(here(), channel)).toEqual([]);
    expect(await here().pinned(channel)).toBeUndefined();
    expect(await here().delete(channel, 1n)).toBe(false);
    expect(await here().pin(channel, 1n)).toBe(false);
    expect(await here().pin(channel, 0n)).toBe(true);
    await here().count(channel);
    expect(await all(here(), channel)).toEqual([]);
    expect(await here().delete(channel, 1n)).toBe(false);
  });
}

export function answers({ here, there }: UnderTest): void {
  test('an answer names the sender of what it answers, of an earlier batch or of its own', async () => {
    const channel = newChannel();
    const [bob, cid] = [newUser('bob'), newUser('cid')];
    await here().publish(channel, [comment('a'), comment('b', { senderId: bob })], kept);
    await there().publish(
      channel,
      [
        comment('to bob', { senderId: cid, replyTo: 2n }),
        comment('to cid', { replyTo: 3n }),
        comment('to nobody', { replyTo: 99n }),
      ],
      kept,
    );
    const given = await all(here(), channel);
    expect(given.map(({ replyTo }) => replyTo)).toEqual([0n, 0n, 2n, 3n, 99n]);
    expect(given.map(({ replyToSenderId }) => replyToSenderId)).toEqual(['', '', bob, cid, '']);
  });

  test('an answer to what is not kept any more names nobody, unless that is pinned', async () => {
    const channel = newChannel();
    const keep = { ...kept, count: 2 };
    await here().publish(channel, [comment('a'), comment('b')], keep);
    await here().pin(channel, 2n);
    await here().publish(channel, comments(2), keep);
    await here().publish(channel, [comment('to a', { replyTo: 1n }), comment('to b', { replyTo: 2n })], keep);
    expect((await all(here(), channel)).map(({ replyToSenderId }) => replyToSenderId)).toEqual(['', ann]);
  });
}
