import { expect, test } from 'vitest';
import type { ThreadId, UserId } from '../../server/core/ids.ts';
import { userLog } from '../../server/core/ids.ts';
import { type MemberRow, rowKey } from '../../server/core/rows.ts';
import { all, append, change, created, message, newLog, newUser } from './samples.ts';
import type { UnderTest } from './store.ts';

export function rows({ store, reopen }: UnderTest): void {
  test('the rows of an entry are there when its append resolves', async () => {
    const log = newLog();
    const [owner, member] = [newUser('a'), newUser('b')];
    await append(store(), log, undefined, [created(owner, member)]);
    expect(await store().row(log, rowKey.info)).toEqual({
      key: 'info',
      sequence: 1n,
      value: { kind: 'group', name: 'a group', historyForNewMembers: true },
    });
    expect(await store().row(log, rowKey.member(member))).toEqual({
      key: rowKey.member(member),
      sequence: 1n,
      value: { role: 'member', joinSequence: 1n, leftSequence: 0n },
    });
    expect(await store().row(log, rowKey.member('nobody'))).toBeUndefined();
  });

  test('a later entry replaces a row and keeps what its change does not say', async () => {
    const log = newLog();
    const user = newUser();
    const first = await append(store(), log, undefined, [created(newUser(), user)]);
    const second = await append(store(), log, first.head, [
      message('between'),
      change({ kind: 'role-changed', userId: user, role: 'admin' }),
    ]);
    const key = rowKey.member(user);
    const member = async (): Promise<unknown> => (await store().row(log, key))?.value;
    expect(await member()).toEqual({ role: 'admin', joinSequence: 1n, leftSequence: 0n } satisfies MemberRow);
    const third = await append(store(), log, second.head, [change({ kind: 'member-removed', userId: user })]);
    expect(await member()).toEqual({ role: 'admin', joinSequence: 1n, leftSequence: 4n } satisfies MemberRow);
    await append(store(), log, third.head, [change({ kind: 'member-added', userId: user, role: 'member' })]);
    expect(await store().row(log, key)).toEqual({
      key,
      sequence: 5n,
      value: { role: 'member', joinSequence: 5n, leftSequence: 0n } satisfies MemberRow,
    });
  });

  test('entries of one group see the rows of those ahead of them', async () => {
    const log = newLog();
    const user = newUser();
    await append(store(), log, undefined, [
      created(newUser()),
      change({ kind: 'member-added', userId: user, role: 'admin' }),
      change({ kind: 'member-removed', userId: user }),
    ]);
    expect((await store().row(log, rowKey.member(user)))?.value).toEqual({
      role: 'admin',
      joinSequence: 2n,
      leftSequence: 3n,
    } satisfies MemberRow);
  });

  test('rows are listed in the order of the bytes of their keys, page by page', async () => {
    const log = newLog();
    // Order by UTF-16 would put the last two before the one ahead of them.
    const names = ['B', 'a', 'aa', 'b', 'z', 'ä', '\uffee', '😀', '\u{10ffff}z'] as UserId[];
    await append(store(), log, undefined, [created(...names.toReversed())]);
    const users = async (range: { after?: string; limit: number }): Promise<string[]> =>
      (await store().rows(log, { prefix: 'member/', ...range })).map((row) => row.key.slice('member/'.length));
    expect(await users({ limit: 100 })).toEqual(names);
    expect(await users({ limit: 3 })).toEqual(['B', 'a', 'aa']);
    expect(await users({ after: 'member/aa', limit: 3 })).toEqual(['b', 'z', 'ä']);
    expect(await users({ after: 'member/ab', limit: 2 })).toEqual(['b', 'z']);
    expect(await users({ after: 'member/😀', limit: 3 })).toEqual(['\u{10ffff}z']);
    expect(await users({ after: 'member/\u{10ffff}z', limit: 3 })).toEqual([]);
    expect(await users({ after: 'info', limit: 2 })).toEqual(['B', 'a']);
  });

  test('a prefix gives its rows only; the empty one gives all', async () => {
    const log = newLog();
    const user = newUser();
    await append(store(), log, undefined, [
      created(user),
      message('one'),
      change({ kind: 'reaction-changed', target: 2n, emoji: '👍', removed: false }, user),
      change({ kind: 'reaction-changed', target: 2n, emoji: '👎', removed: false }, user),
      change({ kind: 'reaction-changed', target: 1n, emoji: '👍', removed: true }, user),
    ]);
    const reactions = await store().rows(log, { prefix: rowKey.reactions(2n), limit: 10 });
    expect(reactions.map(({ key, value }) => [key, value])).toEqual(
      ['👍', '👎'].map((emoji) => [rowKey.reaction(2n, emoji, user), { removed: false }]),
    );
    expect(await store().rows(log, { prefix: '', limit: 10 })).toHaveLength(5);
    expect(await store().rows(log, { prefix: 'none/', limit: 10 })).toEqual([]);
  });

  test('thousands of rows are listed in one call', async () => {
    const log = newLog();
    const users = Array.from({ length: 2_500 }, (_, at) => `user-${String(at).padStart(5, '0')}` as UserId);
    await append(store(), log, undefined, [created(...users)]);
    const found = await store().rows(log, { prefix: 'member/', limit: 5_000 });
    expect(found.map((row) => row.key)).toEqual(users.map((user) => rowKey.member(user)));
  });

  test("a user's own log has rows too", async () => {
    const user = newUser();
    const log = userLog(user);
    const thread = 'g_some' as ThreadId;
    const settings = { threadId: thread, muteUntilMs: 1_767_000_000_123, pinned: true, archived: false };
    const given = [
      change({ kind: 'thread-added', threadId: thread }),
      change({ kind: 'thread-settings-changed', ...settings }),
      change({ kind: 'block-changed', userId: newUser('foe'), blocked: true }),
      change({ kind: 'profile-changed', displayName: 'Ann 🙂', avatarUrl: '' }),
      change({ kind: 'account-settings-changed', directPolicy: 'nobody', readPrivately: true, hidePresence: false }),
      change({ kind: 'device-changed', deviceId: 'phone' as never, removed: false }),
    ];
    const { head } = await append(store(), log, undefined, given);
    expect(head).toMatchObject({ sequence: 6n, ordinal: 0n, membersSequence: 0n });
    const later = await reopen();
    expect((await later.row(log, rowKey.settings(thread)))?.value).toEqual({
      muteUntilMs: 1_767_000_000_123,
      pinned: true,
      archived: false,
    });
    expect((await later.row(log, rowKey.profile))?.value).toEqual({ displayName: 'Ann 🙂', avatarUrl: '' });
    expect((await later.rows(log, { prefix: '', limit: 100 })).map((row) => row.sequence)).toHaveLength(6);
  });

  test('entries that are to say something else do so, in their places; rows and heads stay as they are', async () => {
    const log = userLog(newUser());
    const names = Array.from({ length: 40 }, (_, at) => `name ${at}`);
    const given = names.map((displayName) => change({ kind: 'profile-changed', displayName, avatarUrl: '' }));
    const { head, entries } = await append(store(), log, undefined, given);
    const said = { kind: 'profile-changed', displayName: '', avatarUrl: '' } as const;
    const rewritten = entries.filter((_, at) => at % 2 === 1).map((entry) => ({ ...entry, change: said }));
    await store().rewrite(log, rewritten);
    await store().rewrite(log, rewritten);
    await store().rewrite(log, []);
    const later = await reopen();
    const wanted = entries.map((entry, at) => (at % 2 === 1 ? { ...entry, change: said } : entry));
    expect(await all(later, log)).toEqual(wanted);
    expect(await later.head(log)).toEqual(head);
    expect((await later.row(log, rowKey.profile))?.value).toMatchObject({ displayName: 'name 39' });
    await append(later, log, head, [change({ kind: 'profile-changed', displayName: 'new', avatarUrl: '' })]);
    expect(await all(later, log)).toMatchObject([...wanted, { sequence: 41n }]);
  });
}
