import { beforeEach, describe, expect, test } from 'vitest';
import { ManualRuntime } from '../../test/support/manual-runtime.ts';
import { refusal, ScriptedCarrier } from '../../test/support/scripted-carrier.ts';
import { ThreadCalls } from './calls.ts';
import { Caller } from './caller.ts';
import * as Code from './codes.ts';
import { Tokens } from './tokens.ts';

describe('calls without a stream', () => {
  let runtime: ManualRuntime;
  let carrier: ScriptedCarrier;
  let caller: Caller;
  let tokens: number;

  beforeEach(() => {
    runtime = new ManualRuntime();
    carrier = new ScriptedCarrier();
    tokens = 0;
    caller = new Caller(carrier, new Tokens(() => `jwt-${++tokens}`, runtime), runtime);
  });

  const path = '/parley.v1.ThreadService/GetThread';

  /** Makes the call while time passes; answers its outcome. */
  async function outcome(deadlineMs?: number): Promise<unknown> {
    const limits = deadlineMs === undefined ? {} : { deadlineMs };
    const call = caller.call(path, { threadId: 't' }, limits).then(
      () => 'answered',
      (error: { reason: string }) => error.reason,
    );
    await runtime.advance(60_000);
    return call;
  }

  /** Answers calls one after the other; an error refuses. */
  function answers(...list: unknown[]): void {
    carrier.answer = () => {
      const next = list.shift();
      if (next instanceof Error) throw next;
      return next;
    };
  }

  describe('a unary call', () => {
    test('is tried again while the server is not there', async () => {
      answers(refusal('DRAINING', Code.UNAVAILABLE), refusal('NO_REASON', Code.UNAVAILABLE), {});
      await expect(outcome()).resolves.toBe('answered');
      expect(carrier.calls).toHaveLength(3);
    });

    test('is tried again when the node died within its answer, but not when the server says that it failed', async () => {
      answers(refusal('NO_REASON', Code.INTERNAL), {});
      await expect(outcome()).resolves.toBe('answered');
      answers(refusal('INTERNAL', Code.INTERNAL), {});
      await expect(outcome()).resolves.toBe('INTERNAL');
    });

    test('is given up after four tries', async () => {
      answers(...Array.from({ length: 9 }, () => refusal('STORE_UNAVAILABLE', Code.UNAVAILABLE)));
      await expect(outcome()).resolves.toBe('STORE_UNAVAILABLE');
      expect(carrier.calls).toHaveLength(4);
    });

    test('waits as RetryInfo asks, unless that is after its deadline', async () => {
      answers(refusal('RATE_LIMITED', Code.RESOURCE_EXHAUSTED, 2000), {});
      await expect(outcome()).resolves.toBe('answered');
      answers(refusal('RATE_LIMITED', Code.RESOURCE_EXHAUSTED, 2000), {});
      await expect(outcome(1000)).resolves.toBe('RATE_LIMITED');
    });

    test('is tried once with a new token, and not twice', async () => {
      answers(refusal('TOKEN_EXPIRED', Code.UNAUTHENTICATED), {});
      await expect(outcome()).resolves.toBe('answered');
      expect(carrier.calls.map((call) => call.token)).toEqual(['jwt-1', 'jwt-2']);
      answers(refusal('TOKEN_EXPIRED', Code.UNAUTHENTICATED), refusal('TOKEN_EXPIRED', Code.UNAUTHENTICATED));
      await expect(outcome()).resolves.toBe('TOKEN_EXPIRED');
    });

    test('that was refused for good is not tried again', async () => {
      answers(refusal('THREAD_NOT_FOUND', Code.PERMISSION_DENIED));
      await expect(outcome()).resolves.toBe('THREAD_NOT_FOUND');
      expect(carrier.calls).toHaveLength(1);
    });

    test('ends when it is cancelled between two tries', async () => {
      answers(refusal('OVERLOADED', Code.UNAVAILABLE, 5000), {});
      const abort = new AbortController();
      const call = caller.call(path, { threadId: 't' }, { signal: abort.signal });
      const code = call.catch((error: { code: number }) => error.code);
      await runtime.advance(10);
      abort.abort();
      await expect(code).resolves.toBe(Code.CANCELLED);
      expect(runtime.timers).toBe(0);
    });

    test('of a typed helper fills in what was not given', async () => {
      answers({ threads: [], nextPageToken: '' });
      await new ThreadCalls(caller).list({ pageSize: 10 });
      expect(carrier.calls[0]?.request).toEqual({ pageSize: 10, pageToken: '', archived: false });
    });
  });

  describe('tokens', () => {
    const jwt = (expiresS: number): string => `h.${btoa(JSON.stringify({ exp: expiresS }))}.s`;

    test('are kept until shortly before they expire', async () => {
      const kept = new Tokens(() => jwt(1_700_000_000 + 100 + 100 * tokens++), runtime);
      await kept.current();
      await runtime.advance(94_000);
      await kept.current();
      expect(tokens).toBe(1);
      await runtime.advance(1001);
      await kept.current();
      expect(tokens).toBe(2);
    });

    test('that are over by a clock that is ahead are used for a minute nonetheless, and no longer than they are taken', async () => {
      const kept = new Tokens(() => jwt(1_600_000_000 + tokens++), runtime);
      await kept.current();
      const token = await kept.current();
      expect(tokens).toBe(1);
      kept.refused(token);
      await kept.current();
      expect(tokens).toBe(2);
      await runtime.advance(60_000);
      await kept.current();
      expect(tokens).toBe(3);
    });

    test('that do not come within fifteen seconds are asked for again by the next who wants one', async () => {
      const kept = new Tokens(
        () => (tokens++ === 0 ? new Promise<never>(() => undefined) : jwt(1_700_000_900)),
        runtime,
      );
      const first = expect(kept.current()).rejects.toMatchObject({ reason: 'TOKEN_UNAVAILABLE' });
      await runtime.advance(14_999);
      const late = expect(kept.current()).rejects.toMatchObject({ reason: 'TOKEN_UNAVAILABLE' });
      await runtime.advance(1);
      await Promise.all([first, late]);
      expect([await kept.current(), tokens, runtime.timers]).toEqual([jwt(1_700_000_900), 2, 0]);
    });

    test('are fetched once for all who want one at the same time', async () => {
      const kept = new Tokens(() => Promise.resolve(jwt(1_700_000_900 + tokens++)), runtime);
      await Promise.all([kept.current(), kept.current(), kept.fresh()]);
      expect(tokens).toBe(1);
    });
  });
});
