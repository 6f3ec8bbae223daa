import { expect, test } from 'vitest';
import type { Entry } from '../../server/core/entry.ts';
import { Refusal } from '../../server/core/errors.ts';
import { threadLog, userLog } from '../../server/core/ids.ts';
import {
  all,
  append,
  appended,
  appendOf,
  change,
  created,
  headAfter,
  message,
  newLog,
  newThread,
  newUser,
  nowMs,
  textOf,
} from './samples.ts';
import type { UnderTest } from './store.ts';

export function appends({ store, reopen }: UnderTest): void {
  test('a log without entries has no head', async () => {
    const log = newLog();
    expect(await store().head(log)).toBeUndefined();
    expect(await all(store(), log)).toEqual([]);
    const other = newLog();
    const { head } = await append(store(), other, undefined, [message('here')]);
    expect(await store().heads([log, other])).toEqual([undefined, head]);
  });

  test("every head has the store's epoch, which a process after it finds too", async () => {
    const { head } = await append(store(), newLog(), undefined, [message('here')]);
    expect(head.epoch).toBe(store().epoch);
    expect(head.epoch).toBeGreaterThan(0n);
    await reopen();
    expect(store().epoch).toBe(head.epoch);
  });

  test('the first entry of a log has sequence 1, and each further one the next', async () => {
    const log = newLog();
    const first = await append(store(), log, undefined, [created(newUser())]);
    const second = await append(store(), log, first.head, [message('one'), message('two')]);
    expect(first.entries.map((entry) => entry.sequence)).toEqual([1n]);
    expect(second.entries.map((entry) => entry.sequence)).toEqual([2n, 3n]);
    expect(await all(store(), log)).toEqual([...first.entries, ...second.entries]);
  });

  test('an append answers with its entries as they were given, at their places', async () => {
    const log = newLog();
    const given = message('said', { senderId: newUser() });
    const { entries } = await append(store(), log, undefined, [given]);
    const { senderId, deviceId, clientMessageId } = given;
    const entry: Entry = {
      sequence: 1n,
      ordinal: 1n,
      senderId,
      deviceId,
      clientMessageId,
      createTimeMs: nowMs,
      change: given.change,
    };
    expect(entries).toEqual([entry]);
  });

  test('the ordinal counts messages and stands in every entry', async () => {
    const log = newLog();
    const { entries, head } = await append(store(), log, undefined, [
      created(newUser()),
      message('one'),
      change({ kind: 'reaction-changed', target: 2n, emoji: '👍', removed: false }),
      message('two'),
    ]);
    expect(entries.map((entry) => entry.ordinal)).toEqual([0n, 1n, 1n, 2n]);
    expect(head.ordinal).toBe(2n);
  });

  test('the head names the last sequence, the last change of members, and the time of the last entry', async () => {
    const log = newLog();
    const { head } = await append(store(), log, undefined, [created(newUser()), message('one')]);
    expect(head).toMatchObject({ sequence: 2n, ordinal: 1n, membersSequence: 1n, activityMs: nowMs });
    const added = change({ kind: 'member-added', userId: newUser(), role: 'member' });
    const next = await append(store(), log, head, [added, message('two')], { nowMs: nowMs + 5 });
    expect(next.head).toMatchObject({ sequence: 4n, ordinal: 2n, membersSequence: 3n, activityMs: nowMs + 5 });
    expect(await store().head(log)).toEqual(next.head);
  });

  test('the time of an entry is never below that of the entry ahead of it', async () => {
    const log = newLog();
    const { head } = await append(store(), log, undefined, [message('one')]);
    const { entries } = await append(store(), log, head, [message('two')], { nowMs: nowMs - 60_000 });
    expect(entries[0]?.createTimeMs).toBe(nowMs);
  });

  test('an append that expects an earlier head changes nothing and is told the head', async () => {
    const log = newLog();
    const first = await append(store(), log, undefined, [message('one')]);
    const second = await append(store(), log, first.head, [message('two')]);
    const late = await store().append(log, appendOf(first.head, [message('late'), created(newUser('late'))]));
    expect(late).toEqual({ outcome: 'conflict', head: second.head });
    expect((await all(store(), log)).map(textOf)).toEqual(['one', 'two']);
    expect(await store().row(log, 'info')).toBeUndefined();
  });

  test('an append that expects entries in a log that has none is told so', async () => {
    const log = newLog();
    const result = await store().append(log, appendOf({ sequence: 3n, membersSequence: 0n }, [message('lost')]));
    expect(result).toEqual({ outcome: 'conflict', head: undefined });
  });

  test('an append that expects no entries in a log that has some is told the head', async () => {
    const log = newLog();
    const { head } = await append(store(), log, undefined, [message('one')]);
    const result = await store().append(log, appendOf(undefined, [message('first?')]));
    expect(result).toEqual({ outcome: 'conflict', head });
  });

  test('an append that knows the head but not the last change of members is refused', async () => {
    const log = newLog();
    const { head } = await append(store(), log, undefined, [created(newUser()), message('one')]);
    const result = await store().append(
      log,
      appendOf({ sequence: head.sequence, membersSequence: 0n }, [message('x')]),
    );
    expect(result).toEqual({ outcome: 'conflict', head });
  });

  test('of many appends that follow one head, one is taken', async () => {
    const log = newLog();
    const { head } = await append(store(), log, undefined, [created(newUser())]);
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, at) => store().append(log, appendOf(head, [message(`number ${at}`)]))),
    );
    const taken = results.filter((result) => result.outcome === 'appended');
    expect(taken).toHaveLength(1);
    const now = await store().head(log);
    expect(now?.sequence).toBe(2n);
    for (const result of results)
      if (result.outcome !== 'appended') expect(result).toEqual({ outcome: 'conflict', head: now });
  });

  test('appends that race with retries leave each entry once and no hole', async () => {
    const log = newLog();
    const writers = Array.from({ length: 8 }, (_, at) => at);
    await Promise.all(
      writers.map(async (writer) => {
        let head = await store().head(log);
        for (let at = 0; at < 10;) {
          const result = await store().append(log, appendOf(head, [message(`${writer}/${at}`)]));
          if (result.outcome === 'duplicate') throw new Error('no id was used twice');
          head = result.head;
          if (result.outcome === 'appended') at++;
        }
      }),
    );
    const entries = await all(store(), log);
    expect(entries.map((entry) => entry.sequence)).toEqual(entries.map((_, at) => BigInt(at + 1)));
    expect(new Set(entries.map(textOf))).toEqual(
      new Set(writers.flatMap((writer) => Array.from({ length: 10 }, (_, at) => `${writer}/${at}`))),
    );
    for (const writer of writers) {
      const own = entries.map(textOf).filter((said) => said?.startsWith(`${writer}/`) === true);
      expect(own).toEqual(own.map((_, at) => `${writer}/${at}`));
    }
  });

  test('an append may follow one that was handed over before and is not answered yet', async () => {
    const log = newLog();
    const first = [created(newUser()), message('one')];
    const running = [store().append(log, appendOf(undefined, first))];
    let head = headAfter(undefined, first);
    for (let at = 0; at < 50; at++) {
      running.push(store().append(log, appendOf(head, [message(`number ${at}`)])));
      head = { ...head, sequence: head.sequence + 1n };
    }
    const results = await Promise.all(running);
    // A store that cannot take them so refuses those behind the first, and takes each at most once.
    const taken = results.filter((result) => result.outcome === 'appended');
    expect(taken.length).toBeGreaterThan(0);
    expect((await all(store(), log)).length).toBe(taken.length + 1);
  });

  test('a group of 256 entries is appended as a whole', async () => {
    const log = newLog();
    const given = Array.from({ length: 256 }, (_, at) => message(`number ${at}`));
    const { entries, head } = await append(store(), log, undefined, given);
    expect(head.sequence).toBe(256n);
    expect(entries.map(textOf)).toEqual(given.map((_, at) => `number ${at}`));
    expect(await all(store(), log)).toEqual(entries);
  });

  test('logs whose names begin alike do not mix', async () => {
    const user = newUser();
    const [short, long] = [userLog(user), userLog(`${user}2` as typeof user)];
    const one = await append(store(), short, undefined, [
      change({ kind: 'block-changed', userId: user, blocked: true }),
    ]);
    const two = await append(store(), long, undefined, [
      change({ kind: 'profile-changed', displayName: 'Two', avatarUrl: '' }),
    ]);
    expect(await all(store(), short)).toEqual(one.entries);
    expect(await all(store(), long)).toEqual(two.entries);
    expect(await store().rows(short, { prefix: '', limit: 10 })).toHaveLength(1);
  });

  test('what was appended is there after the process was replaced', async () => {
    const log = threadLog(newThread());
    const { head, entries } = await append(store(), log, undefined, [created(newUser()), message('kept')]);
    const later = await reopen();
    expect(await later.head(log)).toEqual(head);
    expect(await all(later, log)).toEqual(entries);
    expect(appended(await later.append(log, appendOf(head, [message('more')]))).head.sequence).toBe(3n);
  });

  test('a call whose caller has gone is refused with the reason of its going, and appends nothing', async () => {
    const log = newLog();
    const gone = AbortSignal.abort(new Refusal('DEADLINE_EXCEEDED', 'too late'));
    const refused = { reason: 'DEADLINE_EXCEEDED' };
    await expect(store().append(log, appendOf(undefined, [message('x')]), gone)).rejects.toMatchObject(refused);
    await expect(store().head(log, gone)).rejects.toMatchObject(refused);
    await expect(store().heads([log], gone)).rejects.toMatchObject(refused);
    await expect(store().entries(log, { after: 0n, upTo: 9n, limit: 9 }, gone)).rejects.toMatchObject(refused);
    await expect(store().row(log, 'info', gone)).rejects.toMatchObject(refused);
    await expect(store().rows(log, { prefix: '', limit: 9 }, gone)).rejects.toMatchObject(refused);
    await expect(store().positions(newThread(), { limit: 9 }, gone)).rejects.toMatchObject(refused);
    await expect(store().positionsOf(newUser(), [newThread()], gone)).rejects.toMatchObject(refused);
    await expect(store().inbox(newUser(), 0, gone)).rejects.toMatchObject(refused);
    expect(await store().head(log)).toBeUndefined();
  });
}
