import { expect, test } from 'vitest';
import { settled } from '../../test/support/manual-runtime.ts';
import { ScriptedClient } from '../../test/support/scripted-client.ts';
import { ScriptedThread } from '../../test/support/scripted-thread.ts';

test('holes in thousands of threads are filled in the hundred active last and in those that are wanted, where the rest is left to history', async () => {
  const { client, carrier, runtime } = new ScriptedClient({ skipped: 'history' });
  const threads = Array.from({ length: 130 }, (_, at) => Object.assign(new ScriptedThread(`t${at}`), { at }));
  const heads = threads.map((one) => {
    one.post('bob', 'one', 'two');
    return { ...one.head(), unreadCount: 2n, activityTime: { seconds: BigInt(1_000 - one.at), nanos: 0 } };
  });
  carrier.answer = (path, request) => {
    if (path !== '/parley.v1.HistoryService/ListEntries') return {};
    const { threadId } = request as { threadId: string };
    return threads.find((one) => one.threadId === threadId)?.list(request);
  };
  await client.start();
  await settled();
  carrier.last.welcome();
  carrier.last.tell({ $case: 'headsChanged', value: { heads: heads.toReversed() } });
  carrier.last.caughtUp();
  await runtime.advance(5000);
  const fetched = (): string[] => carrier.calls.map(({ request }) => (request as { threadId: string }).threadId);
  expect(fetched()).toEqual(threads.slice(0, 100).map(({ threadId }) => threadId));
  expect(client.unread('t110')).toBe(2);
  expect(client.held('t110')).toBe(0n);
  void client.subscribe('t110').catch(() => undefined);
  carrier.last.tell(threads[120]?.post('bob', 'news') ?? threads[0]!.heads());
  await runtime.advance(5000);
  expect(fetched().slice(100).toSorted()).toEqual(['t110', 't120']);
  expect([client.held('t110'), client.held('t120'), client.held('t111')]).toEqual([2n, 3n, 0n]);
});
