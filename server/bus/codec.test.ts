import { Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import type { Change } from '../core/entry.ts';
import type { BusEvent } from '../core/event.ts';
import type { Comment } from '../core/comment.ts';
import type { ChannelId, DeviceId, LogId, SessionId, ThreadId, UserId } from '../core/ids.ts';
import { commentOf, decodeEvent, encodeCommentStart, encodeEvent, encodeStart } from './codec.ts';

const threadId = 'g_1' as ThreadId;
const userId = 'änn {x}' as UserId;
const deviceId = 'phone' as DeviceId;
const sessionId = 'n1.s' as SessionId;
const head = { epoch: (1n << 62n) + 1n, sequence: 9n, ordinal: 7n, membersSequence: 1n, activityMs: 1_767_000_000_123 };
const body = { content: { text: 'hé\u0000' }, mentions: [userId], attachments: [] };

const channelId = 'post:1' as ChannelId;
const comment: Comment = {
  number: 41n,
  senderId: userId,
  clientMessageId: 'id',
  text: 'hé\u0000',
  createTimeMs: 1_767_000_000_123,
  replyTo: 7n,
  replyToSenderId: 'bob' as UserId,
  mentions: [userId],
  moderator: true,
  deleted: false,
};

const changes: Change[] = [
  { kind: 'message', replyTo: 0n, body, editSequence: 2n, deleteSequence: 0n },
  {
    kind: 'message-edited',
    target: 3n,
    body: { content: { opaque: Uint8Array.of(0, 255), contentType: 'a/b' }, mentions: [], attachments: [] },
  },
  { kind: 'message-deleted', target: 3n },
  { kind: 'reaction-changed', target: 3n, emoji: '👍', removed: false },
  {
    kind: 'thread-created',
    threadKind: 'group',
    members: [{ userId, role: 'owner' }],
    name: 'n',
    historyForNewMembers: true,
  },
  { kind: 'member-added', userId, role: 'admin' },
  { kind: 'member-removed', userId },
  { kind: 'role-changed', userId, role: 'member' },
  { kind: 'group-changed', name: '', historyForNewMembers: false },
  { kind: 'thread-added', threadId },
  { kind: 'thread-removed', threadId },
  { kind: 'thread-settings-changed', threadId, muteUntilMs: 2 ** 41, pinned: true, archived: false },
  { kind: 'block-changed', userId, blocked: true },
  { kind: 'profile-changed', displayName: 'A', avatarUrl: '' },
  { kind: 'account-settings-changed', directPolicy: 'nobody', readPrivately: true, hidePresence: false },
  { kind: 'device-changed', deviceId, removed: true },
];

function entryOf(change: Change) {
  return {
    sequence: 1n << 40n,
    ordinal: 1n,
    senderId: userId,
    deviceId,
    clientMessageId: 'id',
    createTimeMs: 5,
    change,
  };
}

const events: BusEvent[] = [
  { type: 'entries', threadId, head, entries: changes.map(entryOf), origin: sessionId },
  { type: 'entries', threadId, head, entries: [], origin: undefined },
  { type: 'user-entries', userId, head, entries: changes.map(entryOf) },
  {
    type: 'positions',
    threadId,
    positions: [{ userId, delivered: 9n, read: 0n, readOrdinal: 1n, readPrivately: true, origin: undefined }],
  },
  { type: 'typing', threadId, userId, active: true, origin: sessionId },
  { type: 'presence', presence: { userId, state: 'offline', lastSeenMs: 1_767_000_000_000, asOfMs: 6 } },
  { type: 'session-opened', userId, deviceId, sessionId, startMs: 1_767_000_000_000, handOver: true },
  { type: 'session-caught-up', userId, deviceId, sessionId },
  { type: 'heads', heads: [{ log: 'u:ann' as LogId, head }] },
  {
    type: 'comments',
    channelId,
    epoch: 1_767_000_000_000n,
    comments: [
      comment,
      { ...comment, number: 42n, replyTo: 0n, replyToSenderId: '' as UserId, mentions: [], moderator: false },
      { ...comment, number: 43n, text: '', deleted: true },
    ],
    second: 1_767_000_000,
    perSecond: 3,
  },
  { type: 'comment-deleted', channelId, epoch: 1_767_000_000_000n, number: 1n << 40n },
  { type: 'channel-changed', channelId },
];

const packr = new Packr({ useRecords: false, int64AsType: 'bigint' });

function withFields(event: BusEvent, change: (fields: unknown[]) => void): Buffer {
  const bytes = encodeEvent(event);
  const fields = packr.unpack(bytes.subarray(2)) as unknown[];
  change(fields);
  return Buffer.concat([bytes.subarray(0, 2), packr.pack(fields)]);
}

describe('events on the bus', () => {
  test.each(events.map((event) => [event.type, event] as const))('%s comes back as it was', (_, event) => {
    expect(decodeEvent(encodeEvent(event))).toEqual(event);
  });

  test('room is left before the bytes for who sends them', () => {
    const [event] = events as [BusEvent];
    expect(decodeEvent(encodeEvent(event, 5).subarray(5))).toEqual(event);
  });

  test('what one event says does not change with the next one that is made', () => {
    const bytes = events.map((event) => encodeEvent(event));
    expect(bytes.map((one) => decodeEvent(one))).toEqual(events);
  });

  test('a version or a kind that is not known is left out', () => {
    const bytes = encodeEvent(events[0] as BusEvent);
    expect(decodeEvent(Buffer.from([2, ...bytes.subarray(1)]))).toBeUndefined();
    expect(decodeEvent(Buffer.from([1, 200, ...bytes.subarray(2)]))).toBeUndefined();
    expect(decodeEvent(Buffer.alloc(0))).toBeUndefined();
  });

  test('fields that a later release added at the end are left out', () => {
    for (const event of events) {
      const later = withFields(event, (fields) => fields.push({ more: 1 }));
      expect(decodeEvent(later)).toEqual(event);
    }
  });

  test('entries of which one has a change that is not known are left out together', () => {
    const later = withFields(events[0] as BusEvent, (fields) => {
      const entries = fields[3] as unknown[][];
      (entries[1] as unknown[])[6] = { kind: 'poll-opened' };
    });
    expect(decodeEvent(later)).toBeUndefined();
  });

  test('bytes that are no event are an error, not an event', () => {
    const bytes = encodeEvent(events[0] as BusEvent);
    expect(() => decodeEvent(bytes.subarray(0, bytes.length - 9))).toThrow(/./);
    expect(() => decodeEvent(Buffer.from([1, 1, 0xc1]))).toThrow(/./);
  });

  test('opaque content does not hold on to the bytes it came with', () => {
    const event = decodeEvent(encodeEvent(events[0] as BusEvent));
    const [, edited] = event?.type === 'entries' ? event.entries : [];
    const content = edited?.change.kind === 'message-edited' ? edited.change.body.content : undefined;
    expect(content !== undefined && 'opaque' in content ? content.opaque.buffer.byteLength : 0).toBe(2);
  });

  describe('that a script completes', () => {
    const epoch = 1_767_000_000_000n;
    const number = (value: bigint): Buffer => {
      const bytes = Buffer.alloc(9, 0xcf);
      bytes.writeBigUInt64BE(value, 1);
      return bytes;
    };

    test('comments are read as if they had been published whole', () => {
      const comments = [comment, { ...comment, number: 42n, mentions: [], replyToSenderId: '' as UserId }];
      const bytes = Buffer.concat([
        encodeStart('comments', channelId, 8),
        ...[epoch, 41n, 1_767_000_000n, 3n].map(number),
        Buffer.of(0xdc, 0, comments.length),
        ...comments.flatMap((one) => [
          encodeCommentStart({ ...one, fingerprint: 'f', slowModeMs: 5 }),
          number(BigInt(one.createTimeMs)),
          packr.pack(one.replyToSenderId),
        ]),
      ]);
      expect([...bytes.subarray(0, 8)]).toEqual(Array(8).fill(0));
      expect(decodeEvent(bytes.subarray(8))).toEqual({
        type: 'comments',
        channelId,
        epoch,
        comments,
        second: 1_767_000_000,
        perSecond: 3,
      });
    });

    test('a deletion is read as if it had been published whole', () => {
      const bytes = Buffer.concat([encodeStart('comment-deleted', channelId), number(epoch), number(41n)]);
      expect(decodeEvent(bytes)).toEqual({ type: 'comment-deleted', channelId, epoch, number: 41n });
    });

    test('a channel id of any length fits', () => {
      for (const length of [1, 31, 32, 128]) {
        const long = 'x'.repeat(length) as ChannelId;
        const bytes = Buffer.concat([encodeStart('comment-deleted', long), number(epoch), number(41n)]);
        expect(decodeEvent(bytes)).toMatchObject({ channelId: long, number: 41n });
      }
    });

    test('a comment is read also with 1 for true and null for false', () => {
      const { senderId, clientMessageId, text, mentions, createTimeMs, replyToSenderId } = comment;
      const fields = [senderId, clientMessageId, text, 7, mentions, 1, null, createTimeMs, replyToSenderId];
      expect(commentOf(fields, 41n)).toEqual(comment);
    });
  });
});
