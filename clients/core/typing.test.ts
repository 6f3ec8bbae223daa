import { beforeEach, describe, expect, test } from 'vitest';
import type { ManualRuntime } from '../../test/support/manual-runtime.ts';
import type { ScriptedCarrier } from '../../test/support/scripted-carrier.ts';
import { ScriptedClient } from '../../test/support/scripted-client.ts';
import type { ScriptedThread } from '../../test/support/scripted-thread.ts';
import type { ParleyClient } from './client.ts';

describe('typing', () => {
  let scripted: ScriptedClient;
  let runtime: ManualRuntime;
  let carrier: ScriptedCarrier;
  let thread: ScriptedThread;
  let client: ParleyClient;

  beforeEach(() => {
    scripted = new ScriptedClient();
    ({ runtime, carrier, thread, client } = scripted);
  });

  test('is said every three seconds at most, and taken back once', async () => {
    await scripted.live();
    for (let key = 0; key < 70; key += 1) {
      client.typing('t', true);
      await runtime.advance(100);
    }
    client.typing('t', false);
    client.typing('t', false);
    await runtime.advance(1000);
    expect(carrier.last.of('typing').map(({ value }) => value.active)).toEqual([true, true, true, false]);
  });

  test('is taken back after the message that was typed, and not when the next one is begun', async () => {
    await scripted.live();
    client.typing('t', true);
    void client.send('t', 'mine');
    client.typing('t', false);
    await runtime.advance(100);
    expect(carrier.last.of('send').length).toBe(1);
    expect(carrier.last.of('typing').map(({ value }) => value.active)).toEqual([true]);
    client.typing('t', true);
    await runtime.advance(1000);
    expect(carrier.last.of('typing').map(({ value }) => value.active)).toEqual([true, true]);
  });

  test('of others ends with their message', async () => {
    await scripted.live();
    carrier.last.tell({ $case: 'typingChanged', value: { threadId: 't', userId: 'bob', active: true } });
    carrier.last.tell(thread.post('carol', 'one'));
    expect(client.whoTypes('t')).toEqual(['bob']);
    carrier.last.tell(thread.post('bob', 'two'));
    expect(client.whoTypes('t')).toEqual([]);
  });

  test('of others fades after six seconds', async () => {
    await scripted.live();
    const changes: boolean[] = [];
    client.on('typing', ({ active }) => changes.push(active));
    carrier.last.tell({ $case: 'typingChanged', value: { threadId: 't', userId: 'bob', active: true } });
    await runtime.advance(5000);
    carrier.last.tell({ $case: 'typingChanged', value: { threadId: 't', userId: 'bob', active: true } });
    await runtime.advance(5999);
    expect(client.whoTypes('t')).toEqual(['bob']);
    await runtime.advance(1);
    expect(changes).toEqual([true, false]);
  });
});
