import { beforeEach, describe, expect, test } from 'vitest';
import { Status } from '#proto/google/rpc/status.ts';
import { settled } from '../../test/support/manual-runtime.ts';
import type { ManualRuntime } from '../../test/support/manual-runtime.ts';
import { unavailable } from '../../test/support/scripted-carrier.ts';
import type { ScriptedCarrier } from '../../test/support/scripted-carrier.ts';
import { ScriptedClient } from '../../test/support/scripted-client.ts';
import type { ScriptedThread } from '../../test/support/scripted-thread.ts';
import type { ParleyClient } from './client.ts';
import type { ClientOptions } from './client-options.ts';
import * as Code from './codes.ts';

describe('what a device holds and the user has read', () => {
  let scripted: ScriptedClient;
  let runtime: ManualRuntime;
  let carrier: ScriptedCarrier;
  let thread: ScriptedThread;
  let client: ParleyClient;

  function make(options: Partial<ClientOptions> = {}): void {
    scripted = new ScriptedClient(options);
    ({ runtime, carrier, thread, client } = scripted);
  }

  beforeEach(() => make());

  describe('acknowledgements', () => {
    test('go at once after a second of silence, else once a second', async () => {
      await scripted.live();
      carrier.last.tell(thread.post('bob', 'one'));
      await runtime.advance(0);
      expect(scripted.acks).toEqual([1]);
      carrier.last.tell(thread.post('bob', 'two'));
      carrier.last.tell(thread.post('bob', 'three'));
      await runtime.advance(999);
      expect(scripted.acks).toEqual([1]);
      await runtime.advance(1);
      expect(scripted.acks).toEqual([1, 3]);
    });

    test('go when what they are of is kept, and not what was told meanwhile', async () => {
      const written: (() => void)[] = [];
      const flush = (): Promise<void> => new Promise((resolve) => written.push(resolve));
      make({ resume: { load: async () => ({ resume: undefined, heads: [] }), save: async () => undefined, flush } });
      await scripted.live();
      carrier.last.tell(thread.post('bob', 'one'));
      await runtime.advance(0);
      expect(scripted.acks).toEqual([]);
      carrier.last.tell(thread.post('bob', 'two'));
      written[0]?.();
      await settled();
      expect(scripted.acks).toEqual([1]);
      await runtime.advance(1000);
      expect(scripted.acks).toEqual([1]);
      written[1]?.();
      await settled();
      expect(scripted.acks).toEqual([1, 2]);
    });

    test('go at half the window, by entries', async () => {
      await scripted.live({ windowEntries: 10 });
      carrier.last.tell(thread.post('bob', 'one'));
      await runtime.advance(0);
      for (let index = 0; index < 5; index += 1) carrier.last.tell(thread.post('bob', 'more'));
      expect(scripted.acks).toEqual([1, 6]);
    });

    test('go at half the window, by bytes', async () => {
      await scripted.live({ windowBytes: 2000 });
      carrier.last.tell(thread.post('bob', 'one'));
      await runtime.advance(0);
      carrier.last.tellBytes(600, thread.post('bob', 'two'));
      expect(scripted.acks).toEqual([1]);
      carrier.last.tellBytes(600, thread.post('bob', 'three'));
      expect(scripted.acks).toEqual([1, 3]);
    });

    test('never cover a hole', async () => {
      await scripted.live();
      carrier.last.tell(thread.post('bob', 'one'));
      thread.post('bob', 'two', 'three');
      carrier.last.tell(thread.tell(3, 3));
      await runtime.advance(250);
      expect(scripted.acks).toEqual([1]);
    });

    test('are repeated in the next Hello, which may be the first to reach the server', async () => {
      await scripted.live();
      carrier.last.tell(thread.post('bob', 'one', 'two'));
      await runtime.advance(0);
      carrier.last.end(unavailable());
      await runtime.advance(300);
      expect(carrier.streams).toHaveLength(2);
      expect(carrier.last.hello.positions).toEqual([{ threadId: 't', upToSequence: 2n }]);
      expect(Buffer.from(carrier.last.hello.resumeToken).toString()).toBe('token-1');
    });

    test('made on the old stream during a move are repeated on the new one', async () => {
      await scripted.live();
      const old = carrier.last;
      old.goodbye({ reason: 1, reconnect: true });
      await runtime.advance(0);
      const next = carrier.last;
      next.welcome();
      old.tell(thread.post('bob', 'one'));
      await runtime.advance(1000);
      expect(old.of('ack')).toHaveLength(1);
      next.caughtUp();
      await runtime.advance(1000);
      expect(scripted.acks).toEqual([1]);
    });

    test('are the application’s own when it says so', async () => {
      make({ acknowledge: 'by-hand' });
      await scripted.live();
      carrier.last.tell(thread.post('bob', 'one', 'two'));
      await runtime.advance(5000);
      expect(scripted.acks).toEqual([]);
      client.ack('t', 1n);
      await runtime.advance(1000);
      expect(scripted.acks).toEqual([1]);
    });
  });

  describe('reading', () => {
    test('is told with the acknowledgements and repeated until it is answered', async () => {
      await scripted.live();
      carrier.last.tell(thread.post('bob', 'one', 'two'));
      expect(client.unread('t')).toBe(2);
      client.markRead('t');
      expect(client.unread('t')).toBe(0);
      await runtime.advance(0);
      expect(carrier.last.of('markRead')).toMatchObject([{ value: { position: { threadId: 't', upToSequence: 2n } } }]);
      carrier.last.end(unavailable());
      await runtime.advance(300);
      carrier.last.welcome();
      await runtime.advance(0);
      const [again] = carrier.last.of('markRead');
      expect(again?.value.position?.upToSequence).toBe(2n);
      carrier.last.tell({ $case: 'reply', value: { requestId: again?.requestId ?? 0n, result: undefined } });
      await runtime.advance(5000);
      expect(carrier.last.of('markRead')).toHaveLength(1);
    });

    test('waits for no second to pass when the app is left', async () => {
      await scripted.live();
      carrier.last.tell(thread.post('bob', 'one'));
      await runtime.advance(0);
      carrier.last.tell(thread.post('bob', 'two'));
      client.markRead('t');
      await runtime.advance(0);
      expect(carrier.last.of('markRead')).toEqual([]);
      client.setForeground(false);
      expect(carrier.last.of('markRead')).toMatchObject([{ value: { position: { threadId: 't', upToSequence: 2n } } }]);
      expect(scripted.acks.at(-1)).toBe(2);
    });

    test('is said again a second later when it was refused for now, and not when it was for good', async () => {
      await scripted.live();
      carrier.last.tell(thread.post('bob', 'one'));
      client.markRead('t');
      await runtime.advance(0);
      for (const [code, tries] of [
        [Code.UNAVAILABLE, 2],
        [Code.PERMISSION_DENIED, 2],
      ] as const) {
        const requestId = carrier.last.of('markRead').at(-1)?.requestId ?? 0n;
        const error = Status.fromPartial({ code, message: 'no' });
        carrier.last.tell({ $case: 'reply', value: { requestId, result: { $case: 'error', value: error } } });
        await runtime.advance(5000);
        expect(carrier.last.of('markRead')).toHaveLength(tries);
      }
    });

    test('counts what the head told and what came after it, each once', async () => {
      thread.post('bob', 'one', 'two');
      thread.unread = 2;
      await scripted.live();
      await runtime.advance(1000);
      expect(client.unread('t')).toBe(2);
      carrier.last.tell(thread.post('bob', 'three'));
      expect(client.unread('t')).toBe(3);
    });

    test('on another device counts here', async () => {
      await scripted.live();
      carrier.last.tell(thread.post('bob', 'one', 'two'));
      carrier.last.tell({ $case: 'readAdvanced', value: { threadId: 't', readSequence: 1n, unreadCount: 1n } });
      expect(client.unread('t')).toBe(1);
    });
  });
});
