// The order of a stream's opening, what is backfilled, and that nothing is lost or doubled at the cut to live.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { SkipReason } from '#proto/parley/v1/stream_service.ts';
import { People, directThread, groupOf, post } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';
import { entriesOf, skipsOf, textOf, toldUpTo } from './told.ts';

describe.each(['direct', 'plain'])('The opening, over a %s sink', (sink) => {
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

  test('Welcome comes first, then heads with the most recent thread first, then entries, then CaughtUp, then what happens', async () => {
    const [alice, bob] = [await people.person('alice'), await people.person('bob')];
    const older = await directThread(alice, bob);
    await post(bob, older, 'older');
    const newer = await groupOf(bob, alice);
    await post(bob, newer, 'newer');

    const stream = await alice.client.open().live({ deviceId: 'd1' });
    const kinds = stream.told.map((frame) => frame.$case).filter((kind) => kind !== 'userEntriesAppended');
    expect(kinds).toEqual(['welcome', 'headsChanged', 'entriesAppended', 'entriesAppended', 'caughtUp']);
    const heads = stream.all('headsChanged').flatMap((frame) => frame.heads);
    expect(heads.map((head) => [head.threadId, head.member, head.unreadCount])).toEqual([
      [newer, true, 1n],
      [older, true, 1n],
    ]);
    expect(entriesOf(stream, older).map(textOf)).toEqual([undefined, 'older']);

    const sequence = await post(bob, newer, 'live');
    await stream.first('entriesAppended', ({ entries }) => entries.some((entry) => entry.sequence === sequence));
    expect(toldUpTo(stream, newer)).toBe(sequence);
  });

  test('Welcome names the user, the session, when the token expires, and the bounds that the contract states', async () => {
    const alice = await people.person('alice');
    const stream = await alice.client.open().live({ deviceId: 'd1' });
    const welcome = await stream.first('welcome');
    expect(welcome).toMatchObject({
      userId: alice.id,
      resumed: false,
      heartbeatInterval: { seconds: 25n, nanos: 0 },
      limits: {
        windowEntries: 256,
        windowBytes: 262_144,
        contentBytes: 65_536,
        backfillEntries: 64,
        framesInFlight: 256,
      },
    });
    expect(welcome.sessionId).not.toBe('');
    const lifeS = Number(welcome.tokenExpireTime?.seconds ?? 0n) - Number(welcome.serverTime?.seconds ?? 0n);
    expect(lifeS).toBeGreaterThan(86_000);
    expect(lifeS).toBeLessThanOrEqual(86_400);
  });

  test('of a thread of which more was missed than is backfilled the newest come, behind one Skipped for the rest', async () => {
    const [alice, bob] = [await people.person('alice'), await people.person('bob')];
    const threadId = await directThread(alice, bob);
    let last = 0n;
    for (let n = 0; n < 150; n++) last = await post(bob, threadId, `m${n}`);
    const stream = await alice.client.open().live({ deviceId: 'd1' });
    const most = BigInt((await stream.first('welcome')).limits?.backfillEntries ?? 0);
    expect(skipsOf(stream, threadId)).toEqual([
      { from: 1n, to: last - most, reason: SkipReason.SKIP_REASON_BACKFILL_LIMIT },
    ]);
    expect(BigInt(entriesOf(stream, threadId).length)).toBe(most);
    expect(toldUpTo(stream, threadId)).toBe(last);
  });

  test('what is posted while streams open comes to each of them once and in order', async () => {
    const [alice, bob] = [await people.person('alice'), await people.person('bob')];
    const threadId = await groupOf(bob, alice);
    let posting = true;
    let last = 0n;
    const poster = (async () => {
      while (posting) last = await post(bob, threadId, 'while opening');
    })();
    const streams = [];
    for (let n = 0; n < 20; n++) streams.push(await alice.client.open().live({ deviceId: `d${n}` }));
    posting = false;
    await poster;
    await Promise.all(
      streams.map(async (stream) => {
        await stream.until(() => toldUpTo(stream, threadId) === last);
      }),
    );
  });

  test('Hello and frames in one message are taken in order: the send behind Hello is answered', async () => {
    const alice = await people.person('alice');
    const threadId = await groupOf(alice);
    const stream = alice.client.open();
    stream.sendFrames(
      { frame: { $case: 'hello', value: { deviceId: 'd1', apiRevision: 1 } } },
      {
        requestId: 7n,
        frame: {
          $case: 'send',
          value: { threadId, clientMessageId: 'first', content: { body: { $case: 'text', value: 'x' } } },
        },
      },
    );
    const { reply } = await stream.reply(7n);
    expect(reply.result).toMatchObject({ $case: 'send', value: { threadId, sequence: 2n, ordinal: 1n } });
    expect(stream.told[0]?.$case).toBe('welcome');
  });

  test('a client that ends its side ends the session, with status OK', async () => {
    const alice = await people.person('alice');
    const stream = await alice.client.open().live({ deviceId: 'd1' });
    stream.end();
    expect((await stream.ended).code).toBe('OK');
  });
});
