// A store that was restored from a backup: its logs have another epoch, and hold less than clients do.
import { beforeEach, describe, expect, test } from 'vitest';
import { type ManualRuntime, settled } from '../../test/support/manual-runtime.ts';
import { type ScriptedCarrier, unavailable } from '../../test/support/scripted-carrier.ts';
import { ScriptedClient } from '../../test/support/scripted-client.ts';
import type { ScriptedThread } from '../../test/support/scripted-thread.ts';
import type { ParleyClient } from './client.ts';

describe('another life of the store', () => {
  let scripted: ScriptedClient;
  let runtime: ManualRuntime;
  let carrier: ScriptedCarrier;
  let thread: ScriptedThread;
  let client: ParleyClient;

  beforeEach(() => {
    scripted = new ScriptedClient();
    ({ runtime, carrier, thread, client } = scripted);
  });

  test('voids every thread at Welcome, also those that are no more, and nothing of before is acknowledged', async () => {
    await scripted.live();
    const restarts: unknown[] = [];
    client.on('restarted', (event) => restarts.push(event));
    carrier.last.tell(thread.post('bob', 'old one', 'old two'));
    await runtime.advance(1000);
    expect(scripted.acks).toEqual([2]);
    carrier.last.end(unavailable());
    await runtime.advance(300);
    carrier.last.welcome({ userEpoch: 2n, resumed: false });
    await runtime.advance(1000);
    expect(restarts).toEqual([{ threadId: 't', epoch: 2n }]);
    expect(client.items('t')).toEqual([]);
    expect(client.head('t')).toBeUndefined();
    client.markRead('t');
    await runtime.advance(2000);
    expect(carrier.last.of('ack')).toEqual([]);
    expect(carrier.last.of('markRead')).toEqual([]);
  });

  test('that goes on with the same epoch voids nothing, though the token was of no use', async () => {
    await scripted.live();
    carrier.last.tell(thread.post('bob', 'one', 'two'));
    carrier.last.end(unavailable());
    await runtime.advance(300);
    carrier.last.welcome({ userEpoch: 1n, resumed: false });
    await runtime.advance(1000);
    expect(client.items('t')).toHaveLength(2);
  });

  test('is not told positions before it has said which it is', async () => {
    await client.start();
    await settled();
    carrier.last.welcome();
    carrier.last.tell(thread.post('bob', 'one', 'two'));
    await runtime.advance(1000);
    // It ends before it was caught up: there is no token yet.
    carrier.last.end(unavailable());
    await runtime.advance(300);
    expect(carrier.last.hello.positions).toEqual([]);
    carrier.last.welcome();
    await runtime.advance(1000);
    expect(scripted.acks.at(-1)).toBe(2);
  });
});
