// A node that dies within an append, between any two of its writes: whoever comes next finds the log and all that
// belongs to it, or nothing of it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { emptyBody, type Entry, type Head, type NewEntry } from '../../server/core/entry.ts';
import { threadLog, type UserId } from '../../server/core/ids.ts';
import { type Row, rowsOf } from '../../server/core/rows.ts';
import type { Append, InboxUpdate, Store } from '../../server/store/store.ts';
import { newKeyspace, type TestKeyspace } from '../support/cassandra.ts';
import { openDyingStore } from '../support/dying-cassandra-store.ts';
import { needs } from '../support/skip.ts';
import { append, appendOf, change, created, deleted, edited, message, newThread, newUser, textOf } from './samples.ts';

needs('cassandra')('a node that dies within an append to Cassandra', () => {
  let keyspace: TestKeyspace;
  let survivor: Store;
  const thread = newThread();
  const log = threadLog(thread);
  const [owner, friend] = [newUser('owner'), newUser('friend')];
  const old = 120;
  /** Each changes old messages of its own. */
  let rounds = 0;
  let head: Head;

  beforeAll(async () => {
    keyspace = newKeyspace();
    survivor = await keyspace.open();
    const members = [owner, friend].map((userId) => ({ userId, member: true, visibleFrom: 1n }));
    const first = [created(owner, friend), ...Array.from({ length: old }, (_, at) => message(`old ${at}`))];
    head = (await append(survivor, log, undefined, first, { inbox: members })).head;
    // The bodies that are changed stand in another bucket than the changes.
    while (head.sequence < 4_100n) {
      const bulk = Array.from({ length: Math.min(256, 4_100 - Number(head.sequence)) }, () => message('bulk'));
      head = (await append(survivor, log, head, bulk)).head;
    }
    head = (await append(survivor, log, head, [message('begins the second bucket')])).head;
  });
  afterAll(async () => {
    await survivor[Symbol.asyncDispose]();
    await keyspace[Symbol.asyncDispose]();
  });

  /** An append with every kind of thing that is written outside its partition. */
  function everything(round: number): { append: Append; user: UserId; edit: bigint; deletion: bigint } {
    const user = newUser(`round-${round}`);
    const [edit, deletion] = [BigInt(2 + round * 2), BigInt(3 + round * 2)];
    const entries: NewEntry[] = [
      edited(edit, `new ${round}`),
      deleted(deletion),
      change({ kind: 'member-added', userId: user, role: 'admin' }),
      change({ kind: 'role-changed', userId: user, role: 'member' }),
      change({ kind: 'reaction-changed', target: edit, emoji: '👍', removed: false }, friend),
      message(`round ${round}`),
    ];
    const joined: InboxUpdate = { userId: user, member: true, visibleFrom: head.sequence + 3n };
    return { append: appendOf(head, entries, { inbox: [{ userId: owner }, joined] }), user, edit, deletion };
  }

  test.each([
    { leavesMarks: false, what: 'whichever write was its last' },
    { leavesMarks: true, what: 'though of its last batch the marks alone are seen' },
  ])('leaves the whole of it or nothing to those who come after, $what', async ({ leavesMarks }) => {
    const outcomes: string[] = [];
    for (let writes = 0; outcomes.at(-1) !== 'lived'; writes++) {
      const round = rounds++;
      expect(round).toBeLessThan(old / 2);
      const dying = await openDyingStore(keyspace.options);
      expect(await dying.store.head(log)).toEqual(head);
      const { append: given, user, edit, deletion } = everything(round);
      dying.dieAfter(writes, { leavesMarks });
      const promised = await dying.store.append(log, given).catch(() => undefined);
      expect(promised === undefined).toBe(dying.isDead);
      await dying[Symbol.asyncDispose]();

      // A node that has seen nothing of the log yet.
      const next = await keyspace.open();
      const now = await next.head(log);
      const isIn = now?.sequence !== head.sequence;
      outcomes.push(dying.isDead ? (isIn ? 'in the log' : 'not in the log') : 'lived');
      const [target, erased] = await next.entries(log, { after: edit - 1n, upTo: deletion, limit: 2 });
      if (isIn) {
        expect(textOf(target)).toBe(`new ${round}`);
        expect(erased?.change).toMatchObject({ body: emptyBody, deleteSequence: head.sequence + 2n });
        await checkRows(next);
        // The retry is answered, and from then on the inbox says so too.
        const again = await next.append(log, given);
        expect(again.outcome).toBe('duplicate');
        expect(await next.inboxRow(owner, thread)).toMatchObject({ sequence: now?.sequence, member: true });
        expect(await next.inboxRow(user, thread)).toMatchObject({ visibleFrom: head.sequence + 3n, member: true });
        head = now as Head;
      } else {
        expect(textOf(target)).toBe(`old ${edit - 2n}`);
        expect(textOf(erased)).toBe(`old ${deletion - 2n}`);
        expect(await next.inboxRow(user, thread)).toBeUndefined();
      }
      await next[Symbol.asyncDispose]();
    }
    expect(outcomes[0]).toBe('not in the log');
    expect(outcomes.filter((outcome) => outcome === 'in the log').length).toBeGreaterThan(4);
  });

  test('leaves a full bucket that others can go on from, whichever write was its last', async () => {
    for (let writes = 0, lived = false; !lived; writes++) {
      const full = threadLog(newThread());
      const first = message('the first');
      let at = (await append(survivor, full, undefined, [first])).head;
      while (at.sequence < 4_095n) {
        const bulk = Array.from({ length: Math.min(256, 4_095 - Number(at.sequence)) }, () => message('bulk'));
        const knownHeads = bulk.map(() => at.sequence);
        at = (await append(survivor, full, at, bulk, { knownHeads })).head;
      }
      const dying = await openDyingStore(keyspace.options);
      await dying.store.head(full);
      dying.dieAfter(writes);
      await dying.store.append(full, appendOf(at, [message('next')])).catch(() => {});
      lived = !dying.isDead;
      await dying[Symbol.asyncDispose]();
      const next = await keyspace.open();
      const now = await next.head(full);
      expect(now?.sequence).toBe(lived ? 4_096n : 4_095n);
      expect((await append(next, full, now, [message('after')])).head.sequence).toBe(lived ? 4_097n : 4_096n);
      const found = await next.duplicate(full, first.senderId, first.clientMessageId, 0n);
      expect(found?.sequence).toBe(1n);
      await next[Symbol.asyncDispose]();
    }
  });

  test('is told apart from a Cassandra that lost what it acknowledged: that is said, and the log goes on as it is', async () => {
    const errors: string[] = [];
    const told = { info: () => {}, warn: () => {}, error: (_: object, what: string) => void errors.push(what) };
    const node = await keyspace.open({ log: told });
    const short = threadLog(newThread());
    const first = await append(node, short, undefined, [message('lost')]);
    const second = await append(node, short, first.head, [message('lost too')]);
    await keyspace.query('DELETE FROM logs WHERE log = ? AND bucket = 0', [short]);
    const refused = await node.append(short, appendOf(second.head, [message('more')]));
    expect(refused).toEqual({ outcome: 'conflict', head: undefined });
    expect(errors).toEqual([expect.stringContaining('lost entries')]);
    expect((await append(node, short, undefined, [message('anew')])).head.sequence).toBe(1n);
    expect(errors).toHaveLength(1);
    await node[Symbol.asyncDispose]();
  });

  async function checkRows(store: Store): Promise<void> {
    const rows = new Map<string, Row>();
    const read: Entry[] = [];
    for (;;) {
      const page = await store.entries(log, { after: BigInt(read.length), upTo: 1n << 40n, limit: 1_000 });
      if (page.length === 0) break;
      read.push(...page);
    }
    for (const entry of read) for (const row of rowsOf(entry, (key) => rows.get(key))) rows.set(row.key, row);
    const kept = await store.rows(log, { prefix: '', limit: 5_000 });
    expect(new Map(kept.map((row) => [row.key, row]))).toEqual(rows);
  }
});
