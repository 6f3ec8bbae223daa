import { beforeEach, describe, expect, test } from 'vitest';
import { ErrorInfo, RetryInfo } from '#proto/google/rpc/error_details.ts';
import { Channel } from '#proto/parley/v1/channel_service.ts';
import { CommentBatch, HeartbeatReply, Skipped } from '#proto/parley/v1/stream_service.ts';
import type { ManualRuntime } from '../../test/support/manual-runtime.ts';
import { unavailable } from '../../test/support/scripted-carrier.ts';
import type { ScriptedCarrier, ScriptedStream } from '../../test/support/scripted-carrier.ts';
import { ScriptedClient } from '../../test/support/scripted-client.ts';
import type { ParleyClient } from './client.ts';
import { GOODBYE } from './connection-state.ts';

describe('a channel that a client hears', () => {
  let runtime: ManualRuntime;
  let carrier: ScriptedCarrier;
  let client: ParleyClient;
  let heard: string[];

  beforeEach(async () => {
    const scripted = new ScriptedClient();
    ({ runtime, carrier, client } = scripted);
    heard = [];
    client.on('comments', ({ epoch, comments, deletedNumbers }) => {
      heard.push(...comments.map(({ number }) => `${epoch}.${number}`), ...deletedNumbers.map((n) => `${epoch}.-${n}`));
    });
    client.on('commentsSkipped', ({ from, to }) => heard.push(`${from}–${to}`));
    await scripted.live();
  });

  async function listen(): Promise<ScriptedStream> {
    const stream = carrier.last;
    const asked = client.subscribeChannel('c');
    answer(stream);
    await asked;
    return stream;
  }

  /** The last Subscribe was taken. */
  function answer(stream: ScriptedStream): void {
    const requestId = stream.of('subscribe').at(-1)?.requestId ?? 0n;
    stream.tell({ $case: 'reply', value: { requestId, result: undefined } });
  }

  function stands(stream: ScriptedStream, epoch: bigint, publishedCount: bigint): void {
    const channel = Channel.fromPartial({ channelId: 'c', epoch, publishedCount });
    stream.tell({ $case: 'channelChanged', value: { channel } });
  }

  function says(stream: ScriptedStream, epoch: bigint, from: number, to: number, more: Partial<CommentBatch> = {}) {
    const comments = Array.from({ length: to - from + 1 }, (_, at) => ({ number: BigInt(from + at) }));
    const range = { fromNumber: BigInt(from), toNumber: BigInt(to) };
    const value = CommentBatch.fromPartial({ channelId: 'c', epoch, comments, ...range, ...more });
    stream.tell({ $case: 'commentBatch', value });
  }

  function skips(stream: ScriptedStream, from: bigint, to: bigint): void {
    stream.tell({
      $case: 'skipped',
      value: Skipped.fromPartial({ what: { $case: 'channelId', value: 'c' }, from, to }),
    });
  }

  /** Opens the stream that is to take over. */
  async function drain(stream: ScriptedStream): Promise<ScriptedStream> {
    stream.goodbye({ reason: GOODBYE.draining, reconnect: true });
    await runtime.advance(0);
    expect(carrier.last).not.toBe(stream);
    carrier.last.welcome();
    return carrier.last;
  }

  async function reconnect(stream: ScriptedStream): Promise<ScriptedStream> {
    stream.end(unavailable());
    await runtime.advance(300);
    carrier.last.welcome();
    return carrier.last;
  }

  const resumed = (stream: ScriptedStream) =>
    stream.of('subscribe').map(({ value: { epoch, afterNumber } }) => ({ epoch, afterNumber }));

  test('is told once, whichever of two streams brings it first', async () => {
    const old = await listen();
    stands(old, 1n, 4n);
    says(old, 1n, 5, 6);
    const next = await drain(old);
    expect(resumed(next)).toEqual([{ epoch: 1n, afterNumber: 6n }]);
    says(old, 1n, 7, 8);
    stands(next, 1n, 6n);
    says(next, 1n, 7, 10);
    says(old, 1n, 9, 11);
    skips(old, 12n, 13n);
    skips(next, 11n, 14n);
    expect(heard).toEqual(['1.5', '1.6', '1.7', '1.8', '1.9', '1.10', '1.11', '12–13', '14–14']);
  });

  test('is taken back where a stream brings as deleted what another told with its text', async () => {
    const old = await listen();
    stands(old, 1n, 0n);
    says(old, 1n, 1, 2);
    const next = await drain(old);
    stands(next, 1n, 0n);
    says(next, 1n, 1, 2, { comments: [{ number: 2n, deleted: true }] as never });
    says(next, 1n, 0, 0, { comments: [], deletedNumbers: [1n] });
    expect(heard).toEqual(['1.1', '1.2', '1.-2', '1.-1']);
  });

  test('counts each epoch by itself, also while two streams are in different ones', async () => {
    const old = await listen();
    stands(old, 1n, 100n);
    says(old, 1n, 101, 102);
    const next = await drain(old);
    stands(next, 2n, 3n);
    says(next, 2n, 4, 5);
    says(old, 1n, 103, 104);
    skips(old, 105n, 106n);
    // The old one comes to the later epoch, too.
    stands(old, 2n, 3n);
    says(old, 2n, 4, 6);
    says(next, 2n, 6, 7);
    expect(heard).toEqual(['1.101', '1.102', '2.4', '2.5', '1.103', '1.104', '105–106', '2.6', '2.7']);
    next.caughtUp();
    await runtime.advance(0);
    expect(resumed(await reconnect(next))).toEqual([{ epoch: 2n, afterNumber: 7n }]);
  });

  test('goes on where it was in another class, and is told no more once it is not wanted', async () => {
    const stream = await listen();
    stands(stream, 1n, 0n);
    says(stream, 1n, 1, 2);
    void client.subscribeChannel('c', { delivery: 'latest' });
    expect(resumed(stream).at(-1)).toEqual({ epoch: 1n, afterNumber: 2n });
    stands(stream, 1n, 2n);
    says(stream, 1n, 3, 3);
    client.unsubscribeChannel('c');
    says(stream, 1n, 4, 4);
    expect(heard).toEqual(['1.1', '1.2', '1.3']);
  });

  describe('that is refused for now', () => {
    function refuse(stream: ScriptedStream, reason: string, retryAfterS = 0): void {
      const requestId = stream.of('subscribe').at(-1)?.requestId ?? 0n;
      const info = ErrorInfo.encode(ErrorInfo.fromPartial({ reason, domain: 'parley' })).finish();
      const retry = RetryInfo.encode({ retryDelay: { seconds: BigInt(retryAfterS), nanos: 0 } }).finish();
      const details = [
        { typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo', value: Buffer.from(info) },
        { typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value: Buffer.from(retry) },
      ].slice(0, retryAfterS > 0 ? 2 : 1);
      const value = { code: 9, message: reason, details };
      stream.tell({ $case: 'reply', value: { requestId, result: { $case: 'error', value } } });
    }

    /** A stream that has refused what was heard on the one before. */
    async function refused(reason: string, retryAfterS = 0): Promise<ScriptedStream> {
      const stream = await reconnect(await listen());
      stream.caughtUp();
      refuse(stream, reason, retryAfterS);
      expect(stream.of('subscribe')).toHaveLength(1);
      return stream;
    }

    /** As long as it may take to be asked for again, on a stream that lives. */
    async function wait(stream: ScriptedStream): Promise<void> {
      for (let passedMs = 0; passedMs < 60_000; passedMs += 20_000) {
        await runtime.advance(20_000);
        stream.tell({ $case: 'heartbeatReply', value: HeartbeatReply.fromPartial({}) });
      }
    }

    test.each(['STORE_UNAVAILABLE', 'LISTENER_CAP'])('is asked for again on the same stream (%s)', async (reason) => {
      const stream = await refused(reason);
      for (let asked = 2; asked < 20; asked += 1) {
        await wait(stream);
        // Once for each refusal, however long the answer takes.
        expect(stream.of('subscribe')).toHaveLength(asked);
        refuse(stream, reason);
      }
      await wait(stream);
      answer(stream);
      await wait(stream);
      expect(stream.of('subscribe')).toHaveLength(20);
      expect(runtime.timers).toBe(1);
    });

    test('is asked for no sooner than the server said, and not by all at once', async () => {
      const stream = await refused('LISTENER_CAP', 5);
      await runtime.advance(5_149);
      expect(stream.of('subscribe')).toHaveLength(1);
      await runtime.advance(1);
      expect(stream.of('subscribe')).toHaveLength(2);
    });

    test('is asked for no more once it is not wanted', async () => {
      const stream = await refused('STORE_UNAVAILABLE');
      expect(runtime.timers).toBe(2);
      client.unsubscribeChannel('c');
      expect(runtime.timers).toBe(1);
      await wait(stream);
      expect(stream.of('subscribe')).toHaveLength(1);
    });

    test('is asked for in another class at once, and in the one before no more', async () => {
      const stream = await refused('STORE_UNAVAILABLE');
      void client.subscribeChannel('c', { delivery: 'latest' });
      answer(stream);
      await wait(stream);
      expect(stream.of('subscribe')).toHaveLength(2);
    });

    test('is forgotten once it is refused for good', async () => {
      const stream = await refused('STORE_UNAVAILABLE');
      await runtime.advance(300);
      refuse(stream, 'CHANNEL_NOT_FOUND');
      await wait(stream);
      expect(stream.of('subscribe')).toHaveLength(2);
    });

    test('is asked for no more on a stream that is over, and by a client that is closed', async () => {
      const stream = await refused('STORE_UNAVAILABLE');
      stream.end(unavailable());
      // That of the next stream.
      expect(runtime.timers).toBe(1);
      await runtime.advance(1_000);
      expect(stream.of('subscribe')).toHaveLength(1);
      carrier.last.welcome();
      refuse(carrier.last, 'STORE_UNAVAILABLE');
      expect(runtime.timers).toBe(2);
      await client.close();
      expect(runtime.timers).toBe(0);
    });

    test('is asked for on while the stream before ends and this one is not caught up', async () => {
      const old = await listen();
      const next = await drain(old);
      refuse(next, 'STORE_UNAVAILABLE');
      old.end();
      await runtime.advance(300);
      expect(next.of('subscribe')).toHaveLength(2);
    });
  });
});
