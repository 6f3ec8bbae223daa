import { expect, test } from 'vitest';
import { systemUser } from '../../server/core/ids.ts';
import { all, append, appended, appendOf, change, message, newLog, newUser, nowMs } from './samples.ts';
import type { UnderTest } from './store.ts';

export function duplicates({ store, reopen }: UnderTest): void {
  test('an id that was appended is found with its place, its time and what it was', async () => {
    const log = newLog();
    const given = message('once');
    const { head } = await append(store(), log, undefined, [
      change({ kind: 'group-changed', name: 'a', historyForNewMembers: true }),
      given,
    ]);
    const duplicate = {
      sequence: 2n,
      ordinal: 1n,
      createTimeMs: nowMs,
      epoch: head.epoch,
      fingerprint: given.fingerprint,
    };
    expect(await store().duplicate(log, given.senderId, given.clientMessageId, 0n)).toEqual(duplicate);
    const again = await store().append(log, appendOf(head, [given]));
    expect(again).toEqual({ outcome: 'duplicate', duplicates: new Map([[0, duplicate]]) });
    expect(await store().head(log)).toEqual(head);
  });

  test('an id that was never appended is not found', async () => {
    const log = newLog();
    expect(await store().duplicate(log, newUser(), 'an-id', 0n)).toBeUndefined();
    await append(store(), log, undefined, [message('other')]);
    expect(await store().duplicate(log, newUser(), 'an-id', 1n)).toBeUndefined();
  });

  test('an id is looked for before the head is compared', async () => {
    const log = newLog();
    const given = message('once');
    const first = await append(store(), log, undefined, [given]);
    await append(store(), log, first.head, [message('more')]);
    expect(await store().append(log, appendOf(first.head, [given]))).toMatchObject({ outcome: 'duplicate' });
    expect(await store().append(log, appendOf(undefined, [given]))).toMatchObject({ outcome: 'duplicate' });
  });

  test('the fingerprint of a reused id is that of its first use', async () => {
    const log = newLog();
    const first = message('first', { clientMessageId: 'the-id' });
    const { head } = await append(store(), log, undefined, [first]);
    const result = await store().append(log, appendOf(head, [message('second', { clientMessageId: 'the-id' })]));
    if (result.outcome !== 'duplicate') throw new Error('the id was taken twice');
    expect(result.duplicates.get(0)?.fingerprint).toBe(first.fingerprint);
  });

  test('the same id of another sender, or in another log, is another', async () => {
    const [log, other] = [newLog(), newLog()];
    const given = message('mine', { clientMessageId: 'the-id' });
    const { head } = await append(store(), log, undefined, [given]);
    await append(store(), log, head, [{ ...given, senderId: newUser() }]);
    await append(store(), other, undefined, [given]);
    expect(await all(store(), log)).toHaveLength(2);
  });

  test("the system's ids are known like anybody's, though its own is empty", async () => {
    const log = newLog();
    const given = { ...message('of the system', { clientMessageId: 'the-id' }), senderId: systemUser };
    const { head } = await append(store(), log, undefined, [given]);
    expect(await store().append(log, appendOf(head, [given]))).toMatchObject({ outcome: 'duplicate' });
    await append(store(), log, head, [{ ...given, senderId: newUser() }]);
    expect(await store().duplicate(log, systemUser, 'the-id', 0n)).toMatchObject({ sequence: 1n });
  });

  test('entries without an id are never duplicates', async () => {
    const log = newLog();
    const given = change({ kind: 'reaction-changed', target: 1n, emoji: '👍', removed: false });
    const { head } = await append(store(), log, undefined, [given, given]);
    expect((await append(store(), log, head, [given])).head.sequence).toBe(3n);
  });

  test('the duplicates of a group are named by their places, and nothing of the group is appended', async () => {
    const log = newLog();
    const known = [message('a'), message('b')];
    const { head, entries } = await append(store(), log, undefined, known);
    const group = [message('new'), known[1], message('newer'), known[0]].flatMap((one) => one ?? []);
    const result = await store().append(log, appendOf(head, group));
    if (result.outcome !== 'duplicate') throw new Error(`was ${result.outcome}`);
    expect(new Map([...result.duplicates].map(([at, { sequence }]) => [at, sequence]))).toEqual(
      new Map([
        [1, 2n],
        [3, 1n],
      ]),
    );
    expect(await all(store(), log)).toEqual(entries);
  });

  test('an id twice in one group is a mistake of the caller, and nothing is appended', async () => {
    const log = newLog();
    const given = message('twice');
    await expect(store().append(log, appendOf(undefined, [given, given]))).rejects.toThrow(/at most once/);
    expect(await store().head(log)).toBeUndefined();
  });

  test('a retry that is sent while the first is under way gets the place of the first', async () => {
    const log = newLog();
    const given = message('impatient');
    const results = await Promise.all(
      Array.from({ length: 5 }, () => store().append(log, appendOf(undefined, [given]))),
    );
    expect(results.filter((result) => result.outcome === 'appended')).toHaveLength(1);
    for (const result of results) {
      if (result.outcome === 'appended') continue;
      // Refused by its id, or by the head and then by its id.
      const last = result.outcome === 'conflict' ? await store().append(log, appendOf(result.head, [given])) : result;
      expect(last).toMatchObject({ outcome: 'duplicate' });
    }
    expect(await all(store(), log)).toHaveLength(1);
  });

  test('there is no window: an id is known after thousands of entries and a new process', async () => {
    const log = newLog();
    const given = message('the first');
    let { head } = await append(store(), log, undefined, [given]);
    for (let round = 0; round < 20; round++) {
      ({ head } = await append(
        store(),
        log,
        head,
        Array.from({ length: 250 }, (_, at) => message(`${round}/${at}`)),
      ));
    }
    expect(await store().append(log, appendOf(head, [given]))).toMatchObject({ outcome: 'duplicate' });
    const later = await reopen();
    const result = await later.append(log, appendOf(head, [given]));
    if (result.outcome !== 'duplicate') throw new Error(`was ${result.outcome}`);
    expect(result.duplicates.get(0)).toMatchObject({ sequence: 1n, ordinal: 1n, fingerprint: given.fingerprint });
    expect(await later.duplicate(log, given.senderId, given.clientMessageId, 1n)).toMatchObject({ sequence: 1n });
  });

  test('erasing a body does not make its id free', async () => {
    const log = newLog();
    const given = message('secret');
    const first = await append(store(), log, undefined, [given]);
    const { head } = await append(store(), log, first.head, [change({ kind: 'message-deleted', target: 1n })]);
    expect(await store().append(log, appendOf(head, [given]))).toMatchObject({ outcome: 'duplicate' });
    expect(appended(await store().append(log, appendOf(head, [message('next')]))).head.sequence).toBe(3n);
  });
}
