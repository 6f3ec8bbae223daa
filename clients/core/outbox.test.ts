import { beforeEach, describe, expect, test } from 'vitest';
import { RetryInfo } from '#proto/google/rpc/error_details.ts';
import { ManualRuntime, settled } from '../../test/support/manual-runtime.ts';
import { ScriptedCarrier, unavailable } from '../../test/support/scripted-carrier.ts';
import type { ScriptedStream } from '../../test/support/scripted-carrier.ts';
import type { Draft, DraftStore } from './draft.ts';
import * as Code from './codes.ts';
import type { ParleyError } from './errors.ts';
import { Outbox } from './outbox.ts';
import type { OutboxOptions } from './outbox.ts';
import { Session } from './session.ts';

const runtimeOf = () => new ManualRuntime();
describe('drafts on their way', () => {
  let runtime: ManualRuntime;
  let carrier: ScriptedCarrier;
  let sent: string[];
  let failed: string[];

  beforeEach(() => {
    runtime = runtimeOf();
    carrier = new ScriptedCarrier();
    sent = [];
    failed = [];
  });

  function draft(id: string, threadId = 't'): Draft {
    return {
      threadId,
      clientMessageId: id,
      knownHead: 7n,
      expectedSequence: undefined,
      replyTo: 0n,
      mentionIds: [],
      attachments: [],
      content: { body: { $case: 'text', value: id }, contentType: '' },
    };
  }

  function outbox(options: Partial<OutboxOptions> = {}): Outbox {
    return new Outbox(
      runtime,
      { maxDrafts: 10, maxBytes: 10_000, inFlightPerThread: 1, store: undefined, ...options },
      {
        added: () => undefined,
        sent: (which, result) => sent.push(`${which.clientMessageId}@${result.sequence}`),
        failed: (which, error) => failed.push(`${which.clientMessageId} ${error.reason}`),
      },
    );
  }

  /** A session that is open; what is sent on it is in `stream.of('send')`. */
  function open(framesInFlight = 64): { session: Session; stream: ScriptedStream } {
    const nothing = (): void => undefined;
    const session = new Session(carrier, { foreground: true } as never, 'jwt', runtime, {
      welcome: nothing,
      told: nothing,
      batch: nothing,
      caughtUp: nothing,
      resumeToken: nothing,
      goodbye: nothing,
      ended: nothing,
    });
    carrier.last.welcome({}, { framesInFlight });
    return { session, stream: carrier.last };
  }

  const ids = (stream: ScriptedStream): string[] => stream.of('send').map(({ value }) => value.clientMessageId);

  /** Answers the last sending of a draft. */
  function accept(stream: ScriptedStream, id: string, sequence: number): void {
    const said = stream.of('send').findLast(({ value }) => value.clientMessageId === id);
    stream.tell({
      $case: 'reply',
      value: {
        requestId: said?.requestId ?? 0n,
        result: {
          $case: 'send',
          value: {
            threadId: 't',
            sequence: BigInt(sequence),
            ordinal: 1n,
            epoch: 1n,
            createTime: undefined,
            duplicate: false,
          },
        },
      },
    });
  }

  function refuse(stream: ScriptedStream, id: string, code: number): void {
    const said = stream.of('send').findLast(({ value }) => value.clientMessageId === id);
    const status = { code, message: 'no', details: [] };
    stream.tell({
      $case: 'reply',
      value: { requestId: said?.requestId ?? 0n, result: { $case: 'error', value: status } },
    });
  }

  describe('an outbox', () => {
    test('sends a draft and resolves with its place', async () => {
      const box = outbox();
      const { session, stream } = open();
      box.use(session, 64);
      const result = box.add(draft('a'));
      accept(stream, 'a', 8);
      await expect(result).resolves.toMatchObject({ sequence: 8n });
      expect(sent).toEqual(['a@8']);
      expect(box.size).toBe(0);
    });

    test('keeps the order of a thread and lets threads pass each other', async () => {
      const box = outbox();
      const { session, stream } = open();
      box.use(session, 64);
      void box.add(draft('a1', 'a'));
      void box.add(draft('a2', 'a'));
      void box.add(draft('b1', 'b'));
      expect(ids(stream)).toEqual(['a1', 'b1']);
      accept(stream, 'a1', 1);
      expect(ids(stream)).toEqual(['a1', 'b1', 'a2']);
    });

    test('sends what has no reply again on the next stream: same id, same known head, same order', async () => {
      const box = outbox();
      const first = open();
      box.use(first.session, 64);
      void box.add(draft('a'));
      void box.add(draft('b'));
      first.stream.end(unavailable());
      const second = open();
      box.use(second.session, 64);
      accept(second.stream, 'a', 8);
      accept(second.stream, 'b', 9);
      expect(second.stream.of('send')).toMatchObject([
        { value: { clientMessageId: 'a', knownHead: 7n } },
        { value: { clientMessageId: 'b', knownHead: 7n } },
      ]);
      expect(sent).toEqual(['a@8', 'b@9']);
    });

    test('sends again on the same stream what has no reply for fifteen seconds', async () => {
      const box = outbox();
      const { session, stream } = open();
      box.use(session, 64);
      const result = box.add(draft('a'));
      await runtime.advance(15_000);
      expect(ids(stream)).toEqual(['a', 'a']);
      accept(stream, 'a', 8);
      await expect(result).resolves.toMatchObject({ sequence: 8n });
      expect(sent).toEqual(['a@8']);
    });

    test('takes the late answer to a sending that it gave up, and tells it once', async () => {
      const box = outbox();
      const { session, stream } = open();
      box.use(session, 64);
      const result = box.add(draft('a'));
      await runtime.advance(15_000);
      const [first, second] = stream.of('send').map(({ requestId }) => requestId);
      const sendResult = {
        threadId: 't',
        sequence: 8n,
        ordinal: 1n,
        epoch: 1n,
        createTime: undefined,
        duplicate: false,
      };
      for (const requestId of [first ?? 0n, second ?? 0n]) {
        stream.tell({ $case: 'reply', value: { requestId, result: { $case: 'send', value: sendResult } } });
      }
      await expect(result).resolves.toMatchObject({ sequence: 8n });
      expect(sent).toEqual(['a@8']);
      expect(box.size).toBe(0);
    });

    test('passes a refusal for good to the caller and goes on with the next draft', async () => {
      const box = outbox();
      const { session, stream } = open();
      box.use(session, 64);
      const first = box.add(draft('a'));
      const second = box.add(draft('b'));
      refuse(stream, 'a', Code.INVALID_ARGUMENT);
      await expect(first).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
      accept(stream, 'b', 8);
      await expect(second).resolves.toMatchObject({ sequence: 8n });
      expect(failed).toEqual(['a NO_REASON']);
    });

    test('waits with a thread whose first draft was refused for a while, and with no other', async () => {
      const box = outbox();
      const { session, stream } = open();
      box.use(session, 64);
      void box.add(draft('a1', 'a'));
      void box.add(draft('a2', 'a'));
      refuse(stream, 'a1', Code.UNAVAILABLE);
      void box.add(draft('b1', 'b'));
      expect(ids(stream)).toEqual(['a1', 'b1']);
      await runtime.advance(300);
      expect(ids(stream)).toEqual(['a1', 'b1', 'a1']);
      accept(stream, 'a1', 8);
      expect(ids(stream)).toEqual(['a1', 'b1', 'a1', 'a2']);
    });

    test('asks a broken server four times before it believes it', async () => {
      const box = outbox();
      const { session, stream } = open();
      box.use(session, 64);
      const result = box.add(draft('a')).catch((error: ParleyError) => error.code);
      for (let round = 0; round < 4; round += 1) {
        refuse(stream, 'a', Code.INTERNAL);
        await runtime.advance(1000);
      }
      await expect(result).resolves.toBe(Code.INTERNAL);
      expect(ids(stream)).toHaveLength(4);
    });

    test('never has more frames in flight than the session allows', () => {
      const box = outbox();
      const { session, stream } = open(10);
      box.use(session, 10);
      for (let index = 0; index < 6; index += 1) void box.add(draft(`d${index}`, `t${index}`));
      expect(ids(stream)).toHaveLength(2);
    });

    test('refuses what it has no room for, by count and by bytes', async () => {
      const box = outbox({ maxDrafts: 2 });
      void box.add(draft('a'));
      void box.add(draft('b'));
      await expect(box.add(draft('c'))).rejects.toMatchObject({ reason: 'OUTBOX_FULL' });
      const small = outbox({ maxBytes: 200 });
      await expect(small.add({ ...draft('x'.repeat(64)), mentionIds: ['y'.repeat(128)] })).rejects.toMatchObject({
        reason: 'OUTBOX_FULL',
      });
    });

    test('refuses what the server never takes for its size, in bytes and not in letters, and takes what just fits', async () => {
      const box = outbox({ maxBytes: 1_000_000 });
      const { session, stream } = open();
      box.use(session, 64);
      const text = (value: string, id: string): Draft => ({
        ...draft(id),
        content: { body: { $case: 'text', value }, contentType: '' },
      });
      await expect(box.add(text('é'.repeat(32_769), 'a'))).rejects.toMatchObject({
        reason: 'TOO_LARGE',
        fields: [{ field: 'content.text' }],
      });
      const attachments = [{ uri: '汉'.repeat(100_000), name: '', contentType: '' }] as never;
      await expect(box.add({ ...draft('b'), attachments })).rejects.toMatchObject({ reason: 'TOO_LARGE' });
      expect([box.size, ...failed]).toEqual([0, 'a TOO_LARGE', 'b TOO_LARGE']);
      void box.add(text('é'.repeat(32_768), 'c'));
      expect(ids(stream)).toEqual(['c']);
    });

    test('rejects what waits when it is closed', async () => {
      const box = outbox();
      const result = box.add(draft('a'));
      box.close();
      await expect(result).rejects.toMatchObject({ reason: 'CLIENT_CLOSED' });
      await expect(box.add(draft('b'))).rejects.toMatchObject({ reason: 'CLIENT_CLOSED' });
    });

    test('leaves no timer behind when everything was answered', async () => {
      const box = outbox();
      const { session, stream } = open();
      box.use(session, 64);
      void box.add(draft('a'));
      accept(stream, 'a', 8);
      stream.end();
      await runtime.advance(20_000);
      expect(runtime.timers).toBe(0);
    });
  });

  class MemoryStore implements DraftStore {
    readonly drafts: Draft[] = [];
    broken = false;
    release: (() => void)[] = [];

    load(): Promise<Draft[]> {
      return Promise.resolve([...this.drafts]);
    }

    async put(each: Draft): Promise<void> {
      if (this.broken) throw new Error('disk full');
      await new Promise<void>((resolve) => this.release.push(resolve));
      this.drafts.push(each);
    }

    remove(_threadId: string, id: string): Promise<void> {
      this.drafts.splice(
        this.drafts.findIndex((each) => each.clientMessageId === id),
        1,
      );
      return Promise.resolve();
    }
  }

  describe('an outbox with a store', () => {
    test('sends a draft only when it is saved, and forgets it when it is answered', async () => {
      const store = new MemoryStore();
      const box = outbox({ store });
      const { session, stream } = open();
      box.use(session, 64);
      void box.add(draft('a'));
      await settled();
      expect(ids(stream)).toEqual([]);
      store.release.shift()?.();
      await settled();
      expect(ids(stream)).toEqual(['a']);
      accept(stream, 'a', 8);
      expect(store.drafts).toEqual([]);
    });

    test('keeps the order of a thread when saves finish out of order', async () => {
      const store = new MemoryStore();
      const box = outbox({ store, inFlightPerThread: 4 });
      const { session, stream } = open();
      box.use(session, 64);
      void box.add(draft('a'));
      void box.add(draft('b'));
      store.release[1]?.();
      await settled();
      expect(ids(stream)).toEqual([]);
      store.release[0]?.();
      await settled();
      accept(stream, 'a', 8);
      expect(ids(stream)).toEqual(['a', 'b']);
    });

    test('sends what an earlier process left, with the same ids', async () => {
      const store = new MemoryStore();
      const dead = outbox({ store });
      void dead.add(draft('a')).catch(() => undefined);
      void dead.add(draft('b')).catch(() => undefined);
      for (const release of store.release) release();
      await settled();
      dead.close();
      const box = outbox({ store });
      await box.load();
      const { session, stream } = open();
      box.use(session, 64);
      accept(stream, 'a', 8);
      accept(stream, 'b', 9);
      expect(sent).toEqual(['a@8', 'b@9']);
      expect(store.drafts).toEqual([]);
    });

    test('does not keep what is too large; what an earlier version kept fails, is let go, and holds nothing up', async () => {
      const store = new MemoryStore();
      const large: Draft = {
        ...draft('a'),
        content: { body: { $case: 'opaque', value: Buffer.alloc(65_537) }, contentType: 'x/y' },
      };
      store.drafts.push(large, draft('b'));
      const box = outbox({ store });
      await box.load();
      expect(failed).toEqual(['a TOO_LARGE']);
      const { session, stream } = open();
      box.use(session, 64);
      expect(ids(stream)).toEqual(['b']);
      expect(store.drafts.map(({ clientMessageId }) => clientMessageId)).toEqual(['b']);
      await expect(box.add(large)).rejects.toMatchObject({ reason: 'TOO_LARGE' });
      expect(store.release).toEqual([]);
    });

    test('does not send what could not be saved, and says so', async () => {
      const store = new MemoryStore();
      store.broken = true;
      const box = outbox({ store });
      const { session, stream } = open();
      box.use(session, 64);
      await expect(box.add(draft('a'))).rejects.toMatchObject({ reason: 'DRAFT_NOT_SAVED' });
      expect(ids(stream)).toEqual([]);
      expect(box.size).toBe(0);
    });
  });

  test('a refusal with RetryInfo is tried again after the time it names', async () => {
    const box = outbox();
    const { session, stream } = open();
    box.use(session, 64);
    void box.add(draft('a'));
    const value = Buffer.from(RetryInfo.encode({ retryDelay: { seconds: 5n, nanos: 0 } }).finish());
    const details = [{ typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value }];
    stream.tell({
      $case: 'reply',
      value: {
        requestId: 1n,
        result: { $case: 'error', value: { code: Code.UNAVAILABLE, message: 'later', details } },
      },
    });
    await runtime.advance(5000);
    expect(ids(stream)).toHaveLength(1);
    await runtime.advance(300);
    expect(ids(stream)).toHaveLength(2);
  });
});
