import { expect, test } from 'vitest';
import type { NewComment } from '../../server/core/comment.ts';
import { ann, all, comment, comments, kept, newChannel, numbersOf } from './comment-samples.ts';
import type { UnderTest } from './comment-log.ts';
import { newUser } from './samples.ts';

export function ids({ here, there }: UnderTest): void {
  test('a comment that is given again has the number it had, on either node and whatever came between', async () => {
    const channel = newChannel();
    const said = comment('once');
    const [first] = await here().publish(channel, [said], kept);
    await there().publish(channel, comments(5), kept);
    const [again] = await there().publish(channel, [{ ...said, slowModeMs: 60_000 }], kept);
    expect(again).toEqual({ ...first, outcome: 'duplicate' });
    expect((await here().count(channel)).published).toBe(6n);
  });

  test('within one batch the second of the same id is answered with the number of the first', async () => {
    const channel = newChannel();
    const said = comment('twice');
    const answers = await here().publish(channel, [said, comment('other'), said], kept);
    expect(answers).toMatchObject([
      { outcome: 'published', number: 1n },
      { outcome: 'published', number: 2n },
      { outcome: 'duplicate', number: 1n },
    ]);
    expect(await all(here(), channel)).toHaveLength(2);
  });

  test('an id with another fingerprint is refused, across batches and within one, and takes no number', async () => {
    const channel = newChannel();
    const said = comment('one');
    const reused = { ...comment('two'), clientMessageId: said.clientMessageId };
    const within = await here().publish(channel, [said, reused], kept);
    expect(within).toMatchObject([{ outcome: 'published' }, { outcome: 'id-reused' }]);
    expect(await there().publish(channel, [reused, comment('three')], kept)).toMatchObject([
      { outcome: 'id-reused' },
      { outcome: 'published', number: 2n },
    ]);
  });

  test('ids of two senders are not each other’s', async () => {
    const channel = newChannel();
    const said = comment('mine');
    const theirs = { ...comment('theirs'), clientMessageId: said.clientMessageId, senderId: newUser() };
    expect(numbersOf(await here().publish(channel, [said, theirs], kept))).toEqual([1n, 2n]);
  });

  test('what is only a repeat has the number it had, is told of a reused id, and takes no number where it is not known', async () => {
    const channel = newChannel();
    const said = comment('once');
    const [first] = await here().publish(channel, [said], kept);
    const repeat = { ...said, repeatOnly: true };
    const reused = { ...repeat, fingerprint: 'x' };
    const unknown = comment('new', { repeatOnly: true, slowModeMs: 60_000 });
    const answers = await there().publish(channel, [unknown, repeat, reused, comment('next')], kept);
    expect(answers).toMatchObject([
      { outcome: 'unknown' },
      { ...first, outcome: 'duplicate' },
      { outcome: 'id-reused' },
      { outcome: 'published', number: 2n },
    ]);
    // It counts for nothing in slow mode.
    expect(await there().publish(channel, [comment('slow', { slowModeMs: 60_000 })], kept)).toMatchObject([
      { outcome: 'published', number: 3n },
    ]);
  });

  test('a deleted comment that is given again is still the same one', async () => {
    const channel = newChannel();
    const said = comment('gone');
    await here().publish(channel, [said], kept);
    await here().delete(channel, 1n);
    expect(await here().publish(channel, [said], kept)).toMatchObject([{ outcome: 'duplicate', number: 1n }]);
  });
}

export function slowMode({ here, there, eventually }: UnderTest): void {
  const slow = (text: string, slowModeMs: number, senderId = ann): NewComment =>
    comment(text, { slowModeMs, senderId });

  test('a sender waits for their turn, on whichever node and within one batch, and others do not', async () => {
    const channel = newChannel();
    const bob = newUser('bob');
    const answers = await here().publish(channel, [slow('a', 60_000), slow('b', 60_000)], kept);
    expect(answers).toMatchObject([{ outcome: 'published', number: 1n }, { outcome: 'too-soon' }]);
    const [early, other, exempt] = await there().publish(
      channel,
      [slow('c', 60_000), slow('d', 60_000, bob), slow('e', 0)],
      kept,
    );
    const retryAfterMs = early?.outcome === 'too-soon' ? early.retryAfterMs : 0;
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    expect([other, exempt]).toMatchObject([{ number: 2n }, { number: 3n }]);
  });

  test('when the time has passed the sender may comment again, with the same id', async () => {
    const channel = newChannel();
    const again = slow('b', 200);
    await here().publish(channel, [slow('a', 60_000)], kept);
    await eventually('the turn to come', async () => {
      const [answer] = await there().publish(channel, [again], kept);
      return answer?.outcome === 'published';
    });
    expect((await here().count(channel)).published).toBe(2n);
  });

  test('what was published is answered as such, not as too soon', async () => {
    const channel = newChannel();
    const said = slow('a', 60_000);
    await here().publish(channel, [said], kept);
    expect(await there().publish(channel, [said], kept)).toMatchObject([{ outcome: 'duplicate', number: 1n }]);
    const reused = { ...said, fingerprint: 'x' };
    expect(await there().publish(channel, [reused], kept)).toMatchObject([{ outcome: 'id-reused' }]);
  });
}
