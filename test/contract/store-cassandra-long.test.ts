// A thread of 300,000 entries beside one of ten: what a page of either costs, in queries and rows and not in time.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Head } from '../../server/core/entry.ts';
import type { LogId } from '../../server/core/ids.ts';
import type { Range, Store } from '../../server/store/store.ts';
import { newKeyspace, type TestKeyspace } from '../support/cassandra.ts';
import { type CountedRead, openCountedStore } from '../support/cassandra-counted.ts';
import { needs } from '../support/skip.ts';
import { append, deleted, edited, message, newLog } from './samples.ts';

/** `npm run soak:erased` says a million. */
const long = BigInt(process.env['LONG_LOG'] ?? 300_000);
/** So many of them are erased. */
const erasedTo = process.env['LONG_LOG'] === undefined ? 100_000n : long;
const perAppend = 250;
const page = 50;
const bucket = 4_096n;

needs('cassandra')('a very long log on Cassandra', () => {
  let keyspace: TestKeyspace;
  let store: Store;
  const [few, many] = [newLog(), newLog()];

  beforeAll(async () => {
    keyspace = newKeyspace();
    store = await keyspace.open();
    // Without ids, which lie beside the entries and are not read with them: that is half of the work.
    const fill = async (log: LogId, upTo: bigint, count: number): Promise<void> => {
      let head: Head | undefined;
      while ((head?.sequence ?? 0n) < upTo) {
        const entries = Array.from({ length: count }, () => message('bulk', { clientMessageId: '' }));
        head = (await append(store, log, head, entries)).head;
      }
    };
    await fill(few, 10n, 10);
    await fill(many, long, perAppend);
  }, 600_000);
  afterAll(async () => {
    await store[Symbol.asyncDispose]();
    await keyspace[Symbol.asyncDispose]();
  });

  const rowsOf = (reads: readonly CountedRead[]): number => reads.reduce((sum, { rows }) => sum + rows, 0);
  const newest: Range = { after: 0n, upTo: 1n << 40n, limit: page, fromEnd: true };

  test('is opened by a node that never saw it with the queries of a short one, and one more for its last bucket', async () => {
    await using cold = await openCountedStore(keyspace.options);
    const ofFew = await cold.during(() => cold.store.head(few));
    const ofMany = await cold.during(() => cold.store.head(many));
    expect((await cold.store.head(many))?.sequence).toBe(long);
    expect(ofFew).toHaveLength(2);
    expect(ofMany).toHaveLength(3);
  });

  test('gives its newest page by the very queries that a short one gives its own by', async () => {
    await using node = await openCountedStore(keyspace.options);
    await node.store.heads([few, many]);
    const ofFew = await node.during(() => node.store.entries(few, newest));
    const ofMany = await node.during(() => node.store.entries(many, newest));
    expect(ofMany.map(({ query }) => query)).toEqual(ofFew.map(({ query }) => query));
    expect(ofFew).toHaveLength(2);
    // One row is the head.
    expect(rowsOf(ofFew)).toBe(10 + 1);
    expect(rowsOf(ofMany)).toBe(page + 1);
  });

  test('gives every other page by one query, by two where a bucket ends, and reads no row that is not in it', async () => {
    await using node = await openCountedStore(keyspace.options);
    await node.store.head(many);
    let crossing = 0;
    for (let after = 0n; after + BigInt(page) <= long; after += 1_009n) {
      for (const fromEnd of [false, true]) {
        const upTo = after + BigInt(page);
        let given: bigint[] = [];
        const reads = await node.during(async () => {
          const entries = await node.store.entries(many, { after, upTo, limit: page, fromEnd });
          given = entries.map(({ sequence }) => sequence);
        });
        expect(given).toEqual(Array.from({ length: page }, (_, at) => after + BigInt(at) + 1n));
        // The first append past a bucket's end may still be in it, with up to 255 entries.
        const isAtEnd = upTo % bucket < 256n + BigInt(page) && upTo > bucket;
        if (isAtEnd) crossing++;
        expect(reads.length).toBeLessThanOrEqual(isAtEnd ? 2 : 1);
        expect(rowsOf(reads)).toBe(page);
      }
    }
    expect(crossing).toBeGreaterThan(20);
  });

  /** Cassandra's own count, of which 1 means none or one. */
  const mostSkipped = async (): Promise<number> => {
    const [row] = await keyspace.query(
      "SELECT max FROM system_views.tombstones_per_read WHERE keyspace_name = ? AND table_name = 'logs'",
      [keyspace.options.keyspace],
    );
    return Number(row?.['max']);
  };

  test(
    'is read over no tombstone where retention has erased all that was said, by the queries of before',
    { timeout: 600_000 },
    async () => {
      const timed = async (what: string, work: () => Promise<unknown>): Promise<void> => {
        const beganMs = performance.now();
        await work();
        if (erasedTo === long) console.log(`${what}: ${Math.round(performance.now() - beganMs)} ms`);
      };
      await using node = await openCountedStore(keyspace.options);
      const middle = { after: erasedTo / 2n, upTo: erasedTo / 2n + BigInt(page), limit: page };
      const before = await node.during(() => node.store.entries(many, middle));
      await timed(`erasing ${erasedTo} messages`, async () => {
        for (let first = 1n; first <= erasedTo; first += 256n) {
          const some = Array.from({ length: 256 }, (_, at) => first + BigInt(at));
          await store.erase(
            many,
            some.filter((sequence) => sequence <= erasedTo),
            long,
          );
        }
      });
      const after = await node.during(() => node.store.entries(many, middle));
      expect(after).toEqual(before);
      await using cold = await openCountedStore(keyspace.options);
      await timed('its head, by a node that never saw it', async () => {
        expect((await cold.store.head(many))?.sequence).toBe(long);
      });
      await timed('its newest page', () => cold.store.entries(many, newest));
      await timed('a page in its middle', () => cold.store.entries(many, middle));
      let held = 0;
      await timed('all of it, in ranges of 1,000', async () => {
        for (let from = 0n; from < long; from += 1_000n) {
          const entries = await cold.store.entries(many, { after: from, upTo: from + 1_000n, limit: 1_000 });
          held += entries.filter(({ change }) => change.kind === 'message' && change.erased !== true).length;
        }
      });
      expect(held).toBe(Number(long - erasedTo));
      expect(await mostSkipped()).toBe(1);
    },
  );

  test('is read over no tombstone, however much of it was edited and deleted', async () => {
    const targets = (first: bigint): bigint[] => Array.from({ length: 20 }, (_, at) => first + BigInt(at));
    const old = [...targets(101n), ...targets(long - 50n)];
    let { head } = await append(
      store,
      many,
      await store.head(many),
      old.map((target) => edited(target, 'new')),
    );
    head = (
      await append(
        store,
        many,
        head,
        old.map((target) => deleted(target)),
      )
    ).head;
    const first = await store.entries(many, { after: 100n, upTo: 200n, limit: 100 });
    expect(first.filter(({ change }) => change.kind === 'message' && change.deleteSequence > 0n)).toHaveLength(20);
    await store.entries(many, { ...newest, limit: 200 });
    expect(await mostSkipped()).toBe(1);

    // It would tell.
    for (let sequence = 1n; sequence <= 10n; sequence++) {
      const erase =
        "DELETE body FROM logs WHERE log = ? AND bucket = 0 AND kind = 0 AND sequence = ? AND id = '' IF EXISTS";
      await keyspace.query(erase, [few, sequence]);
    }
    expect(await store.entries(few, { after: 0n, upTo: 10n, limit: 10 })).toHaveLength(10);
    expect(await mostSkipped()).toBeGreaterThan(5);
    expect(head.sequence).toBe(long + 80n);
  });
});
