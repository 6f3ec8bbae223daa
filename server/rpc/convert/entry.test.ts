import { RetentionMode } from '#proto/parley/v1/retention.ts';
import { expect, test } from 'vitest';
import { UserEntry } from '#proto/parley/v1/account.ts';
import { Entry as ProtoEntry } from '#proto/parley/v1/entry.ts';
import type { Change, Entry, ThreadChange, UserChange } from '../../core/entry.ts';
import type { DeviceId, ThreadId, UserId } from '../../core/ids.ts';
import { entryToProto } from './entry.ts';
import { userEntryToProto } from './user-entry.ts';

const bob = 'bob' as UserId;
const entryOf = (change: Change): Entry => ({
  sequence: 2n ** 62n,
  ordinal: 9n,
  senderId: 'alice' as UserId,
  deviceId: 'phone' as DeviceId,
  clientMessageId: 'c1',
  createTimeMs: 1_767_614_400_123,
  change,
});
const threadId = 'g_x' as ThreadId;
const body = { content: { text: 'hi' }, mentions: [bob], attachments: [] };

const threadChanges: Record<ThreadChange['kind'], [ThreadChange, unknown]> = {
  message: [
    { kind: 'message', replyTo: 4n, body, editSequence: 5n, deleteSequence: 0n },
    {
      $case: 'message',
      value: {
        content: { body: { $case: 'text', value: 'hi' }, contentType: '' },
        replyTo: 4n,
        mentionIds: ['bob'],
        attachments: [],
        editSequence: 5n,
        deleteSequence: 0n,
        erased: false,
      },
    },
  ],
  'message-edited': [
    { kind: 'message-edited', target: 3n, body: { mentions: [], attachments: [] } },
    { $case: 'messageEdited', value: { targetSequence: 3n, content: undefined, mentionIds: [], attachments: [] } },
  ],
  'message-deleted': [
    { kind: 'message-deleted', target: 3n },
    { $case: 'messageDeleted', value: { targetSequence: 3n } },
  ],
  'reaction-changed': [
    { kind: 'reaction-changed', target: 3n, emoji: '👍', removed: true },
    { $case: 'reactionChanged', value: { targetSequence: 3n, emoji: '👍', removed: true } },
  ],
  'thread-created': [
    {
      kind: 'thread-created',
      threadKind: 'group',
      members: [{ userId: bob, role: 'owner' }],
      name: 'tea',
      historyForNewMembers: true,
    },
    {
      $case: 'threadCreated',
      value: {
        threadKind: 2,
        members: [{ userId: 'bob', role: 3, joinSequence: 2n ** 62n }],
        name: 'tea',
        historyForNewMembers: true,
      },
    },
  ],
  'member-added': [
    { kind: 'member-added', userId: bob, role: 'member' },
    { $case: 'memberAdded', value: { userId: 'bob', role: 1 } },
  ],
  'member-removed': [
    { kind: 'member-removed', userId: bob },
    { $case: 'memberRemoved', value: { userId: 'bob' } },
  ],
  'role-changed': [
    { kind: 'role-changed', userId: bob, role: 'admin' },
    { $case: 'roleChanged', value: { userId: 'bob', role: 2 } },
  ],
  'group-changed': [
    { kind: 'group-changed', name: 'tea', historyForNewMembers: false },
    { $case: 'groupChanged', value: { name: 'tea', historyForNewMembers: false } },
  ],
  'retention-changed': [
    { kind: 'retention-changed', retention: { mode: 'until-delivered', durationS: 3_600 } },
    {
      $case: 'retentionChanged',
      value: {
        retention: {
          mode: RetentionMode.RETENTION_MODE_UNTIL_DELIVERED,
          duration: { seconds: 3_600n, nanos: 0 },
        },
      },
    },
  ],
};

test.each(Object.entries(threadChanges))('an entry %s reads on the wire as what it is', (_, [change, kind]) => {
  const bytes = ProtoEntry.encode(entryToProto(entryOf(change))).finish();
  expect(ProtoEntry.decode(bytes)).toEqual({
    sequence: 2n ** 62n,
    ordinal: 9n,
    senderId: 'alice',
    senderDeviceId: 'phone',
    clientMessageId: 'c1',
    createTime: { seconds: 1_767_614_400n, nanos: 123_000_000 },
    kind,
  });
});

test('opaque bytes are the same bytes on the wire', () => {
  const opaque = Buffer.from([0, 255, 128, 10]);
  const change: Change = {
    kind: 'message',
    replyTo: 0n,
    body: { content: { opaque, contentType: 'a/b' }, mentions: [], attachments: [] },
    editSequence: 0n,
    deleteSequence: 0n,
  };
  const { kind } = ProtoEntry.decode(ProtoEntry.encode(entryToProto(entryOf(change))).finish());
  const content = kind?.$case === 'message' ? kind.value.content : undefined;
  expect(content).toEqual({ body: { $case: 'opaque', value: opaque }, contentType: 'a/b' });
});

const userChanges: Record<UserChange['kind'], [UserChange, unknown]> = {
  'thread-added': [
    { kind: 'thread-added', threadId },
    { $case: 'threadAdded', value: { threadId } },
  ],
  'thread-removed': [
    { kind: 'thread-removed', threadId },
    { $case: 'threadRemoved', value: { threadId } },
  ],
  'thread-settings-changed': [
    {
      kind: 'thread-settings-changed',
      threadId,
      muteUntilMs: 0,
      pinned: true,
      archived: false,
      notificationLevel: 'mentions',
    },
    {
      $case: 'threadSettingsChanged',
      value: { threadId, muteUntilTime: undefined, pinned: true, archived: false, notificationLevel: 2 },
    },
  ],
  'block-changed': [
    { kind: 'block-changed', userId: bob, blocked: true },
    { $case: 'blockChanged', value: { userId: 'bob', blocked: true } },
  ],
  'profile-changed': [
    { kind: 'profile-changed', displayName: 'Bob', avatarUrl: '' },
    { $case: 'profileChanged', value: { displayName: 'Bob', avatarUrl: '' } },
  ],
  'account-settings-changed': [
    {
      kind: 'account-settings-changed',
      directPolicy: 'nobody',
      readPrivately: true,
      hidePresence: false,
      hideNotificationContent: true,
      quietHours: { startMinute: 1_320, endMinute: 420, timeZone: 'Asia/Tokyo' },
    },
    {
      $case: 'accountSettingsChanged',
      value: {
        directPolicy: 3,
        readPrivately: true,
        hidePresence: false,
        hideNotificationContent: true,
        notificationLevel: 0,
        quietHours: { startMinute: 1_320, endMinute: 420, timeZone: 'Asia/Tokyo' },
      },
    },
  ],
  'device-changed': [
    { kind: 'device-changed', deviceId: 'phone' as DeviceId, removed: true },
    { $case: 'deviceChanged', value: { deviceId: 'phone', removed: true } },
  ],
};

test.each(Object.entries(userChanges))(
  'an entry %s of the own log reads on the wire as what it is',
  (_, [change, kind]) => {
    const bytes = UserEntry.encode(userEntryToProto(entryOf(change))).finish();
    expect(UserEntry.decode(bytes)).toEqual({
      sequence: 2n ** 62n,
      createTime: { seconds: 1_767_614_400n, nanos: 123_000_000 },
      kind,
    });
  },
);
