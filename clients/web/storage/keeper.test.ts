import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { keyRange, MemoryDatabase } from '../../../test/support/memory-database.ts';
import { settled } from '../../../test/support/manual-runtime.ts';
import { ScriptedClient } from '../../../test/support/scripted-client.ts';
import { ListMessagesResponse } from '#proto/parley/v1/history_service.ts';
import { Entry } from '#proto/parley/v1/entry.ts';
import { Thread } from '#proto/parley/v1/thread.ts';
import type { ThreadHead } from '#proto/parley/v1/thread.ts';
import { textOf } from '../../core/fold.ts';
import type { Item } from '../../core/fold.ts';
import { KeptDrafts } from './kept-drafts.ts';
import { Keeper } from './keeper.ts';

describe('what is kept of a thread', () => {
  let scripted: ScriptedClient;
  let database: MemoryDatabase;
  let keeper: Keeper;

  beforeEach(async () => {
    vi.stubGlobal('IDBKeyRange', keyRange);
    scripted = new ScriptedClient({
      skipped: 'history',
      resume: { load: () => keeper.load(), save: (state) => keeper.save(state), flush: () => keeper.flush() },
    });
    database = new MemoryDatabase(scripted.runtime);
    keeper = new Keeper(database, scripted.runtime, {});
    keeper.attach(scripted.client);
    await scripted.live();
    keeper.active = true;
    await keeper.flush();
  });

  afterEach(() => vi.unstubAllGlobals());

  function lines(): Item[] {
    return [...(database.rows.get('items')?.values() ?? [])] as Item[];
  }

  function kept(): bigint[] {
    return lines().map(({ sequence }) => sequence);
  }

  function said(): (string | undefined)[] {
    return lines().map((line) => (line.kind === 'message' ? textOf(line.message.content) : undefined));
  }

  function head(): bigint | undefined {
    const [row] = database.rows.get('threads')?.values() ?? [];
    return (row as { head?: ThreadHead }).head?.deliveredSequence;
  }

  test('goes from disk when entries were skipped, for one of them may have erased it; what is after them stays', async () => {
    const { carrier, thread } = scripted;
    carrier.last.tell(thread.post('bob', 'one', 'two'));
    await keeper.flush();
    expect(kept()).toEqual([1n, 2n]);
    thread.post('bob', ...Array.from({ length: 70 }, () => 'not told'));
    carrier.last.tell(thread.skipped(3, 72), thread.post('bob', 'told'));
    await keeper.flush();
    expect(kept()).toEqual([73n]);
  });

  test('stays when what was skipped is fetched, and takes in what of that changed it', async () => {
    const { carrier, thread } = scripted;
    carrier.last.tell(thread.post('bob', 'one', 'two'));
    await keeper.flush();
    thread.post('bob', ...Array.from({ length: 70 }, () => 'not told'));
    carrier.last.tell(thread.skipped(3, 72, true));
    await keeper.flush();
    expect(said()).toEqual(['one', 'two']);
    await settled();
    await keeper.flush();
    expect(kept()).toHaveLength(72);

    // Held on disk alone.
    const value = { targetSequence: 1n, emoji: '👍', removed: false };
    const reaction = Entry.fromPartial({ sequence: 73n, senderId: 'bob', kind: { $case: 'reactionChanged', value } });
    const other = new ScriptedClient({
      skipped: 'history',
      resume: { load: () => reloaded.load(), save: (state) => reloaded.save(state) },
    });
    other.thread = thread;
    const reloaded: Keeper = new Keeper(database, other.runtime, {});
    reloaded.attach(other.client);
    await other.live();
    reloaded.active = true;
    thread.entries.push(reaction);
    other.carrier.last.tell(thread.tell(73, 73));
    await reloaded.flush();
    expect(said()[0]).toBe('one');
    expect(lines()[0]).toMatchObject({ message: { reactions: [{ emoji: '👍', count: 1 }] } });
    thread.post('bob', 'not told');
    other.carrier.last.tell(thread.skipped(74, 74, true));
    await reloaded.flush();
    expect(said()[0]).toBe('one');
  });

  test('is on disk before it is acknowledged, also by a tab that closes', async () => {
    const { carrier, thread, runtime, client } = scripted;
    carrier.last.tell(thread.post('bob', 'one'));
    const acks: number[] = [];
    const run = database.run.bind(database);
    const release = Promise.withResolvers<void>();
    database.run = async (...given: Parameters<typeof run>) => {
      await release.promise;
      return run(...given) as never;
    };
    await runtime.advance(0);
    acks.push(...scripted.acks);
    release.resolve();
    await settled();
    expect(acks).toEqual([]);
    expect(kept()).toEqual([1n]);
    expect(scripted.acks).toEqual([1]);
    carrier.last.tell(thread.post('bob', 'two'));
    await keeper.flush();
    keeper.stop();
    await client.close();
    expect(scripted.acks).toEqual([1, 2]);
  });

  test('is what the user sent before that stops to be a draft', async () => {
    const runs: string[] = [];
    const run = database.run.bind(database);
    database.run = (tables, mode, work) => {
      runs.push(`${mode} ${tables.join(' ')}`);
      return tables.includes('drafts') ? Promise.resolve(undefined) : run(tables, mode, work);
    };
    const drafts = new KeptDrafts(database, () => keeper.flush());
    const own = new ScriptedClient({ skipped: 'history', drafts, userId: 'alice' });
    keeper = new Keeper(database, own.runtime, {});
    keeper.attach(own.client);
    await own.live();
    keeper.active = true;
    await keeper.flush();
    void own.client.send('t', 'only here');
    await settled();
    runs.length = 0;
    own.accept(1);
    await settled();
    expect(runs).toEqual(['copy meta threads items', 'copy drafts']);
    expect(said()).toEqual(['only here']);
  });

  test('is bounded where it can be read again, and all kept where the server erases it', async () => {
    const { carrier, thread } = scripted;
    const texts = Array.from({ length: 300 }, () => 'text');
    carrier.last.tell(thread.post('bob', ...texts));
    await keeper.flush();
    expect(kept()).toHaveLength(200);
    keeper.keepThread(Thread.fromPartial({ threadId: 't', retention: { mode: 3 } }));
    carrier.last.tell(thread.post('bob', ...texts));
    await keeper.flush();
    expect(kept()).toHaveLength(500);
    // A later rule does not bring back what was erased under this one.
    keeper.keepThread(Thread.fromPartial({ threadId: 't', retention: { mode: 1 } }));
    carrier.last.tell(thread.post('bob', ...texts));
    await keeper.flush();
    expect(kept()).toHaveLength(800);
  });

  test('keeps what it says when a tab that never read it hears from history that it was erased', async () => {
    const { carrier, thread } = scripted;
    carrier.last.tell(thread.post('bob', 'only here'));
    await keeper.flush();
    const other = new ScriptedClient({ skipped: 'history' });
    const taking = new Keeper(database, other.runtime, {});
    taking.attach(other.client);
    await other.live();
    taking.active = true;
    other.carrier.answer = () =>
      ListMessagesResponse.fromPartial({
        messages: [{ sequence: 1n, ordinal: 1n, erased: true }],
        head: { ...thread.head(), sequence: 9n },
      });
    await other.client.readHistory('t');
    taking.keepLines('t');
    await taking.flush();
    expect(said()).toEqual(['only here']);
    await taking.loadLines('t');
    expect(textOf(other.client.message('t', 1n)?.content)).toBe('only here');
  });

  test('is not written over by a tab that does not know yet that another leads, until it leads again', async () => {
    const { carrier, thread } = scripted;
    carrier.last.tell(thread.post('bob', 'one'));
    await keeper.flush();
    const other = new ScriptedClient({ skipped: 'history' });
    Object.assign(other.runtime, { newId: () => 'another' });
    const taking = new Keeper(database, other.runtime, {});
    taking.attach(other.client);
    await other.live();
    taking.active = true;
    other.carrier.last.tell(other.thread.post('bob', 'one', 'two', 'three'));
    await taking.flush();
    carrier.last.tell(thread.post('bob', 'two'));
    await keeper.flush();
    expect(head()).toBe(3n);
    await taking.flush();
    expect(kept()).toEqual([1n, 2n, 3n]);
    keeper.active = false;
    carrier.last.tell(thread.post('bob', 'three', 'four'));
    keeper.active = true;
    await keeper.flush();
    expect(head()).toBe(4n);
  });
});
