import { beforeEach, describe, expect, test } from 'vitest';
import { Thread } from '#proto/parley/v1/thread.ts';
import { MemoryDatabase } from '../../test/support/memory-database.ts';
import { settled } from '../../test/support/manual-runtime.ts';
import { refusal } from '../../test/support/scripted-carrier.ts';
import { ScriptedClient } from '../../test/support/scripted-client.ts';
import * as Code from '../core/codes.ts';
import { Keeper } from './storage/keeper.ts';
import { ThreadBook } from './thread-book.ts';

describe('the book of threads', () => {
  let scripted: ScriptedClient;
  let book: ThreadBook;
  let listed: { threads: Thread[]; nextPageToken: string };
  let answers: { readonly path: string; readonly settle: (error?: Error) => void }[];

  beforeEach(async () => {
    scripted = new ScriptedClient();
    answers = [];
    listed = { threads: [Thread.fromPartial({ threadId: 't' })], nextPageToken: '' };
    scripted.carrier.answer = (path) =>
      new Promise((resolve, reject) => {
        const thread = Thread.fromPartial({ threadId: 't' });
        const answer = path.endsWith('/ListThreads') ? listed : { thread };
        const settle = (error?: Error): void => (error === undefined ? resolve(answer) : reject(error));
        answers.push({ path: path.slice(path.lastIndexOf('/') + 1), settle });
      });
    await scripted.client.start();
    await settled();
    book = new ThreadBook(scripted.client, new Keeper(new MemoryDatabase(scripted.runtime), scripted.runtime, {}));
  });

  const asked = (): string[] => answers.map(({ path }) => path);

  test('reads the list that was wanted while a thread was looked up, without waiting for another connection', async () => {
    book.look('t');
    await settled();
    book.wantList();
    await settled();
    expect(asked()).toEqual(['GetThread']);
    answers[0]?.settle();
    await settled();
    expect(asked()).toEqual(['GetThread', 'ListThreads']);
    answers[1]?.settle();
    await settled();
    expect(book.isWhole).toBe(true);
  });

  test('takes for archived what is not in the list, but not what is behind as much of it as is read', async () => {
    book.look('t');
    await settled();
    answers[0]?.settle();
    await settled();
    const threads = Array.from({ length: 2000 }, (_, n) => Thread.fromPartial({ threadId: `of late ${n}` }));
    listed = { threads, nextPageToken: 'more' };
    book.wantList();
    await settled();
    answers[1]?.settle();
    await settled();
    expect(book.get('t')?.settings?.archived ?? false).toBe(false);
    listed = { threads: [], nextPageToken: '' };
    scripted.carrier.last.welcome();
    scripted.carrier.last.caughtUp();
    await settled();
    answers[2]?.settle();
    await settled();
    expect(asked()).toEqual(['GetThread', 'ListThreads', 'ListThreads']);
    expect(book.get('t')?.settings?.archived).toBe(true);
  });

  test('keeps a message that came while an older answer was on its way', async () => {
    const { carrier, thread } = scripted;
    const head = { epoch: 1n };
    const role = 1;
    listed = { threads: [Thread.fromPartial({ threadId: 't', role, head })], nextPageToken: '' };
    book.wantList();
    await settled();
    answers[0]?.settle();
    await settled();
    carrier.last.welcome();
    carrier.last.tell(thread.heads());
    carrier.last.caughtUp();
    await settled();
    expect(asked()).toEqual(['ListThreads', 'ListThreads']);
    carrier.last.tell(thread.post('bob', 'new'));
    expect(book.get('t')?.lastMessage?.sequence).toBe(1n);
    answers[1]?.settle();
    await settled();
    expect(book.get('t')?.lastMessage?.sequence).toBe(1n);
    // Of another life of the server's store it is void.
    listed = { threads: [Thread.fromPartial({ threadId: 't', role, head: { epoch: 2n } })], nextPageToken: '' };
    carrier.last.welcome();
    carrier.last.caughtUp();
    await settled();
    answers[2]?.settle();
    await settled();
    expect(book.get('t')?.lastMessage).toBeUndefined();
  });

  test('leaves it to the next connection when the thread could not be had', async () => {
    book.look('t');
    await settled();
    book.wantList();
    answers[0]?.settle(refusal('PERMISSION_DENIED', Code.PERMISSION_DENIED));
    await settled();
    expect(asked()).not.toContain('ListThreads');
    expect(book.isWhole).toBe(false);
  });
});
