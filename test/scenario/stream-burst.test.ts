// More at once than a stream takes: it comes whole and in order, what ends the stream comes after it, and a peer that breaks
// it off harms nobody. Straight to the node, over both ways of writing a stream.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import type { ClientFrame, DeepPartial } from '#proto/parley/v1/stream_service.ts';
import { Http2Call } from '../support/http2-call.ts';
import { People, groupOf, textContent } from '../support/raw-people.ts';
import { RawStream } from '../support/raw-stream.ts';
import { unlimited } from '../support/unlimited.ts';
import { acknowledging, entriesOf, toldUpTo } from './told.ts';

const perMessage = 250;

describe.each(['direct', 'plain'])('A burst, over a %s sink', (sink) => {
  let platform: Platform;
  let people: People;

  beforeAll(async () => {
    platform = await startPlatform({ direct: true, env: { ...unlimited, PARLEY_STREAM_SINK: sink } });
    people = new People(platform);
  });
  afterAll(async () => {
    people[Symbol.dispose]();
    await platform.stop();
  });

  /** Asks for so many Replies at once. */
  function ask(stream: RawStream, count: number): void {
    for (let from = 0; from < count; from += perMessage) {
      const frames = Array.from({ length: Math.min(perMessage, count - from) }, (_, n): DeepPartial<ClientFrame> => {
        return { requestId: BigInt(from + n + 1), frame: { $case: 'heartbeat', value: {} } };
      });
      stream.sendFrames(...frames);
    }
  }

  const repliesOf = (stream: RawStream): number[] => stream.all('reply').map(({ requestId }) => Number(requestId));
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1);

  test('10,000 Replies come whole and in the order of asking', async () => {
    const alice = await people.person('alice');
    const stream = await alice.client.open().live({ deviceId: 'd1' });
    ask(stream, 10_000);
    await stream.until(() => stream.replyCount === 10_000);
    expect(repliesOf(stream)).toEqual(upTo(10_000));
  });

  test('messages of a group that are sent at once come to every listener whole and in order', async () => {
    const [author, ...others] = await Promise.all(['author', 'one', 'two', 'three'].map((name) => people.person(name)));
    if (author === undefined) throw new Error('no author');
    const threadId = await groupOf(author, ...others);
    const authors = await author.client.open().live({ deviceId: 'd1' });
    const listeners = await Promise.all(
      others.map(async ({ client }) => acknowledging(await client.open().live({ deviceId: 'd1' }))),
    );
    let sequence = 0n;
    for (let sent = 0; sent < 2_000; sent += 200) {
      const replies = Array.from({ length: 200 }, (_, n) =>
        authors.request('send', { threadId, clientMessageId: `m-${sent + n}`, content: textContent('x'.repeat(300)) }),
      );
      for (const { reply } of await Promise.all(replies)) {
        if (reply.result?.$case === 'send') sequence = reply.result.value.sequence;
      }
      // So that nobody's window fills.
      await Promise.all(listeners.map((one) => one.until(() => toldUpTo(one, threadId) === sequence)));
    }
    for (const one of listeners) expect(entriesOf(one, threadId).at(-1)?.sequence).toBe(sequence);
  });

  test('Goodbye and then the status come after the last Reply', async () => {
    const alice = await people.person('alice');
    const stream = await alice.client.open().live({ deviceId: 'd1' });
    ask(stream, 1_000);
    stream.say('hello', { deviceId: 'd1', apiRevision: 1 });
    const { reason, status } = await stream.goodbye();
    expect([reason, status.code, status.reason]).toEqual(['PROTOCOL', 'FAILED_PRECONDITION', 'HELLO_REPEATED']);
    expect(repliesOf(stream)).toEqual(upTo(1_000));
    expect(stream.told.at(-1)?.$case).toBe('goodbye');
  });

  test('whoever closes their side is let go with OK, whatever was under way', async () => {
    const alice = await people.person('alice');
    const stream = await alice.client.open().live({ deviceId: 'd1' });
    ask(stream, 1_000);
    stream.end();
    expect((await stream.ended).code).toBe('OK');
    const replies = repliesOf(stream);
    expect(replies).toEqual(upTo(replies.length));
  });

  test('streams that are broken off amid their Replies, and by frozen peers, leave nothing and disturb nobody', async () => {
    const [bob, alice] = [await people.person('bob'), await people.person('alice')];
    const bystander = await bob.client.open().live({ deviceId: 'b1' });
    const node = platform.nodes[0];
    const metric = async (name: string): Promise<number> => {
      const text = await (await fetch(`http://${node?.metrics}/metrics`)).text();
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    };
    const before = await metric('parley_sessions');
    const streams = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        new RawStream(new Http2Call(platform.gateway, alice.token)).live({ deviceId: `d${n + 1}` }),
      ),
    );
    expect(await metric('parley_sessions')).toBe(before + 20);
    for (const [n, stream] of streams.entries()) {
      if (n % 2 === 0) stream.freeze();
      ask(stream, 3_000);
    }
    await bystander.request('heartbeat', {});
    for (const stream of streams) stream.cancel();
    await Promise.all(streams.map(({ ended }) => ended));
    while ((await metric('parley_sessions')) !== before) await bystander.request('heartbeat', {});
    expect(await metric('parley_internal_errors_total')).toBe(0);
    expect(bystander.all('goodbye')).toEqual([]);
  });
});
