// The window: a session with too much unacknowledged is told less, in words, and is live again once it acknowledges.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { HistoryServiceService } from '#proto/parley/v1/history_service.ts';
import { SkipReason } from '#proto/parley/v1/stream_service.ts';
import { People, type Person, clientId, groupOf, post, sendOn } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';
import type { RawStream } from '../support/raw-stream.ts';
import { acknowledging, entriesOf, noise, skipsOf, toldUpTo } from './told.ts';

describe.each(['direct', 'plain'])('The window, over a %s sink', (sink) => {
  let platform: Platform;
  let people: People;

  beforeAll(async () => {
    platform = await startPlatform({ env: { ...unlimited, PARLEY_STREAM_SINK: sink } });
    people = new People(platform);
  });
  afterAll(async () => {
    people[Symbol.dispose]();
    await platform.stop();
  });

  type Scene = { author: Person; threadId: string; authors: RawStream; attentive: RawStream; lazy: RawStream };

  /** A group with an author, one who acknowledges at once, and one who never does by itself. */
  async function scene(): Promise<Scene> {
    const [author, one, other] = [
      await people.person('author'),
      await people.person('one'),
      await people.person('other'),
    ];
    const threadId = await groupOf(author, one, other);
    return {
      author,
      threadId,
      authors: await author.client.open().live({ deviceId: 'a' }),
      attentive: acknowledging(await one.client.open().live({ deviceId: 'd' })),
      lazy: await other.client.open().live({ deviceId: 'd', positions: [{ threadId, upToSequence: 1n }] }),
    };
  }

  /** Sends and waits until who acknowledges has it: then it was offered to everybody. */
  async function sendMany({ authors, attentive, threadId }: Scene, count: number, text: string): Promise<bigint> {
    let last = 0n;
    for (let n = 0; n < count; n++) {
      last = await sendOn(authors, threadId, text);
      // So that the window of the attentive one never fills.
      if (n % 3 === 0) await attentive.until(() => toldUpTo(attentive, threadId) === last);
    }
    await attentive.until(() => toldUpTo(attentive, threadId) === last);
    return last;
  }

  test('who does not acknowledge is told the window and no more; then one Skipped, and it is live again', async () => {
    const here = await scene();
    const { lazy, threadId, attentive } = here;
    const limit = (await lazy.first('welcome')).limits?.windowEntries ?? 0;
    const last = await sendMany(here, limit + 100, 'x');
    expect((await lazy.request('heartbeat', {})).error).toBeUndefined();
    const told = entriesOf(lazy, threadId).length;
    expect(told).toBeGreaterThan(limit / 2);
    expect(told).toBeLessThanOrEqual(limit);
    expect(skipsOf(lazy, threadId)).toEqual([]);

    const held = toldUpTo(lazy, threadId);
    lazy.say('ack', { position: { threadId, upToSequence: held } });
    await lazy.first('skipped');
    expect(skipsOf(lazy, threadId)).toEqual([
      { from: held + 1n, to: last, reason: SkipReason.SKIP_REASON_WINDOW_FULL },
    ]);
    const next = await sendMany(here, 1, 'live again');
    await lazy.until(() => toldUpTo(lazy, threadId) === next);
    expect(skipsOf(attentive, threadId)).toEqual([]);

    // What was skipped is in history.
    const { entries } = await here.author.client.ask(HistoryServiceService.listEntries, {
      threadId,
      afterSequence: held,
      upToSequence: last,
      pageSize: 1000,
    });
    expect(entries.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: Number(last - held) }, (_, n) => held + 1n + BigInt(n)),
    );
  });

  test('the window counts bytes too', async () => {
    const here = await scene();
    const { lazy, threadId } = here;
    const limit = (await lazy.first('welcome')).limits?.windowBytes ?? 0;
    const text = noise(40_000);
    await sendMany(here, 12, text);
    await lazy.request('heartbeat', {});
    const told = entriesOf(lazy, threadId).length * text.length;
    expect(told).toBeGreaterThan(limit / 2);
    expect(told).toBeLessThanOrEqual(limit);
  });

  test('a full window does not stop replies, nor typing of a thread on screen', async () => {
    const here = await scene();
    const { lazy, threadId, authors } = here;
    await lazy.request('subscribe', { target: { $case: 'threadId', value: threadId } });
    const last = await sendMany(here, 300, 'x');
    expect(toldUpTo(lazy, threadId)).toBeLessThan(last);
    authors.say('typing', { threadId, active: true });
    await lazy.first('typingChanged', ({ active }) => active);
    expect(await sendOn(lazy, threadId, 'I am here')).toBe(last + 1n);
  });

  test('half the window free is enough to go on; less is not', async () => {
    const here = await scene();
    const { lazy, threadId } = here;
    const limit = (await lazy.first('welcome')).limits?.windowEntries ?? 0;
    await sendMany(here, limit + 20, 'x');
    const sequences = entriesOf(lazy, threadId).map(({ sequence }) => sequence);
    const at = (index: number): bigint => sequences[index] ?? 0n;
    await lazy.request('ack', { position: { threadId, upToSequence: at(10) } });
    expect(skipsOf(lazy, threadId)).toEqual([]);
    await lazy.request('ack', { position: { threadId, upToSequence: at(sequences.length / 2 + 10) } });
    await lazy.first('skipped');
  });

  test('an author’s own messages take no room in the window of the session that sent them', async () => {
    const author = await people.person('author');
    const threadId = await groupOf(author);
    const stream = await author.client.open().live({ deviceId: 'a' });
    for (let n = 0; n < 300; n++) await sendOn(stream, threadId, clientId());
    expect(stream.all('skipped')).toEqual([]);
    const sequence = await post(author, threadId, 'from nowhere');
    await stream.first('entriesAppended', ({ entries }) => entries.some((entry) => entry.sequence === sequence));
  });
});
