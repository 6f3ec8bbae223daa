import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Change, Entry } from './entry.ts';
import type { DeviceId, ThreadId, UserId } from './ids.ts';
import { hexSequence, parseReactionKey, type Row, rowKey, rowsOf } from './rows.ts';

const ann = 'ann' as UserId;
const thread = 'g_t' as ThreadId;

function entry(sequence: bigint, change: Change): Entry {
  return {
    sequence,
    ordinal: 0n,
    senderId: ann,
    deviceId: 'd' as DeviceId,
    clientMessageId: '',
    createTimeMs: 1,
    change,
  };
}

/** The rows that these changes leave, one entry each. */
function fold(...changes: Change[]): Map<string, unknown> {
  const rows = new Map<string, Row>();
  changes.forEach((change, at) => {
    for (const row of rowsOf(entry(BigInt(at + 1), change), (key) => rows.get(key))) rows.set(row.key, row);
  });
  return new Map([...rows].map(([key, row]) => [key, row.value]));
}

describe('the rows of a thread', () => {
  const created: Change = {
    kind: 'thread-created',
    threadKind: 'group',
    members: [
      { userId: ann, role: 'owner' },
      { userId: 'bob' as UserId, role: 'member' },
    ],
    name: 'a group',
    historyForNewMembers: false,
  };

  test('begin with what it is and who is in it', () => {
    expect(fold(created)).toEqual(
      new Map<string, unknown>([
        ['info', { kind: 'group', name: 'a group', historyForNewMembers: false }],
        ['member/ann', { role: 'owner', joinSequence: 1n, leftSequence: 0n }],
        ['member/bob', { role: 'member', joinSequence: 1n, leftSequence: 0n }],
      ]),
    );
  });

  test('keep the join through a change of role, and the role through a removal; a rejoin is a new join', () => {
    const bob = 'bob' as UserId;
    const promoted: Change = { kind: 'role-changed', userId: bob, role: 'admin' };
    const removed: Change = { kind: 'member-removed', userId: bob };
    const added: Change = { kind: 'member-added', userId: bob, role: 'member' };
    const steps = [created, promoted, removed, added];
    const memberAfter = (count: number): unknown => fold(...steps.slice(0, count)).get('member/bob');
    expect(memberAfter(2)).toEqual({ role: 'admin', joinSequence: 1n, leftSequence: 0n });
    expect(memberAfter(3)).toEqual({ role: 'admin', joinSequence: 1n, leftSequence: 3n });
    expect(memberAfter(4)).toEqual({ role: 'member', joinSequence: 4n, leftSequence: 0n });
  });

  test('follow a change of name', () => {
    const renamed: Change = { kind: 'group-changed', name: 'new', historyForNewMembers: true };
    expect(fold(created, renamed).get('info')).toEqual({ kind: 'group', name: 'new', historyForNewMembers: true });
  });

  test('hold one reaction for each message, emoji and user', () => {
    const react = (emoji: string, removed = false): Change => ({
      kind: 'reaction-changed',
      target: 7n,
      emoji,
      removed,
    });
    const rows = fold(react('👍'), react('👎'), react('👍', true));
    expect([...rows]).toEqual([
      [rowKey.reaction(7n, '👍', 'ann'), { removed: true }],
      [rowKey.reaction(7n, '👎', 'ann'), { removed: false }],
    ]);
  });

  test('are not touched by what people say', () => {
    const body = { mentions: [], attachments: [] };
    expect(
      fold(
        { kind: 'message', replyTo: 0n, body, editSequence: 0n, deleteSequence: 0n },
        { kind: 'message-edited', target: 1n, body },
        { kind: 'message-deleted', target: 1n },
      ).size,
    ).toBe(0);
  });
});

test("the rows of a user's log hold the last word on each thing", () => {
  const settings = { threadId: thread, muteUntilMs: 5, pinned: true, archived: false };
  const account = { directPolicy: 'nobody', readPrivately: true, hidePresence: false } as const;
  expect(
    fold(
      { kind: 'thread-added', threadId: thread },
      { kind: 'thread-removed', threadId: thread },
      { kind: 'thread-settings-changed', ...settings },
      { kind: 'block-changed', userId: 'foe' as UserId, blocked: true },
      { kind: 'profile-changed', displayName: 'Ann', avatarUrl: 'u' },
      { kind: 'account-settings-changed', ...account },
      { kind: 'device-changed', deviceId: 'phone' as DeviceId, removed: true },
    ),
  ).toEqual(
    new Map<string, unknown>([
      ['thread/g_t', { added: false }],
      ['settings/g_t', { muteUntilMs: 5, pinned: true, archived: false }],
      ['block/foe', { blocked: true }],
      ['profile', { displayName: 'Ann', avatarUrl: 'u' }],
      ['account', account],
      ['device/phone', { removed: true }],
    ]),
  );
});

test('a reaction is read back from its key, whatever its emoji and user contain', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1 });
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: (1n << 63n) - 1n }), text, text, (target, emoji, user) => {
      const key = rowKey.reaction(target, emoji, user);
      expect(key.startsWith(rowKey.reactions(target))).toBe(true);
      expect(parseReactionKey(key)).toEqual({ target, emoji, user });
    }),
  );
});

test('the text of sequences sorts as they do', () => {
  const sequence = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
  fc.assert(fc.property(sequence, sequence, (a, b) => a < b === hexSequence(a) < hexSequence(b)));
});
