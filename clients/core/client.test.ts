import { beforeEach, describe, expect, test } from 'vitest';
import { settled } from '../../test/support/manual-runtime.ts';
import type { ManualRuntime } from '../../test/support/manual-runtime.ts';
import { unavailable } from '../../test/support/scripted-carrier.ts';
import type { ScriptedCarrier } from '../../test/support/scripted-carrier.ts';
import { ScriptedClient } from '../../test/support/scripted-client.ts';
import { ScriptedThread } from '../../test/support/scripted-thread.ts';
import type { ParleyClient } from './client.ts';
import type { ClientOptions, ResumeState } from './client-options.ts';

describe('a client on a scripted server', () => {
  let scripted: ScriptedClient;
  let runtime: ManualRuntime;
  let carrier: ScriptedCarrier;
  let thread: ScriptedThread;
  let client: ParleyClient;
  let heard: string[];

  function make(options: Partial<ClientOptions> = {}): void {
    scripted = new ScriptedClient(options);
    ({ runtime, carrier, thread, client, heard } = scripted);
  }

  beforeEach(() => make());

  describe('entries', () => {
    test('are told each once and in order, and folded into items', async () => {
      await scripted.live();
      carrier.last.tell(thread.post('bob', 'one', 'two'));
      carrier.last.tell(thread.tell(1, 2));
      carrier.last.tell(thread.post('bob', 'three'));
      expect(heard).toEqual(['one', 'two', 'three']);
      expect(client.items('t').map((item) => item.sequence)).toEqual([1n, 2n, 3n]);
      expect(client.held('t')).toBe(3n);
    });

    test('of the user’s own come from the reply, because the stream does not bring them', async () => {
      await scripted.live();
      carrier.last.tell(thread.post('bob', 'one'));
      const sent = client.send('t', 'mine');
      scripted.accept(2);
      await sent;
      expect(heard).toEqual(['one', 'mine']);
      expect(client.items('t')[1]).toMatchObject({ message: { senderId: 'alice', senderDeviceId: 'phone' } });
      expect(carrier.last.of('send')[0]?.value.knownHead).toBe(1n);
    });

    test('of the user’s own wait for those before them', async () => {
      await scripted.live();
      void client.send('t', 'mine');
      thread.post('bob', 'one');
      scripted.accept(2);
      expect(heard).toEqual([]);
      carrier.last.tell(thread.tell(1, 1));
      expect(heard).toEqual(['one', 'mine']);
    });

    test('that an earlier sending had already put there are read from the log, not made up', async () => {
      await scripted.live();
      void client.send('t', 'mine, as first written');
      thread.post('alice', 'mine, as edited since');
      scripted.accept(1, true);
      await runtime.advance(1000);
      expect(heard).toEqual(['mine, as edited since']);
    });

    test('that are missing are fetched after 0.3–1 s, and not when they come meanwhile', async () => {
      runtime.chance = 0;
      await scripted.live();
      thread.post('bob', 'one', 'two', 'three');
      carrier.last.tell(thread.tell(3, 3));
      await runtime.advance(299);
      expect(carrier.calls).toHaveLength(0);
      await runtime.advance(1);
      expect(heard).toEqual(['one', 'two', 'three']);
      thread.post('bob', 'four', 'five');
      carrier.last.tell(thread.tell(5, 5));
      carrier.last.tell(thread.tell(4, 4));
      await runtime.advance(5000);
      expect(carrier.calls).toHaveLength(1);
      expect(heard).toEqual(['one', 'two', 'three', 'four', 'five']);
    });

    test('that are missing for a moment only, again and again, are never fetched', async () => {
      await scripted.live();
      // There is always a hole, and each is closed before its time.
      thread.post('bob', ...Array.from({ length: 80 }, (_, index) => `m${index}`));
      carrier.last.tell(thread.tell(2, 2));
      for (let place = 4; place <= 80; place += 2) {
        carrier.last.tell(thread.tell(place, place));
        await runtime.advance(250);
        carrier.last.tell(thread.tell(place - 3, place - 3));
      }
      carrier.last.tell(thread.tell(79, 79));
      expect(carrier.calls).toEqual([]);
      expect(heard).toHaveLength(80);
    });

    test('that a head tells of and no stream brings are fetched', async () => {
      thread.post('bob', 'one', 'two');
      await scripted.live();
      await runtime.advance(1000);
      expect(heard).toEqual(['one', 'two']);
    });

    test('are fetched page by page and again after a failure', async () => {
      thread.post('bob', ...Array.from({ length: 50 }, (_, index) => `m${index}`));
      let calls = 0;
      carrier.answer = (_path, request) => {
        calls += 1;
        if (calls === 2) throw new Error('the network is gone');
        return thread.list(request, 20);
      };
      await scripted.live();
      await runtime.advance(10_000);
      expect(heard).toHaveLength(50);
      expect(calls).toBe(4);
    });

    test('that were skipped are fetched at once', async () => {
      await scripted.live();
      thread.post('bob', 'one', 'two', 'three');
      carrier.last.tell(thread.skipped(1, 2));
      carrier.last.tell(thread.tell(3, 3));
      await settled();
      expect(heard).toEqual(['one', 'two', 'three']);
    });

    test('that were skipped while the stream opened are fetched as soon as it is live', async () => {
      thread.post('bob', 'one', 'two', 'three');
      await client.start();
      await settled();
      carrier.last.welcome();
      carrier.last.tell(thread.heads(), thread.skipped(1, 2), thread.tell(3, 3));
      carrier.last.caughtUp();
      await settled();
      expect(heard).toEqual(['one', 'two', 'three']);
    });

    test('that were skipped are left to history, when that is chosen', async () => {
      make({ skipped: 'history' });
      await scripted.live();
      thread.post('bob', 'one', 'two', 'three');
      carrier.last.tell(thread.skipped(1, 2));
      carrier.last.tell(thread.tell(3, 3));
      await runtime.advance(5000);
      expect(heard).toEqual(['three']);
      expect(carrier.calls).toHaveLength(0);
      expect(scripted.acks).toEqual([3]);
    });

    test('that are held until acknowledged are fetched before that, whatever is chosen', async () => {
      make({ skipped: 'history' });
      await scripted.live();
      thread.post('bob', 'one', 'two', 'three');
      carrier.last.tell(thread.skipped(1, 2, true));
      carrier.last.tell(thread.tell(3, 3));
      await runtime.advance(5000);
      expect(heard).toEqual(['one', 'two', 'three']);
      expect(scripted.acks).toEqual([3]);
    });

    test('of a log with another epoch start over', async () => {
      await scripted.live();
      const restarts: unknown[] = [];
      client.on('restarted', (event) => restarts.push(event));
      carrier.last.tell(thread.post('bob', 'old one', 'old two'));
      thread = new ScriptedThread('t');
      scripted.thread = thread;
      thread.epoch = 2n;
      thread.post('bob', 'new one', 'new two', 'new three');
      carrier.last.tell(thread.tell(3, 3));
      await runtime.advance(1000);
      expect(restarts).toEqual([{ threadId: 't', epoch: 2n }]);
      expect(heard).toEqual(['old one', 'old two', 'new one', 'new two', 'new three']);
      expect(client.items('t')).toHaveLength(3);
      await runtime.advance(1000);
      expect(scripted.acks.at(-1)).toBe(3);
    });
  });

  describe('what the session is to hear', () => {
    test('is said again on every stream', async () => {
      await scripted.live();
      const asked = client.subscribe('t');
      carrier.last.tell({ $case: 'reply', value: { requestId: 1n, result: undefined } });
      await asked;
      void client.watchPresence(['bob']);
      carrier.last.end(unavailable());
      await runtime.advance(300);
      carrier.last.welcome();
      expect(carrier.last.of('subscribe')).toMatchObject([{ value: { target: { value: 't' } } }]);
      expect(carrier.last.of('watchPresence')).toMatchObject([{ value: { userIds: ['bob'] } }]);
    });

    test('is forgotten when a later stream refuses it', async () => {
      await scripted.live();
      const asked = client.subscribe('t');
      carrier.last.tell({ $case: 'reply', value: { requestId: 1n, result: undefined } });
      await asked;
      for (const streams of [2, 3]) {
        carrier.last.end(unavailable());
        await runtime.advance(300);
        expect(carrier.streams).toHaveLength(streams);
        carrier.last.welcome();
        const status = { code: 5, message: 'no such thread', details: [] };
        carrier.last.tell({ $case: 'reply', value: { requestId: 1n, result: { $case: 'error', value: status } } });
      }
      expect(carrier.streams[1]?.of('subscribe')).toHaveLength(1);
      expect(carrier.streams[2]?.of('subscribe')).toHaveLength(0);
    });

    test('is forgotten when it was refused', async () => {
      await scripted.live();
      const asked = client.subscribe('other');
      const status = { code: 5, message: 'no such thread', details: [] };
      carrier.last.tell({ $case: 'reply', value: { requestId: 1n, result: { $case: 'error', value: status } } });
      await expect(asked).rejects.toMatchObject({ code: 5 });
      carrier.last.end(unavailable());
      await runtime.advance(300);
      carrier.last.welcome();
      expect(carrier.last.of('subscribe')).toEqual([]);
    });
  });

  describe('receipts', () => {
    test('turn the ticks of a direct thread, and never back', async () => {
      await scripted.live();
      const advance = (delivered: number, read: number): void =>
        carrier.last.tell({
          $case: 'receiptAdvanced',
          value: {
            threadId: 't',
            userId: 'bob',
            deliveredSequence: BigInt(delivered),
            readSequence: BigInt(read),
          },
        });
      expect(client.ticks('t', 3n).state).toBe('sent');
      advance(3, 0);
      expect(client.ticks('t', 3n).state).toBe('delivered');
      advance(2, 3);
      advance(1, 1);
      expect(client.ticks('t', 3n).state).toBe('read');
      expect(client.ticks('t', 4n).state).toBe('sent');
    });

    test('of a group are counts', async () => {
      await scripted.live();
      const counts = [{ sequence: 3n, deliveredCount: 2, readCount: 1 }];
      carrier.last.tell({ $case: 'receiptCounts', value: { threadId: 't', counts, memberCount: 2 } });
      expect(client.ticks('t', 3n)).toEqual({ state: 'delivered', deliveredCount: 2, readCount: 1, memberCount: 2 });
    });
  });

  describe('a token', () => {
    test('is renewed on the stream before it expires, by the server’s clock', async () => {
      let fetched = 0;
      make({ getToken: () => `jwt-${++fetched}` });
      await client.start();
      await settled();
      carrier.last.welcome({ tokenExpireTime: { seconds: 1_700_000_050n, nanos: 0 } });
      carrier.last.caughtUp();
      await runtime.advance(39_999);
      expect(carrier.last.of('reauthenticate')).toEqual([]);
      await runtime.advance(1);
      expect(carrier.last.of('reauthenticate').map(({ value }) => value.token)).toEqual(['jwt-2']);
    });
  });

  describe('a client', () => {
    test('holds only its heartbeat’s timer while nothing happens', async () => {
      await scripted.live();
      carrier.last.tell(thread.post('bob', 'one'));
      await runtime.advance(2000);
      expect(runtime.timers).toBe(1);
    });

    test('goes on after a handler that throws', async () => {
      client.on('message', () => {
        throw new Error('a bug of the application');
      });
      await scripted.live();
      carrier.last.tell(thread.post('bob', 'one', 'two'));
      expect(heard).toEqual(['one', 'two']);
      expect(runtime.reported).toHaveLength(2);
    });

    test('resumes where an earlier process was', async () => {
      let kept: ResumeState | undefined;
      const resume = {
        load: () => Promise.resolve({ resume: kept, heads: [] }),
        save: (state: ResumeState) => {
          kept = state;
          return Promise.resolve();
        },
      };
      make({ resume });
      await client.start();
      await settled();
      carrier.last.welcome({ userEpoch: 3n });
      carrier.last.caughtUp('token-9', 12n);
      await client.close();
      make({ resume });
      await client.start();
      await settled();
      expect(Buffer.from(carrier.last.hello.resumeToken).toString()).toBe('token-9');
      expect(carrier.last.hello.userSequence).toBe(12n);
    });

    test('leaves nothing behind when it is closed', async () => {
      await scripted.live();
      const waiting = client.send('t', 'never answered').catch((error: { reason: string }) => error.reason);
      await client.close();
      await expect(waiting).resolves.toBe('CLIENT_CLOSED');
      expect(carrier.closed).toBe(true);
      expect(client.connection).toMatchObject({ phase: 'closed', reason: 'asked' });
      expect(runtime.timers).toBe(0);
    });

    test.each([true, false])(
      'tells and acknowledges nothing after it was closed (live before: %s)',
      async (wasLive) => {
        if (wasLive) await scripted.live();
        else {
          await client.start();
          await settled();
          carrier.last.welcome();
        }
        carrier.last.endsWhenClosed = false;
        const closing = client.close();
        carrier.last.tell(thread.heads(), thread.post('bob', 'late'));
        carrier.last.caughtUp();
        await runtime.advance(1000);
        await closing;
        expect(heard).toEqual([]);
        expect(scripted.acks).toEqual([]);
        expect(carrier.last.closedBy).toBe('abort');
        expect(client.connection).toMatchObject({ phase: 'closed', reason: 'asked' });
      },
    );

    test('that was closed by the server tells it to whoever waits', async () => {
      await scripted.live();
      const waiting = client.send('t', 'never answered').catch((error: { reason: string }) => error.reason);
      carrier.last.goodbye({ reason: 2, reconnect: false });
      carrier.last.end();
      await expect(waiting).resolves.toBe('CLIENT_CLOSED');
      await expect(client.send('t', 'x')).rejects.toMatchObject({ reason: 'CLIENT_CLOSED' });
      expect(runtime.timers).toBe(0);
    });

    test('says what it has read and holds before it goes', async () => {
      await scripted.live();
      carrier.last.tell(thread.post('bob', 'one'));
      client.markRead('t');
      await client.close();
      expect(scripted.acks).toEqual([1]);
      expect(carrier.last.of('markRead')).toHaveLength(1);
    });

    test('waits no longer than a second for a server that does not answer its closing', async () => {
      await scripted.live();
      carrier.last.endsWhenClosed = false;
      const closing = client.close();
      await runtime.advance(1000);
      await closing;
      expect(carrier.closed).toBe(true);
    });
  });
});
