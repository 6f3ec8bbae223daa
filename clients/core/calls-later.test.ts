import { beforeEach, describe, expect, test } from 'vitest';
import { ManualRuntime } from '../../test/support/manual-runtime.ts';
import { ScriptedCarrier } from '../../test/support/scripted-carrier.ts';
import { Caller } from './caller.ts';
import { laterCalls } from './calls-later.ts';
import type { Later } from './calls-later.ts';
import { Tokens } from './tokens.ts';

describe('calls that are loaded when they are made', () => {
  let runtime: ManualRuntime;
  let carrier: ScriptedCarrier;
  let groups: Later<'GroupCalls'>;

  beforeEach(() => {
    runtime = new ManualRuntime();
    carrier = new ScriptedCarrier();
    carrier.answer = () => ({ sequence: 7n });
    // A token takes 600 ms.
    const getToken = (): Promise<string> => new Promise((resolve) => runtime.setTimer(600, () => resolve('jwt')));
    const later = laterCalls(new Caller(carrier, new Tokens(getToken, runtime), runtime), runtime);
    groups = later('GroupCalls', 'create', 'add', 'remove', 'leave', 'setRole', 'update');
  });

  test('take their arguments and answer as if they had been there', async () => {
    const sequence = groups.add('t', ['bob']);
    await runtime.advance(600);
    expect(await sequence).toBe(7n);
    expect(carrier.calls).toMatchObject([
      { path: '/parley.v1.GroupService/AddMembers', request: { threadId: 't', requestId: 'id-1', userIds: ['bob'] } },
    ]);
    expect(runtime.timers).toBe(0);
  });

  test('have one deadline with what had to be had before them', async () => {
    const call = groups.leave('t', { deadlineMs: 2000 });
    await runtime.advance(600);
    await call;
    await groups.leave('t');
    expect(carrier.calls.map(({ deadlineMs }) => deadlineMs)).toEqual([1400, 15_000]);
  });

  test('are cancelled by the signal that they were given', async () => {
    const { signal } = new AbortController();
    const call = groups.leave('t', { signal });
    await runtime.advance(600);
    await call;
    expect(carrier.calls[0]?.signal).toBe(signal);
  });

  test('reject as the call does', async () => {
    carrier.answer = () => {
      throw new RangeError('broken');
    };
    const call = expect(groups.leave('t')).rejects.toThrow('broken');
    await runtime.advance(600);
    await call;
  });

  test('are an object that can be awaited and looked at', async () => {
    expect(await Promise.resolve(groups)).toBe(groups);
    expect(Object.keys(groups)).toEqual(['create', 'add', 'remove', 'leave', 'setRole', 'update']);
  });
});
