// A commit that is seen in part: its head, and not yet its entries.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Head } from '../../server/core/entry.ts';
import type { LogId } from '../../server/core/ids.ts';
import type { Store } from '../../server/store/store.ts';
import { newKeyspace, type TestKeyspace } from '../support/cassandra.ts';
import { type BehindStore, openBehindStore } from '../support/cassandra-behind.ts';
import { openDyingStore } from '../support/dying-cassandra-store.ts';
import { needs } from '../support/skip.ts';
import { all, append, appended, appendOf, created, edited, message, newLog, newUser, textOf } from './samples.ts';

needs('cassandra')('a commit to Cassandra that a node sees in part', () => {
  let keyspace: TestKeyspace;
  let writer: Store;
  let behind: BehindStore;
  beforeAll(async () => {
    keyspace = newKeyspace();
    writer = await keyspace.open();
    behind = await openBehindStore(keyspace.options);
  });
  afterAll(async () => {
    await writer[Symbol.asyncDispose]();
    await behind[Symbol.asyncDispose]();
    await keyspace[Symbol.asyncDispose]();
  });

  async function threeMessages(): Promise<{ readonly log: LogId; readonly head: Head }> {
    const log = newLog();
    const first = await append(writer, log, undefined, [message('one')]);
    const { head } = await append(writer, log, first.head, [message('two'), message('three')]);
    expect(await behind.store.head(log)).toEqual(head);
    return { log, head };
  }

  test('is read whole, from both sides, by whoever knows the head', async () => {
    const { log } = await threeMessages();
    for (const fromEnd of [false, true]) {
      for (const seen of [0n, 1n, 2n]) {
        behind.fallBehind(seen);
        const range = { after: 0n, upTo: 1n << 40n, limit: 1_000, fromEnd };
        expect((await behind.store.entries(log, range)).map(textOf)).toEqual(['one', 'two', 'three']);
      }
    }
  });

  test('is no reason to say that an edit of its messages is a mistake', async () => {
    const { log, head } = await threeMessages();
    behind.fallBehind(1n);
    const edit = await behind.store.append(log, appendOf(head, [edited(3n, 'THREE')]));
    expect(appended(edit).head.sequence).toBe(4n);
    expect((await all(writer, log)).map(textOf)).toEqual(['one', 'two', 'THREE', 'THREE']);
  });

  test('has its rows written when its writer died before it could', async () => {
    const log = newLog();
    const owner = newUser('owner');
    const dying = await openDyingStore(keyspace.options);
    dying.dieAfter(1);
    await expect(dying.store.append(log, appendOf(undefined, [created(owner)]))).rejects.toThrow('died');
    await dying[Symbol.asyncDispose]();
    behind.fallBehind(0n);
    expect((await behind.store.head(log))?.sequence).toBe(1n);
    expect(await writer.row(log, `member/${owner}`)).toMatchObject({ sequence: 1n });
  });

  test('is told apart from entries that are lost: these are said to be', async () => {
    const { log } = await threeMessages();
    behind.fallBehind(2n, { isForGood: true });
    const lost = { reason: 'STORE_UNAVAILABLE', message: expect.stringContaining('lost entries') };
    await expect(all(behind.store, log)).rejects.toMatchObject(lost);
    const newest = { after: 0n, upTo: 3n, limit: 2, fromEnd: true };
    await expect(behind.store.entries(log, newest)).rejects.toMatchObject(lost);
    // What is there is given.
    expect(await behind.store.entries(log, { after: 0n, upTo: 2n, limit: 5 })).toHaveLength(2);
    behind.fallBehind(1n << 62n);
  });
});
