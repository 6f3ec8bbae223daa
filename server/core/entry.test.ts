import { expect, test } from 'vitest';
import { type Body, type Change, changesMembers, type Entry, emptyBody, isMessage, sizeOfEntry } from './entry.ts';
import type { DeviceId, ThreadId, UserId } from './ids.ts';

const user = 'ann' as UserId;
const message = (body: Body): Change => ({ kind: 'message', replyTo: 0n, body, editSequence: 0n, deleteSequence: 0n });

const changes: Record<Change['kind'], Change> = {
  message: message(emptyBody),
  'message-edited': { kind: 'message-edited', target: 1n, body: emptyBody },
  'message-deleted': { kind: 'message-deleted', target: 1n },
  'reaction-changed': { kind: 'reaction-changed', target: 1n, emoji: '👍', removed: false },
  'thread-created': { kind: 'thread-created', threadKind: 'group', members: [], name: '', historyForNewMembers: true },
  'member-added': { kind: 'member-added', userId: user, role: 'member' },
  'member-removed': { kind: 'member-removed', userId: user },
  'role-changed': { kind: 'role-changed', userId: user, role: 'admin' },
  'group-changed': { kind: 'group-changed', name: '', historyForNewMembers: true },
  'retention-changed': { kind: 'retention-changed', retention: { mode: 'keep', durationS: 0 } },
  'thread-added': { kind: 'thread-added', threadId: 'g_t' as ThreadId },
  'thread-removed': { kind: 'thread-removed', threadId: 'g_t' as ThreadId },
  'thread-settings-changed': {
    kind: 'thread-settings-changed',
    threadId: 'g_t' as ThreadId,
    muteUntilMs: 0,
    pinned: false,
    archived: false,
  },
  'block-changed': { kind: 'block-changed', userId: user, blocked: true },
  'profile-changed': { kind: 'profile-changed', displayName: '', avatarUrl: '' },
  'account-settings-changed': {
    kind: 'account-settings-changed',
    directPolicy: 'anyone',
    readPrivately: false,
    hidePresence: false,
  },
  'device-changed': { kind: 'device-changed', deviceId: 'd' as DeviceId, removed: false },
  'channel-changed': { kind: 'channel-changed', closed: false, slowModeS: 0, historyCount: 100, historyS: 3_600 },
  'moderator-changed': { kind: 'moderator-changed', userId: user, moderator: true },
  'erasure-moved': {
    ...{ kind: 'erasure-moved', requestId: 'r', stage: 'threads', thread: 'g_1' as ThreadId, after: 0n, upTo: 5n },
    ...{ threadsFromMs: 6, messages: 1, threads: 2, groups: 3, devices: 4, reactions: 5 },
  },
  'restriction-changed': { kind: 'restriction-changed', userId: user, untilMs: 1 },
};

test('of all changes, only a message counts as one', () => {
  expect(
    Object.values(changes)
      .filter(isMessage)
      .map(({ kind }) => kind),
  ).toEqual(['message']);
});

test('what changes who is a member, or in what role, is known for every change', () => {
  expect(
    new Set(
      Object.values(changes)
        .filter(changesMembers)
        .map(({ kind }) => kind),
    ),
  ).toEqual(new Set(['thread-created', 'member-added', 'member-removed', 'role-changed']));
});

test('the size of an entry grows with all that it carries', () => {
  const entry = (change: Change): Entry => ({
    sequence: 1n,
    ordinal: 1n,
    senderId: user,
    deviceId: 'd' as DeviceId,
    clientMessageId: 'id',
    createTimeMs: 1,
    change,
  });
  const size = (body: Body): number => sizeOfEntry(entry(message(body)));
  const empty = size(emptyBody);
  expect(empty).toBeGreaterThan(0);
  expect(size({ ...emptyBody, content: { text: 'é'.repeat(100) } })).toBe(empty + 200);
  expect(size({ ...emptyBody, content: { opaque: new Uint8Array(300), contentType: 'a/b' } })).toBe(empty + 300);
  expect(size({ ...emptyBody, mentions: [user, user] })).toBeGreaterThan(empty);
  const attachment = { uri: 'u'.repeat(500), contentType: 'c', name: 'n', sizeBytes: 1n };
  expect(size({ ...emptyBody, attachments: [attachment] })).toBeGreaterThan(empty + 500);
  const edit: Change = {
    kind: 'message-edited',
    target: 1n,
    body: { ...emptyBody, content: { text: 'x'.repeat(900) } },
  };
  expect(sizeOfEntry(entry(edit))).toBeGreaterThan(900);
  const members = Array.from({ length: 1_000 }, () => ({ userId: user, role: 'member' as const }));
  expect(
    sizeOfEntry(entry({ ...changes['thread-created'], kind: 'thread-created', members } as Change)),
  ).toBeGreaterThan(10_000);
});
