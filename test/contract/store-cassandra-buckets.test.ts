// Logs of several buckets: where one ends and the next begins.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Entry, Head, NewEntry } from '../../server/core/entry.ts';
import type { LogId } from '../../server/core/ids.ts';
import type { Store } from '../../server/store/store.ts';
import { newKeyspace, type TestKeyspace } from '../support/cassandra.ts';
import { openDyingStore } from '../support/dying-cassandra-store.ts';
import { needs } from '../support/skip.ts';
import { append, appendOf, appended, change, deleted, edited, message, newLog, newUser, textOf } from './samples.ts';

needs('cassandra')('a log on Cassandra that outgrows its bucket', () => {
  let keyspace: TestKeyspace;
  let store: Store;
  /** A node that has seen none of it. */
  let other: Store;
  const log = newLog();
  const written: Entry[] = [];
  const unhinted: NewEntry[] = [];
  const hinted: { readonly entry: NewEntry; readonly knownHead: bigint }[] = [];
  let head: Head | undefined;

  beforeAll(async () => {
    keyspace = newKeyspace();
    store = await keyspace.open();
    other = await keyspace.open();
    // 37 groups of 250: the seventeenth reaches over the end of the first bucket, the thirty-third over that of the second.
    for (let group = 0; group < 37; group++) {
      const entries = Array.from({ length: 250 }, (_, at) => message(`n${group * 250 + at + 1}`));
      const knownHead = head?.sequence ?? 0n;
      const knownHeads = entries.map((_, at) => (at % 50 === 0 ? 0n : knownHead));
      entries.forEach((entry, at) => {
        if (at % 50 === 0 || knownHead === 0n) unhinted.push(entry);
        else if (at % 83 === 1) hinted.push({ entry, knownHead });
      });
      const result = await append(store, log, head, entries, { knownHeads });
      head = result.head;
      written.push(...result.entries);
    }
  });
  afterAll(async () => {
    await store[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await keyspace[Symbol.asyncDispose]();
  });

  const sequences = async (
    on: Store,
    after: number,
    upTo: number,
    more: { limit?: number; fromEnd?: boolean } = {},
  ): Promise<number[]> => {
    const range = { after: BigInt(after), upTo: BigInt(upTo), limit: 1_000, ...more };
    return (await on.entries(log, range)).map((entry) => Number(entry.sequence));
  };
  const from = (first: number, last: number): number[] =>
    Array.from({ length: last - first + 1 }, (_, at) => first + at);

  test('is kept in partitions that are bounded, each append in one of them', async () => {
    const partitions = await keyspace.query(
      'SELECT DISTINCT log, bucket, head_sequence FROM logs WHERE log = ? ALLOW FILTERING',
      [log],
    );
    const ends = partitions.toSorted((a, b) => Number(a['bucket']) - Number(b['bucket']));
    expect(ends.map((row) => [row['bucket'], row['head_sequence']])).toEqual([
      [0n, 4_250n],
      [1n, 8_250n],
      [2n, 9_250n],
    ]);
    // A node that has never seen it begins to look there.
    expect(await keyspace.query('SELECT DISTINCT last_bucket FROM rows WHERE log = ?', [log])).toMatchObject([
      { last_bucket: 2n },
    ]);
  });

  test('stands where it stands for a node that never saw it', async () => {
    const cold = await keyspace.open();
    expect(await cold.head(log)).toEqual(head);
    expect(await cold.heads([newLog(), log])).toEqual([undefined, head]);
    await cold[Symbol.asyncDispose]();
  });

  test.each([0, 4_000, 4_090, 4_095, 4_096, 4_097, 4_249, 4_250, 4_251, 8_100, 8_191, 8_249, 8_250, 8_251])(
    'is read on from %i without a hole, in both directions',
    async (after) => {
      expect(await sequences(other, after, 1 << 30, { limit: 300 })).toEqual(from(after + 1, after + 300));
      const last = after + 300;
      expect(await sequences(other, 0, last, { limit: 400, fromEnd: true })).toEqual(
        from(Math.max(1, last - 399), last),
      );
      expect(await sequences(other, after, after + 1)).toEqual([after + 1]);
      expect(await sequences(other, after, after + 1, { fromEnd: true })).toEqual([after + 1]);
    },
  );

  test('is read whole, page by page', async () => {
    const read: Entry[] = [];
    for (;;) {
      const page = await other.entries(log, { after: BigInt(read.length), upTo: 1n << 40n, limit: 1_000 });
      if (page.length === 0) break;
      read.push(...page);
    }
    expect(read).toEqual(written);
  });

  test('ends at its head, from both sides', async () => {
    expect(await sequences(other, 9_240, 1 << 30)).toEqual(from(9_241, 9_250));
    expect(await sequences(other, 9_250, 1 << 30)).toEqual([]);
    expect(await sequences(other, 0, 1 << 30, { limit: 3, fromEnd: true })).toEqual([9_248, 9_249, 9_250]);
  });

  test('knows every id whose author did not say what it knew, however old', async () => {
    const some = unhinted.filter((_, at) => at % 9 === 0);
    for (const entry of some) {
      const found = await other.duplicate(log, entry.senderId, entry.clientMessageId, 0n);
      expect(written[Number(found?.sequence) - 1]?.clientMessageId).toBe(entry.clientMessageId);
    }
    const group = some.slice(0, 100);
    const again = await other.append(log, appendOf(head, [message('new'), ...group]));
    expect(again.outcome === 'duplicate' && [...again.duplicates.keys()]).toEqual(group.map((_, at) => at + 1));
  });

  test('knows every id above the head that its author knew, however long ago', async () => {
    for (const { entry, knownHead } of hinted) {
      const found = await other.duplicate(log, entry.senderId, entry.clientMessageId, knownHead);
      expect(written[Number(found?.sequence) - 1]?.clientMessageId).toBe(entry.clientMessageId);
    }
    const group = hinted.slice(0, 100);
    const knownHeads = group.map(({ knownHead }) => knownHead);
    const again = await other.append(
      log,
      appendOf(
        head,
        group.map(({ entry }) => entry),
        { knownHeads },
      ),
    );
    expect(again.outcome === 'duplicate' && again.duplicates.size).toBe(group.length);
  });

  test('has all its ids copied where it is too long to be searched', async () => {
    // As if two buckets were very many.
    const { store: node, ...long } = await openDyingStore(keyspace.options, 1n);
    const thread = newLog();
    const given: NewEntry[] = [];
    let at: Head | undefined;
    while ((at?.sequence ?? 0n) < 8_400n) {
      const entries = Array.from({ length: 256 }, (_, nth) => message(`long ${nth}`));
      at = (await append(node, thread, at, entries, { knownHeads: entries.map(() => (at?.sequence ?? 0n) || 1n) }))
        .head;
      given.push(...entries);
    }
    const copies = await keyspace.query('SELECT id FROM old_ids WHERE log = ? ALLOW FILTERING', [thread]);
    expect(new Set(copies.map((row) => row['id']))).toEqual(
      new Set(given.slice(4_096, 8_192).map((entry) => entry.clientMessageId)),
    );
    // Of each bucket some, the last and the first too; all of them told with the oldest head that can be known.
    for (const nth of [0, 4_095, 4_096, 8_191, 8_192, 8_447]) {
      const { senderId, clientMessageId } = given[nth]!;
      expect((await node.duplicate(thread, senderId, clientMessageId, 1n))?.sequence).toBe(BigInt(nth + 1));
    }
    await long[Symbol.asyncDispose]();
  });

  test('lets messages of earlier buckets be edited and deleted, wherever their former edits stand', async () => {
    const old = newLog();
    const bulk = (count: number): NewEntry[] => Array.from({ length: count }, (_, at) => message(`bulk ${at}`));
    let at = (await append(store, old, undefined, [message('a'), message('b'), message('c'), edited(3n, 'C')])).head;
    const fill = async (upTo: number): Promise<void> => {
      while (at.sequence < upTo)
        at = (await append(store, old, at, bulk(Math.min(256, upTo - Number(at.sequence))))).head;
    };
    await fill(4_200);
    // In the second bucket: edits and a delete of what is in the first.
    at = (await append(store, old, at, [edited(1n, 'A'), edited(2n, 'B'), deleted(3n)])).head;
    const now = async (on: Store): Promise<(string | undefined)[]> => {
      const first = await on.entries(old, { after: 0n, upTo: 4n, limit: 4 });
      const later = await on.entries(old, { after: 4_200n, upTo: 4_202n, limit: 2 });
      return [...first, ...later].map(textOf);
    };
    expect(await now(other)).toEqual(['A', 'B', undefined, undefined, 'A', 'B']);
    await fill(8_300);
    // In the third: over edits that are in the second.
    await append(store, old, at, [edited(1n, 'AA'), deleted(2n), edited(2n, 'back?'), edited(3n, 'back?')]);
    expect(await now(other)).toEqual(['AA', undefined, undefined, undefined, undefined, undefined]);
    const [first, second, third] = await other.entries(old, { after: 0n, upTo: 3n, limit: 3 });
    expect(first?.change).toMatchObject({ editSequence: 8_301n, deleteSequence: 0n });
    expect(second?.change).toMatchObject({ editSequence: 4_202n, deleteSequence: 8_302n });
    expect(third?.change).toMatchObject({ editSequence: 4n, deleteSequence: 4_203n });
    // No erased body is left in the table.
    const rows = await keyspace.query(
      'SELECT sequence, body FROM logs WHERE log = ? AND bucket IN (0, 1, 2) AND kind = 0',
      [old],
    );
    const erased = rows
      .filter((row) => (row['body'] as Buffer | null)?.length === 0)
      .map((row) => Number(row['sequence']));
    expect(erased.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 4_201, 4_202, 8_303, 8_304]);
  });

  test('is begun anew once, when several nodes come to its end at the same time', async () => {
    const crowded: LogId = newLog();
    let at = (await append(store, crowded, undefined, [message('first')])).head;
    while (at.sequence < 4_095n) {
      const count = Math.min(256, 4_095 - Number(at.sequence));
      at = (
        await append(
          store,
          crowded,
          at,
          Array.from({ length: count }, () => message('bulk')),
        )
      ).head;
    }
    const nodes = [store, other, await keyspace.open()];
    const results = await Promise.all(
      nodes.flatMap((node, on) => [1, 2].map((nth) => node.append(crowded, appendOf(at, [message(`${on}/${nth}`)])))),
    );
    const taken = results.filter((result) => result.outcome === 'appended');
    expect(taken).toHaveLength(1);
    const { head: now } = appended(taken[0] ?? { outcome: 'conflict', head: undefined });
    expect(now.sequence).toBe(4_096n);
    for (const node of nodes) expect(await node.head(crowded)).toEqual(now);
    const creator = newUser();
    const next = change({ kind: 'member-added', userId: creator, role: 'owner' });
    expect((await append(other, crowded, now, [next])).head).toMatchObject({
      sequence: 4_097n,
      membersSequence: 4_097n,
    });
    await nodes[2]?.[Symbol.asyncDispose]();
  });
});
