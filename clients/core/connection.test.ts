import { beforeEach, describe, expect, test } from 'vitest';
import { ManualRuntime, settled } from '../../test/support/manual-runtime.ts';
import { refusal, ScriptedCarrier, unavailable } from '../../test/support/scripted-carrier.ts';
import { Connection } from './connection.ts';
import type { ConnectionState } from './connection-state.ts';
import * as Code from './codes.ts';
import { Tokens } from './tokens.ts';

describe('a connection', () => {
  let runtime: ManualRuntime;
  let carrier: ScriptedCarrier;
  let connection: Connection;
  let states: ConnectionState[];
  let resumeTokens: (string | undefined)[];
  let fetched: number;
  let told: string[];
  const hello = (handOver: boolean) => ({
    deviceId: 'd',
    resumeToken: Buffer.alloc(0),
    positions: [],
    sdk: undefined,
    apiRevision: 1,
    handOver,
    foreground: true,
    userSequence: 0n,
  });

  beforeEach(() => {
    runtime = new ManualRuntime();
    carrier = new ScriptedCarrier();
    states = [];
    resumeTokens = [];
    told = [];
    fetched = 0;
    const tokens = new Tokens(() => `jwt-${++fetched}`, runtime);
    connection = new Connection(carrier, tokens, runtime, {
      hello,
      state: (state) => states.push(state),
      welcome: () => undefined,
      told: (session, frame) => told.push(`${session.welcome?.sessionId} ${frame.$case}`),
      batch: () => undefined,
      caughtUp: () => undefined,
      resumeToken: (token) => resumeTokens.push(token === undefined ? undefined : Buffer.from(token).toString()),
    });
  });

  const phases = (): string[] => states.map((state) => state.phase);

  /** Lets the time pass until the next try. */
  async function nextTry(): Promise<void> {
    const state = states.at(-1);
    await runtime.advance(state?.phase === 'waiting' ? state.retryInMs : 0);
  }

  async function live(sessionId = 's-1'): Promise<void> {
    connection.start();
    await settled();
    carrier.last.welcome({ sessionId });
    carrier.last.caughtUp();
  }

  describe('opening', () => {
    test('says Hello with a token and is live once caught up', async () => {
      await live();
      expect(carrier.last.token).toBe('jwt-1');
      expect(phases()).toEqual(['connecting', 'live']);
      expect(resumeTokens).toEqual(['token-1']);
    });

    test('gives up a stream on which no Welcome comes', async () => {
      connection.start();
      await runtime.advance(20_000);
      expect(carrier.last.closedBy).toBe('abort');
      expect(phases()).toEqual(['connecting', 'waiting']);
    });

    test('waits when no token can be had, and asks again', async () => {
      let broken = true;
      const tokens = new Tokens(() => (broken ? Promise.reject(new Error('offline')) : 'jwt'), runtime);
      connection = new Connection(carrier, tokens, runtime, {
        hello,
        state: (state) => states.push(state),
        welcome: () => undefined,
        told: () => undefined,
        batch: () => undefined,
        caughtUp: () => undefined,
        resumeToken: () => undefined,
      });
      connection.start();
      await settled();
      expect(states.at(-1)).toMatchObject({ phase: 'waiting', error: { reason: 'TOKEN_UNAVAILABLE' } });
      broken = false;
      await runtime.advance(300);
      expect(phases()).toEqual(['connecting', 'waiting', 'connecting']);
    });
  });

  describe('reconnecting', () => {
    test('tries three times within two seconds, then ever more rarely up to a minute', async () => {
      runtime.chance = 1;
      connection.start();
      const waits: number[] = [];
      for (let round = 0; round < 10; round += 1) {
        await settled();
        carrier.last.end(unavailable());
        const state = states.at(-1);
        if (state?.phase !== 'waiting') throw new Error('it should wait');
        waits.push(state.retryInMs);
        await runtime.advance(state.retryInMs);
      }
      expect(waits.slice(0, 3).reduce((sum, wait) => sum + wait)).toBeLessThanOrEqual(2000);
      expect(waits.slice(3)).toEqual([4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
      expect(carrier.streams).toHaveLength(11);
    });

    test('spreads its tries over the whole span', async () => {
      runtime.chance = 0;
      connection.start();
      for (let round = 0; round < 6; round += 1) {
        await runtime.advance(0);
        carrier.last.end(unavailable());
        expect(states.at(-1)).toMatchObject({ phase: 'waiting', retryInMs: 0 });
      }
    });

    test('begins anew with quick tries after a stream that lasted', async () => {
      runtime.chance = 1;
      connection.start();
      for (let round = 0; round < 5; round += 1) {
        await settled();
        carrier.last.end(unavailable());
        await nextTry();
      }
      carrier.last.welcome();
      carrier.last.caughtUp();
      await runtime.advance(5000);
      carrier.last.end(unavailable());
      expect(states.at(-1)).toMatchObject({ phase: 'waiting', retryInMs: 300 });
    });

    test('does not take a stream that ends at once for a success', async () => {
      runtime.chance = 1;
      connection.start();
      for (let round = 0; round < 5; round += 1) {
        await settled();
        carrier.last.welcome();
        carrier.last.caughtUp();
        carrier.last.end(unavailable());
        await nextTry();
      }
      carrier.last.end(unavailable());
      expect(states.at(-1)).toMatchObject({ phase: 'waiting', retryInMs: 16_000 });
    });

    test('waits as long as RetryInfo asks', async () => {
      connection.start();
      await settled();
      carrier.last.end(refusal('OVERLOADED', Code.UNAVAILABLE, 7000));
      await runtime.advance(6999);
      expect(carrier.streams).toHaveLength(1);
      await runtime.advance(400);
      expect(carrier.streams).toHaveLength(2);
    });

    test('tries at once when woken', async () => {
      connection.start();
      await settled();
      carrier.last.end(refusal('OVERLOADED', Code.UNAVAILABLE, 60_000));
      connection.wake(true);
      await settled();
      expect(carrier.streams).toHaveLength(2);
    });

    test('opens another stream at once when the application asks for it', async () => {
      await live();
      connection.reopen();
      await settled();
      expect(carrier.streams).toHaveLength(2);
      expect(carrier.streams[0]?.closedBy).toBe('abort');
      expect(phases()).toEqual(['connecting', 'live', 'connecting']);
      carrier.last.welcome();
      carrier.last.caughtUp();
      carrier.last.end(unavailable());
      expect(states.at(-1)?.phase).toBe('waiting');
    });

    test('forgets a resume token that is no good', async () => {
      await live();
      carrier.last.end(refusal('INVALID_TOKEN', Code.INVALID_ARGUMENT));
      expect(resumeTokens).toEqual(['token-1', undefined]);
      expect(states.at(-1)?.phase).toBe('waiting');
    });
  });

  describe('what the server says at the end', () => {
    test.each([
      [2, 'superseded'],
      [7, 'signed-out'],
      [6, 'refused'],
    ] as const)('a goodbye of reason %i that forbids to reconnect closes it as %s', async (reason, expected) => {
      await live();
      carrier.last.goodbye({ reason, reconnect: false });
      carrier.last.end(refusal('X', Code.ABORTED));
      await runtime.advance(120_000);
      expect(states.at(-1)).toMatchObject({ phase: 'closed', reason: expected });
      expect(carrier.streams).toHaveLength(1);
      expect(runtime.timers).toBe(0);
    });

    test('a status that says signed out is final without a goodbye too', async () => {
      await live();
      carrier.last.end(refusal('SIGNED_OUT', Code.PERMISSION_DENIED));
      await runtime.advance(120_000);
      expect(states.at(-1)).toMatchObject({ phase: 'closed', reason: 'signed-out' });
      expect(carrier.streams).toHaveLength(1);
    });

    test('a goodbye with delay and jitter is obeyed', async () => {
      runtime.chance = 0.5;
      await live();
      carrier.last.goodbye({
        reason: 8,
        reconnect: true,
        delay: { seconds: 3n, nanos: 0 },
        jitter: { seconds: 4n, nanos: 0 },
      });
      carrier.last.end(unavailable());
      await runtime.advance(4999);
      expect(carrier.streams).toHaveLength(1);
      await runtime.advance(151);
      expect(carrier.streams).toHaveLength(2);
    });

    test('a refused token is fetched anew, and three refused in a row close it', async () => {
      connection.start();
      for (let round = 0; round < 3; round += 1) {
        await runtime.advance(1000);
        carrier.last.end(refusal('TOKEN_INVALID', Code.UNAUTHENTICATED));
      }
      expect(carrier.streams.map((stream) => stream.token)).toEqual(['jwt-1', 'jwt-2', 'jwt-3']);
      expect(states.at(-1)).toMatchObject({ phase: 'closed', reason: 'unauthenticated' });
    });

    test('what a proxy says is never the last word', async () => {
      connection.start();
      await settled();
      carrier.last.end(refusal('NO_REASON', Code.UNIMPLEMENTED));
      expect(states.at(-1)?.phase).toBe('waiting');
    });

    test('a refusal of its own by the server is', async () => {
      connection.start();
      await settled();
      carrier.last.end(refusal('INVALID_FIELD', Code.INVALID_ARGUMENT));
      expect(states.at(-1)).toMatchObject({ phase: 'closed', reason: 'refused', error: { reason: 'INVALID_FIELD' } });
    });
  });

  describe('a heart that beats', () => {
    test('beats at the interval of Welcome ± a tenth', async () => {
      await live();
      runtime.chance = 0;
      await runtime.advance(30_000);
      const [first] = carrier.streams;
      expect(first?.of('heartbeat')).toHaveLength(1);
      first?.tell({ $case: 'heartbeatReply', value: { serverTime: undefined, resumeToken: Buffer.alloc(0) } });
      await runtime.advance(22_500);
      expect(first?.of('heartbeat')).toHaveLength(2);
    });

    test('drops a stream on which nothing is heard for a minute', async () => {
      await live();
      await runtime.advance(59_999);
      expect(carrier.last.closedBy).toBeUndefined();
      await runtime.advance(2);
      expect(carrier.streams[0]?.closedBy).toBe('abort');
      expect(phases()).toContain('waiting');
    });

    test('keeps the fresh resume token of an answer', async () => {
      await live();
      carrier.last.tell({
        $case: 'heartbeatReply',
        value: { serverTime: undefined, resumeToken: Buffer.from('token-2') },
      });
      expect(resumeTokens).toEqual(['token-1', 'token-2']);
    });
  });

  describe('a drain', () => {
    const draining = {
      reason: 1 as const,
      reconnect: true,
      delay: { seconds: 1n, nanos: 0 },
      jitter: { seconds: 2n, nanos: 0 },
    };

    test('opens the new stream before the old one closes, and stays live', async () => {
      await live('old');
      const old = carrier.last;
      old.goodbye(draining);
      await runtime.advance(1999);
      expect(carrier.streams).toHaveLength(1);
      await runtime.advance(1);
      const next = carrier.last;
      expect(next.hello.handOver).toBe(true);
      next.welcome({ sessionId: 'new' });
      expect(connection.session?.welcome?.sessionId).toBe('old');
      old.tell({ $case: 'headsChanged', value: { heads: [] } });
      expect(told).toEqual(['old headsChanged']);
      next.caughtUp();
      expect(connection.session?.welcome?.sessionId).toBe('new');
      expect(old.closedBy).toBe('close');
      await settled();
      expect(phases()).toEqual(['connecting', 'live', 'live']);
    });

    test('goes on trying while the old stream serves', async () => {
      await live('old');
      carrier.last.goodbye(draining);
      await runtime.advance(2000);
      carrier.last.end(refusal('DRAINING', Code.UNAVAILABLE));
      await runtime.advance(300);
      expect(carrier.streams).toHaveLength(3);
      expect(carrier.last.hello.handOver).toBe(true);
      expect(phases()).toEqual(['connecting', 'live']);
    });

    test('goes on with the new stream alone when the old one ends first', async () => {
      await live('old');
      const old = carrier.last;
      old.goodbye(draining);
      await runtime.advance(2000);
      old.end();
      expect(states.at(-1)?.phase).toBe('connecting');
      carrier.last.welcome({ sessionId: 'new' });
      carrier.last.caughtUp();
      expect(states.at(-1)).toMatchObject({ phase: 'live', sessionId: 'new' });
      expect(carrier.streams).toHaveLength(2);
    });

    const handedOver = { reason: 9 as const, reconnect: false, delay: undefined, jitter: undefined };

    test('goes on with the new stream, and stays live, when the old node says that it has caught up before it does', async () => {
      await live('old');
      const old = carrier.last;
      old.goodbye(draining);
      await runtime.advance(2000);
      carrier.last.welcome({ sessionId: 'new' });
      old.goodbye(handedOver);
      old.end();
      expect(states.at(-1)).toMatchObject({ phase: 'live', sessionId: 'old' });
      carrier.last.caughtUp();
      expect(states.at(-1)).toMatchObject({ phase: 'live', sessionId: 'new' });
      expect(carrier.streams).toHaveLength(2);
    });

    test('opens another stream when the new one breaks just when the old node hands over to it', async () => {
      await live('old');
      const old = carrier.last;
      old.goodbye(draining);
      await runtime.advance(2000);
      carrier.last.welcome({ sessionId: 'new' });
      carrier.last.end(unavailable());
      old.goodbye(handedOver);
      old.end();
      await runtime.advance(300);
      expect(carrier.streams).toHaveLength(3);
      carrier.last.welcome({ sessionId: 'newest' });
      carrier.last.caughtUp();
      expect(states.at(-1)).toMatchObject({ phase: 'live', sessionId: 'newest' });
    });

    test('keeps to the time it was given when the old stream ends before', async () => {
      await live('old');
      carrier.last.goodbye(draining);
      carrier.last.end();
      expect(states.at(-1)?.phase).toBe('waiting');
      await runtime.advance(1999);
      expect(carrier.streams).toHaveLength(1);
      await runtime.advance(1);
      expect(carrier.streams).toHaveLength(2);
      expect(carrier.last.hello.handOver).toBe(false);
    });
  });

  describe('closing', () => {
    test('ends the streams, opens none, and leaves no timer', async () => {
      await live();
      connection.close();
      await connection.gone();
      await runtime.advance(600_000);
      expect(carrier.last.closedBy).toBe('close');
      expect(carrier.streams).toHaveLength(1);
      expect(states.at(-1)).toMatchObject({ phase: 'closed', reason: 'asked' });
      expect(runtime.timers).toBe(0);
    });
  });
});
