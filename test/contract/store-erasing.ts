import { expect, test } from 'vitest';
import { emptyBody } from '../../server/core/entry.ts';
import type { ThreadId } from '../../server/core/ids.ts';
import type { Due, Store } from '../../server/store/store.ts';
import { all, append, deleted, edited, message, newLog, newThread, nowMs, textOf } from './samples.ts';
import type { UnderTest } from './store.ts';

const minuteMs = 60_000;
const farAbove = 1n << 40n;

export function erasing({ store, reopen }: UnderTest): void {
  test('an erased message keeps its place, its sender and its id, and says that it is erased', async () => {
    const log = newLog();
    const first = await append(store(), log, undefined, [message('one'), message('two'), message('three')]);
    await store().erase(log, [1n, 3n], farAbove);
    const read = await all(store(), log);
    expect(read.map(textOf)).toEqual([undefined, 'two', undefined]);
    const gone = { kind: 'message', replyTo: 0n, body: emptyBody, editSequence: 0n, deleteSequence: 0n, erased: true };
    expect(read.map(({ change }) => change)).toEqual([gone, first.entries[1]?.change, gone]);
    expect(read).toMatchObject(first.entries.map((entry) => ({ ...entry, change: {} })));
    const [sent] = first.entries;
    if (sent === undefined) throw new Error('nothing was appended');
    const known = await store().duplicate(log, sent.senderId, sent.clientMessageId, 0n);
    expect(known).toMatchObject({ sequence: 1n, ordinal: 1n });
  });

  test('a body that an edit brought is erased with its message, unless the edit is above what is said', async () => {
    const log = newLog();
    const first = await append(store(), log, undefined, [message('one'), message('two')]);
    await append(store(), log, first.head, [edited(1n, 'ONE'), edited(2n, 'TWO')]);
    await store().erase(log, [1n, 2n], 3n);
    const [one, two, ...edits] = await all(store(), log);
    expect(one?.change).toMatchObject({ erased: true, editSequence: 3n, body: emptyBody });
    expect(two?.change).not.toHaveProperty('erased');
    expect([one, two, ...edits].map(textOf)).toEqual([undefined, 'TWO', undefined, 'TWO']);
    await store().erase(log, [1n, 2n], 4n);
    expect((await all(store(), log)).map(textOf)).toEqual([undefined, undefined, undefined, undefined]);
  });

  test('an edit of an erased message is kept without its body, and changes nothing', async () => {
    const log = newLog();
    const first = await append(store(), log, undefined, [message('one'), message('two'), edited(2n, 'TWO')]);
    await store().erase(log, [1n, 2n], farAbove);
    await append(store(), log, first.head, [edited(1n, 'again'), edited(2n, 'again'), message('beside')]);
    const read = await all(store(), log);
    expect(read.map(textOf)).toEqual([undefined, undefined, undefined, undefined, undefined, 'beside']);
    expect(read.slice(0, 2).map(({ change }) => change)).toMatchObject([
      { erased: true, editSequence: 0n },
      { erased: true, editSequence: 3n },
    ]);
  });

  test('what was deleted stays deleted, and what was erased may be deleted', async () => {
    const log = newLog();
    const first = await append(store(), log, undefined, [message('one'), message('two'), deleted(1n)]);
    await store().erase(log, [1n, 2n], farAbove);
    await append(store(), log, first.head, [deleted(2n)]);
    const [one, two] = await all(store(), log);
    const place = { kind: 'message', replyTo: 0n, body: emptyBody, editSequence: 0n };
    expect([one?.change, two?.change]).toEqual([
      { ...place, deleteSequence: 3n },
      { ...place, deleteSequence: 4n },
    ]);
  });

  test('what is no message, and what is not there, is left alone; twice is as good as once', async () => {
    const log = newLog();
    await append(store(), log, undefined, [message('one'), edited(1n, 'ONE'), message('two')]);
    await store().erase(log, [2n, 99n], farAbove);
    expect((await all(store(), log)).map(textOf)).toEqual(['ONE', 'ONE', 'two']);
    await Promise.all([store().erase(log, [1n], farAbove), store().erase(log, [1n, 3n], farAbove)]);
    await store().erase(log, [1n, 3n], farAbove);
    expect((await all(store(), log)).map(textOf)).toEqual([undefined, undefined, undefined]);
    expect((await store().head(log))?.sequence).toBe(3n);
  });

  test('many are erased at once, while others are appended, and it holds after the process was replaced', async () => {
    const log = newLog();
    const many = Array.from({ length: 256 }, (_, at) => message(`message ${at}`));
    const { head } = await append(store(), log, undefined, many);
    const erased = store().erase(
      log,
      many.map((_, at) => BigInt(at + 1)),
      farAbove,
    );
    await append(store(), log, head, [message('beside')]);
    await erased;
    const read = await all(await reopen(), log);
    expect(read.filter((entry) => textOf(entry) !== undefined).map(textOf)).toEqual(['beside']);
    await expect(store().erase(log, Array.from({ length: 257 }).fill(1n) as bigint[], 1n)).rejects.toThrow(RangeError);
  });

  async function listed(untilMs: number, some: readonly ThreadId[]): Promise<Due[]> {
    const found: Due[] = [];
    for await (const page of store().due(untilMs))
      found.push(...page.filter(({ threadId }) => some.includes(threadId)));
    return found.toSorted((a, b) => a.minute - b.minute || (a.threadId < b.threadId ? -1 : 1));
  }

  test('threads are listed from the minute of their time on, until they are dropped', async () => {
    const minute = Math.floor(nowMs / minuteMs) + 1;
    const [a, b] = [newThread(), newThread()].toSorted() as [ThreadId, ThreadId];
    await store().putDue(a, minute * minuteMs);
    await store().putDue(b, minute * minuteMs);
    // Within a minute is once.
    await store().putDue(a, minute * minuteMs - 1);
    await store().putDue(a, minute * minuteMs + 1);
    expect(await listed(minute * minuteMs - 1, [a, b])).toEqual([]);
    const first = [a, b].map((threadId) => ({ threadId, minute }));
    expect(await listed(minute * minuteMs, [a, b])).toEqual(first);
    const later = { threadId: a, minute: minute + 1 };
    expect(await listed((minute + 1) * minuteMs, [a, b])).toEqual([...first, later]);
    await reopen();
    await store().dropDue(first);
    expect(await listed((minute + 1) * minuteMs, [a, b])).toEqual([later]);
    await store().dropDue([later, later]);
    expect(await listed((minute + 1) * minuteMs, [a, b])).toEqual([]);
  });

  test('more threads than fit a page are listed each once', async () => {
    const minute = Math.floor(nowMs / minuteMs) + 2;
    const threads = Array.from({ length: 600 }, () => newThread());
    await Promise.all(threads.map((thread) => store().putDue(thread, minute * minuteMs)));
    const found = await listed(minute * minuteMs, threads);
    expect(found.map(({ threadId }) => threadId)).toEqual(threads.toSorted());
    await store().dropDue(found);
  });

  test('up to where a thread is erased only grows', async () => {
    const thread = newThread();
    expect(await store().erasedTo(thread)).toBe(0n);
    const raised = async (to: Store, sequence: bigint): Promise<bigint> => {
      await to.raiseErasedTo(thread, sequence);
      return to.erasedTo(thread);
    };
    expect(await raised(store(), 7n)).toBe(7n);
    await Promise.all([9n, 8n, 0n].map((sequence) => store().raiseErasedTo(thread, sequence)));
    expect(await (await reopen()).erasedTo(thread)).toBe(9n);
  });
}
