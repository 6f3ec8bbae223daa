// What was erased is in no table of the keyspace, and not in what Paxos keeps of it; and edits whose bodies stand in other buckets.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Head } from '../../server/core/entry.ts';
import type { LogId } from '../../server/core/ids.ts';
import type { Store } from '../../server/store/store.ts';
import { newKeyspace, type TestKeyspace } from '../support/cassandra.ts';
import { tablesHolding } from '../support/cassandra-dump.ts';
import { openDyingStore } from '../support/dying-cassandra-store.ts';
import { needs } from '../support/skip.ts';
import { append, appendOf, change, created, edited, message, newLog, newUser, textOf } from './samples.ts';

const bucket = 4_096;
const farAbove = 1n << 40n;
const secretWords = (): string => `needle ${randomBytes(24).toString('base64url')}`;

needs('cassandra')('bodies that retention erases on Cassandra', () => {
  let keyspace: TestKeyspace;
  let store: Store;
  beforeAll(async () => {
    keyspace = newKeyspace();
    store = await keyspace.open();
  });
  afterAll(async () => {
    await store[Symbol.asyncDispose]();
    await keyspace[Symbol.asyncDispose]();
  });

  const holding = (words: string): Promise<string[]> =>
    tablesHolding(keyspace.query, keyspace.options.keyspace ?? '', words);

  /** Fills the first bucket of a log. */
  async function overflow(log: LogId, head: Head | undefined): Promise<Head> {
    let at = head;
    while ((at?.sequence ?? 0n) < BigInt(bucket)) {
      const entries = Array.from({ length: 250 }, () => message('bulk', { clientMessageId: '' }));
      at = (await append(store, log, at, entries)).head;
    }
    return at as Head;
  }
  const at = async (log: LogId, sequence: bigint, on = store) =>
    (await on.entries(log, { after: sequence - 1n, upTo: sequence, limit: 1 }))[0];

  test('are in no table, and not in what Paxos keeps as its last commit', async () => {
    const [log, sent, edit] = [newLog(), secretWords(), secretWords()];
    const first = await append(store, log, undefined, [message(sent), message('to be edited')]);
    expect(await holding(sent)).toEqual(['logs', 'system.paxos']);
    await append(store, log, first.head, [edited(2n, edit)]);
    expect(await holding(sent)).toEqual(['logs']);
    expect(await holding(edit)).toEqual(['logs', 'system.paxos']);
    await store.erase(log, [1n, 2n], farAbove);
    expect(await holding(sent)).toEqual([]);
    expect(await holding(edit)).toEqual([]);
  });

  test('are erased in the bucket of the edit that brought them, and later edits of it have no effect', async () => {
    const [log, edit, late] = [newLog(), secretWords(), secretWords()];
    const first = await append(store, log, undefined, [message('one'), message('two')]);
    const second = await append(store, log, await overflow(log, first.head), [edited(1n, edit)]);
    const editSequence = second.head.sequence;
    await store.erase(log, [1n, 2n], editSequence - 1n);
    expect(textOf(await at(log, 1n))).toBe(edit);
    await store.erase(log, [1n, 2n], editSequence);
    expect(await holding(edit)).toEqual([]);
    // With a row, so that what the append has outside its partition is written too.
    const more = [edited(1n, late), edited(2n, late), created(newUser())];
    await append(store, log, second.head, more);
    expect(await holding(late)).toEqual([]);
    await using other = await keyspace.open();
    for (const sequence of [1n, 2n]) expect((await at(log, sequence, other))?.change).toMatchObject({ erased: true });
  });

  test('stay erased when a node dies with what a late edit of them has to write', async () => {
    const [log, late] = [newLog(), secretWords()];
    const first = await append(store, log, undefined, [message('one')]);
    const { head } = await append(store, log, await overflow(log, first.head), [message('in the next bucket')]);
    await store.erase(log, [1n], farAbove);
    await using dying = await openDyingStore(keyspace.options);
    await dying.store.head(log);
    dying.dieAfter(1);
    const more = [edited(1n, late), change({ kind: 'member-added', userId: newUser(), role: 'member' })];
    await expect(dying.store.append(log, appendOf(head, more))).rejects.toThrow(/died/);
    expect(dying.isDead).toBe(true);
    await using other = await keyspace.open();
    expect((await other.head(log))?.sequence).toBe(head.sequence + 2n);
    expect((await at(log, 1n, other))?.change).toMatchObject({ erased: true, editSequence: 0n });
    expect(await holding(late)).toEqual([]);
  });

  test('are listed from a mark on that follows what was dropped, however long nobody looked', async () => {
    const minuteMs = 60_000;
    const nowMs = Date.now();
    let aheadMs = 0;
    const clock = { ...keyspace.options.clock, nowMs: () => nowMs + aheadMs };
    await using early = await keyspace.open({ clock });
    const thread = 'g_waits' as never;
    await early.putDue(thread, nowMs);
    aheadMs = 300 * minuteMs;
    await using late = await keyspace.open({ clock });
    const listed = async (): Promise<unknown[]> => {
      const all: unknown[] = [];
      for await (const page of late.due(clock.nowMs())) all.push(...page);
      return all;
    };
    const due = { threadId: thread, minute: Math.ceil(nowMs / minuteMs) };
    expect(await listed()).toEqual([due]);
    await late.dropDue([due]);
    expect(await listed()).toEqual([]);
    const [mark] = await keyspace.query("SELECT minute FROM due_marks WHERE name = 'empty'");
    expect(mark).toEqual({ minute: BigInt(Math.floor(clock.nowMs() / minuteMs) - 5) });
  });
});
