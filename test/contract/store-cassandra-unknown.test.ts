// What an append says when the answer of its conditional batch never came.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../server/core/clock.ts';
import { Refusal } from '../../server/core/errors.ts';
import type { AppendResult, Store } from '../../server/store/store.ts';
import { until } from '../../platform/wait.ts';
import { newKeyspace, type TestKeyspace } from '../support/cassandra.ts';
import { type CassandraLine, openLine } from '../support/cassandra-line.ts';
import { needs } from '../support/skip.ts';
import { all, append, appended, appendOf, message, newLog, textOf } from './samples.ts';

needs('cassandra')('an append to Cassandra whose answer does not come', () => {
  let keyspace: TestKeyspace;
  let line: CassandraLine;
  /** Behind the line that breaks. */
  let store: Store;
  let other: Store;
  beforeAll(async () => {
    keyspace = newKeyspace();
    line = await openLine(keyspace.options.contactPoints[0] ?? '');
    // What is given up after 15 s is given up after 3.
    const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() * 5 };
    store = await keyspace.open({ contactPoints: [line.address], clock });
    other = await keyspace.open();
  });
  afterAll(async () => {
    await store[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await line[Symbol.asyncDispose]();
    await keyspace[Symbol.asyncDispose]();
  });

  /** What it comes to when those that are refused as unavailable are made again, as the door says. */
  async function decided(first: Promise<AppendResult>, again: () => Promise<AppendResult>): Promise<AppendResult> {
    let next = (): Promise<AppendResult> => first;
    const attempt = async (): Promise<AppendResult | undefined> => {
      try {
        return await next();
      } catch (error) {
        expect(error).toMatchObject({ reason: 'STORE_UNAVAILABLE' });
        // Not before it is waited for: it may be refused at once.
        next = again;
        return undefined;
      }
    };
    return until(attempt, { what: 'the append to be decided', withinMs: 60_000, everyMs: 100 });
  }

  test.each(['answer-lost', 'request-lost'] as const)('is appended once, and told so, when the %s', async (fault) => {
    const log = newLog();
    const { head } = await append(store, log, undefined, [message('before')]);
    const broke = line.breakNext(fault, log);
    const result = await store.append(log, appendOf(head, [message('in doubt'), message('with it')]));
    await broke;
    expect(appended(result).entries.map((entry) => entry.sequence)).toEqual([2n, 3n]);
    expect((await all(other, log)).map(textOf)).toEqual(['before', 'in doubt', 'with it']);
    expect(await other.head(log)).toEqual(appended(result).head);
  });

  test('is appended once when the first entry of a log is in doubt', async () => {
    const log = newLog();
    const broke = line.breakNext('answer-lost', log);
    const result = await store.append(log, appendOf(undefined, [message('first')]));
    await broke;
    expect(appended(result).head.sequence).toBe(1n);
    expect(await all(other, log)).toHaveLength(1);
  });

  test('is appended once when a coordinator comes with it long after it was sent again', async () => {
    const log = newLog();
    const { head } = await append(store, log, undefined, [message('before')]);
    const broke = line.breakNext('request-late', log);
    const result = await store.append(log, appendOf(head, [message('twice?')]));
    await broke;
    const before = await all(other, log);
    await line.release();
    expect(appended(result).head.sequence).toBe(2n);
    expect(before.map(textOf)).toEqual(['before', 'twice?']);
    expect(await all(other, log)).toEqual(before);
    expect(await other.head(log)).toEqual(appended(result).head);
  });

  test('is a conflict when another node got in between', async () => {
    const log = newLog();
    const { head } = await append(store, log, undefined, [message('before')]);
    const broke = line.breakNext('request-lost', log);
    const late = appendOf(head, [message('late')]);
    const running = decided(store.append(log, late), () => store.append(log, late));
    await broke;
    line.cut();
    const won = await append(other, log, head, [message('won')]);
    line.mend();
    expect(await running).toEqual({ outcome: 'conflict', head: won.head });
    expect((await all(other, log)).map(textOf)).toEqual(['before', 'won']);
  });

  test('is a duplicate when another node appended the same id in between', async () => {
    const log = newLog();
    const given = message('retried elsewhere');
    const { head } = await append(store, log, undefined, [message('before')]);
    const broke = line.breakNext('request-lost', log);
    const running = decided(store.append(log, appendOf(head, [given])), () =>
      store.append(log, appendOf(head, [given])),
    );
    await broke;
    line.cut();
    await append(other, log, head, [given]);
    line.mend();
    const result = await running;
    if (result.outcome !== 'duplicate') throw new Error(`was ${result.outcome}`);
    expect(result.duplicates.get(0)?.sequence).toBe(2n);
    expect(await all(other, log)).toHaveLength(2);
  });

  test('is told where it stands, though what another node appended behind it was told before', async () => {
    const log = newLog();
    const { head } = await append(store, log, undefined, [message('before')]);
    const broke = line.breakNext('answer-lost', log);
    const inDoubt = appendOf(head, [message('in doubt')]);
    let isTold = false;
    const running = decided(store.append(log, inDoubt), () => store.append(log, inDoubt)).finally(() => {
      isTold = true;
    });
    await broke;
    line.cut();
    const behind = await append(other, log, await other.head(log), [message('behind it')]);
    expect(isTold).toBe(false);
    line.mend();
    expect(behind.head.sequence).toBe(3n);
    const result = await running;
    // Whoever stays in doubt for too long is told by the retry.
    const told = result.outcome === 'duplicate' ? result.duplicates.get(0) : appended(result).entries[0];
    expect(told?.sequence).toBe(2n);
    expect((await all(other, log)).map(textOf)).toEqual(['before', 'in doubt', 'behind it']);
  });

  test('holds up nobody behind it who does not wait', async () => {
    const log = newLog();
    const { head } = await append(store, log, undefined, [message('before')]);
    const broke = line.breakNext('request-lost', log);
    const inDoubt = appendOf(head, [message('in doubt')]);
    const first = decided(store.append(log, inDoubt), () => store.append(log, inDoubt));
    await broke;
    line.cut();
    const leave = new AbortController();
    const second = store.append(log, appendOf(head, [message('behind it')]), leave.signal);
    leave.abort(new Refusal('DEADLINE_EXCEEDED', 'too late'));
    await expect(second).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
    line.mend();
    expect((await first).outcome).not.toBe('conflict');
    expect((await all(other, log)).map(textOf)).toEqual(['before', 'in doubt']);
  });

  test('is unknown when Cassandra stays away, and the retry finds out', async () => {
    const log = newLog();
    const given = message('where am I?');
    const { head } = await append(store, log, undefined, [message('before')]);
    const broke = line.breakNext('answer-lost', log);
    const running = store.append(log, appendOf(head, [given]));
    const refused = expect(running).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
    await broke;
    line.cut();
    await refused;
    // A few more may have to fail until it does.
    const isSaid = async (): Promise<true | undefined> => {
      await store.head(log).catch(() => {});
      return !store.health().writable || undefined;
    };
    await until(isSaid, { what: 'the store to say so', withinMs: 20_000 });
    await expect(store.head(log)).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
    line.mend();
    // Nobody asks it for anything: it finds out by itself.
    await until(() => store.health().writable || undefined, { what: 'the store to recover', withinMs: 30_000 });
    const retry = async (): Promise<AppendResult> => store.append(log, appendOf(await store.head(log), [given]));
    expect((await decided(retry(), retry)).outcome).toBe('duplicate');
    expect((await all(other, log)).map(textOf)).toEqual(['before', 'where am I?']);
  });
});
