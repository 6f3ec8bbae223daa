import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ListMessagesResponse } from '#proto/parley/v1/history_service.ts';
import { Thread } from '#proto/parley/v1/thread.ts';
import { settled } from '../../test/support/manual-runtime.ts';
import { keyRange, MemoryDatabase } from '../../test/support/memory-database.ts';
import { ScriptedClient } from '../../test/support/scripted-client.ts';
import * as Code from '../core/codes.ts';
import { textOf } from '../core/fold.ts';
import type { Parley } from './parley.ts';
import { Parts } from './parts.ts';
import { Keeper } from './storage/keeper.ts';
import { threadView } from './thread.ts';

beforeEach(() => vi.stubGlobal('IDBKeyRange', keyRange));
afterEach(() => vi.unstubAllGlobals());

test('a page that was asked for before entries were skipped is not shown, and is asked for again', async () => {
  const scripted = new ScriptedClient({ skipped: 'history' });
  const { client, carrier, runtime, thread } = scripted;
  const pages: ((sequence: bigint, head: bigint) => void)[] = [];
  carrier.answer = (path) => {
    if (path.endsWith('/GetThread')) return { thread: Thread.fromPartial({ threadId: 't' }) };
    if (!path.endsWith('/ListMessages')) return {};
    return new Promise((resolve) => {
      pages.push((sequence, head) => {
        const messages = [{ sequence, ordinal: sequence }];
        resolve(ListMessagesResponse.fromPartial({ messages, head: { ...thread.head(), sequence: head } }));
      });
    });
  };
  await scripted.live();
  const parts = new Parts(client, new Keeper(new MemoryDatabase(runtime), runtime, {}), runtime);
  const view = threadView({ parts } as Parley, 't');
  const stop = view.subscribe(() => undefined);
  await settled();
  expect(pages).toHaveLength(1);
  thread.post('bob', ...Array.from({ length: 70 }, () => 'not told'));
  carrier.last.tell(thread.skipped(1, 70));
  pages[0]?.(1n, 1n);
  await settled();
  expect(view.get().items).toEqual([]);
  expect(pages).toHaveLength(2);
  pages[1]?.(70n, 70n);
  await settled();
  expect(view.get().items.map(({ sequence }) => sequence)).toEqual([70n]);
  stop();
});

test('a draft that was refused before anybody looked at its thread is shown to who does, until it is dismissed', async () => {
  const scripted = new ScriptedClient({ skipped: 'history' });
  const { client, carrier, runtime } = scripted;
  const parley = { parts: new Parts(client, new Keeper(new MemoryDatabase(runtime), runtime, {}), runtime) } as Parley;
  await scripted.live();
  for (const threadId of ['t', 'u']) {
    const sent = client.send(threadId, `in ${threadId}`, { clientMessageId: 'same' });
    const { requestId } = carrier.last.of('send').at(-1)!;
    const status = { code: Code.PERMISSION_DENIED, message: 'you were removed', details: [] };
    carrier.last.tell({ $case: 'reply', value: { requestId, result: { $case: 'error', value: status } } });
    await expect(sent).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
  }
  const failed = (threadId: string): (string | undefined)[] =>
    threadView(parley, threadId)
      .get()
      .failed.map(({ draft }) => textOf(draft.content));
  expect([failed('t'), failed('u')]).toEqual([['in t'], ['in u']]);
  threadView(parley, 't').dismiss('same');
  expect([failed('t'), failed('u')]).toEqual([[], ['in u']]);
});
