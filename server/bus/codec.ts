import { Packr } from 'msgpackr';
import type { Comment, NewComment } from '../core/comment.ts';
import type { Change, Entry, Head } from '../core/entry.ts';
import type { BusEvent, LogHead, PositionChange } from '../core/event.ts';
import type { ChannelId, DeviceId, LogId, SessionId, ThreadId, UserId } from '../core/ids.ts';
import type { PresenceState } from '../core/presence.ts';

/**
 * Events as bytes, between nodes of two neighbouring releases: a version, a kind, then the fields of the kind as one
 * MessagePack array. A later release may add fields at the end of an array, keys to a change, and kinds; a reader leaves
 * out what it does not know. What an event that was left out said, the log repairs. Anything else needs a new version.
 */
const version = 1;

const kinds = {
  entries: 1,
  'user-entries': 2,
  positions: 3,
  typing: 4,
  presence: 5,
  'session-opened': 6,
  'session-caught-up': 7,
  heads: 8,
  comments: 9,
  'comment-deleted': 10,
  'channel-changed': 11,
} as const satisfies Record<BusEvent['type'], number>;

/** Events that scripts complete, and how many fields they have. */
const completed = { comments: 6, 'comment-deleted': 3 } as const;

const changes: Readonly<Record<Change['kind'], true>> = {
  message: true,
  'message-edited': true,
  'message-deleted': true,
  'reaction-changed': true,
  'thread-created': true,
  'member-added': true,
  'member-removed': true,
  'role-changed': true,
  'group-changed': true,
  'retention-changed': true,
  'thread-added': true,
  'thread-removed': true,
  'thread-settings-changed': true,
  'block-changed': true,
  'profile-changed': true,
  'account-settings-changed': true,
  'device-changed': true,
  'channel-changed': true,
  'moderator-changed': true,
  'restriction-changed': true,
  'erasure-moved': true,
};

type Packed = readonly unknown[];

/** Its buffer is used again: what it gives is copied. */
const packr = new Packr({ useRecords: false, int64AsType: 'bigint' });

/** The bytes of an event, behind `reserved` bytes that the caller fills. */
export function encodeEvent(event: BusEvent, reserved = 0): Buffer {
  const packed = packr.pack(fieldsOf(event));
  const bytes = Buffer.allocUnsafe(reserved + 2 + packed.length);
  bytes[reserved] = version;
  bytes[reserved + 1] = kinds[event.type];
  packed.copy(bytes, reserved + 2);
  return bytes;
}

/**
 * The bytes of an event up to where the number of an epoch follows, behind `reserved` bytes of zeros. For the scripts in
 * server/comments/lua, which append the rest of the fields.
 */
export function encodeStart(type: keyof typeof completed, channelId: ChannelId, reserved = 0): Buffer {
  const packed = packr.pack([channelId]);
  packed[0] = arrayOf(completed[type]);
  return Buffer.concat([Buffer.alloc(reserved), Buffer.of(version, kinds[type]), packed]);
}

/** A comment up to where `createTimeMs` and `replyToSenderId` follow: who numbers it appends them. */
export function encodeCommentStart(comment: NewComment): Buffer {
  const start = startOf(comment);
  const packed = Buffer.from(packr.pack(start));
  packed[0] = arrayOf(start.length + 2);
  return packed;
}

/** The first byte of an array of up to 15 in MessagePack. */
function arrayOf(length: number): number {
  return 0x90 | length;
}

/** Undefined for what this release does not know. Throws for bytes that are no event. */
export function decodeEvent(bytes: Buffer): BusEvent | undefined {
  if (bytes[0] !== version) return undefined;
  return eventOf(bytes[1], () => packr.unpack(bytes.subarray(2)) as never);
}

function fieldsOf(event: BusEvent): Packed {
  switch (event.type) {
    case 'entries':
      return [event.threadId, packHead(event.head), event.origin ?? null, event.entries.map(packEntry)];
    case 'user-entries':
      return [event.userId, packHead(event.head), event.entries.map(packEntry)];
    case 'positions':
      return [event.threadId, event.positions.map(packPosition)];
    case 'typing':
      return [event.threadId, event.userId, event.active, event.origin ?? null];
    case 'presence': {
      const { userId, state, lastSeenMs, asOfMs } = event.presence;
      return [userId, state, lastSeenMs, asOfMs];
    }
    case 'session-opened':
      return [event.userId, event.deviceId, event.sessionId, event.startMs, event.handOver];
    case 'session-caught-up':
      return [event.userId, event.deviceId, event.sessionId];
    case 'heads':
      return [event.heads.map(({ log, head }) => [log, packHead(head)])];
    case 'comments': {
      const { channelId, epoch, comments, second, perSecond } = event;
      return [channelId, epoch, comments[0]?.number ?? 0n, second, perSecond, comments.map(packComment)];
    }
    case 'comment-deleted':
      return [event.channelId, event.epoch, event.number];
    case 'channel-changed':
      return [event.channelId];
  }
}

function eventOf(kind: number | undefined, fields: () => never): BusEvent | undefined {
  switch (kind) {
    case kinds.entries: {
      const [threadId, head, origin, packed]: [ThreadId, Packed, SessionId | null, Packed[]] = fields();
      const entries = entriesOf(packed);
      return entries && { type: 'entries', threadId, head: headOf(head), entries, origin: origin ?? undefined };
    }
    case kinds['user-entries']: {
      const [userId, head, packed]: [UserId, Packed, Packed[]] = fields();
      const entries = entriesOf(packed);
      return entries && { type: 'user-entries', userId, head: headOf(head), entries };
    }
    case kinds.positions: {
      const [threadId, positions]: [ThreadId, Packed[]] = fields();
      return { type: 'positions', threadId, positions: positions.map(positionOf) };
    }
    case kinds.typing: {
      const [threadId, userId, active, origin]: [ThreadId, UserId, boolean, SessionId | null] = fields();
      return { type: 'typing', threadId, userId, active, origin: origin ?? undefined };
    }
    case kinds.presence: {
      const [userId, state, lastSeenMs, asOfMs]: [UserId, PresenceState, number, number] = fields();
      return { type: 'presence', presence: { userId, state, lastSeenMs, asOfMs } };
    }
    case kinds['session-opened']: {
      const [userId, deviceId, sessionId, startMs, handOver]: [UserId, DeviceId, SessionId, number, boolean] = fields();
      return { type: 'session-opened', userId, deviceId, sessionId, startMs, handOver };
    }
    case kinds['session-caught-up']: {
      const [userId, deviceId, sessionId]: [UserId, DeviceId, SessionId] = fields();
      return { type: 'session-caught-up', userId, deviceId, sessionId };
    }
    case kinds.heads: {
      const [heads]: [[LogId, Packed][]] = fields();
      return { type: 'heads', heads: heads.map(([log, head]): LogHead => ({ log, head: headOf(head) })) };
    }
    case kinds.comments: {
      const [channelId, epoch, first, second, perSecond, packed]: [
        ChannelId,
        bigint,
        bigint,
        number,
        number,
        Packed[],
      ] = fields();
      const comments = packed.map((one, at) => commentOf(one, BigInt(first) + BigInt(at)));
      return {
        type: 'comments',
        channelId,
        epoch: BigInt(epoch),
        comments,
        second: Number(second),
        perSecond: Number(perSecond),
      };
    }
    case kinds['comment-deleted']: {
      const [channelId, epoch, number]: [ChannelId, bigint, bigint] = fields();
      return { type: 'comment-deleted', channelId, epoch: BigInt(epoch), number: BigInt(number) };
    }
    case kinds['channel-changed']: {
      const [channelId]: [ChannelId] = fields();
      return { type: 'channel-changed', channelId };
    }
    default:
      return undefined;
  }
}

function packHead({ epoch, sequence, ordinal, membersSequence, activityMs }: Head): Packed {
  return [epoch, sequence, ordinal, membersSequence, activityMs];
}

function headOf(packed: Packed): Head {
  const [epoch, sequence, ordinal, membersSequence, activityMs] = packed as [bigint, bigint, bigint, bigint, number];
  return { epoch, sequence, ordinal, membersSequence, activityMs };
}

function packEntry(entry: Entry): Packed {
  const { sequence, ordinal, senderId, deviceId, clientMessageId, createTimeMs, change } = entry;
  return [sequence, ordinal, senderId, deviceId, clientMessageId, createTimeMs, change];
}

/** Undefined when one of them has a change that this release does not know: the event is left out whole. */
function entriesOf(packed: readonly Packed[]): Entry[] | undefined {
  const entries: Entry[] = [];
  for (const fields of packed) {
    const [sequence, ordinal, senderId, deviceId, clientMessageId, createTimeMs, change] = fields as [
      ...[bigint, bigint, UserId, DeviceId, string, number, Change],
    ];
    if (!Object.hasOwn(changes, change.kind)) return undefined;
    entries.push({ sequence, ordinal, senderId, deviceId, clientMessageId, createTimeMs, change: own(change) });
  }
  return entries;
}

/** Opaque content is copied out: a view would hold on to the bytes that came with it. */
function own(change: Change): Change {
  if (change.kind !== 'message' && change.kind !== 'message-edited') return change;
  const { content } = change.body;
  if (content === undefined || !('opaque' in content)) return change;
  return { ...change, body: { ...change.body, content: { ...content, opaque: Uint8Array.from(content.opaque) } } };
}

function packPosition({ userId, delivered, read, readOrdinal, readPrivately, origin }: PositionChange): Packed {
  return [userId, delivered, read, readOrdinal, readPrivately, origin ?? null];
}

function positionOf(packed: Packed): PositionChange {
  const [userId, delivered, read, readOrdinal, readPrivately, origin] = packed as [
    ...[UserId, bigint, bigint, bigint, boolean, SessionId | null],
  ];
  return { userId, delivered, read, readOrdinal, readPrivately, origin: origin ?? undefined };
}

/** Its number follows from its place: whoever numbers comments puts them together without looking into them. */
function packComment(comment: Comment): Packed {
  return [...startOf(comment), comment.createTimeMs, comment.replyToSenderId];
}

/** What is known before a comment has its number. */
function startOf(comment: NewComment | Comment): Packed {
  const { senderId, clientMessageId, text, replyTo, mentions, moderator } = comment;
  return [senderId, clientMessageId, text, replyTo, mentions, moderator, 'deleted' in comment && comment.deleted];
}

/** Reads a packed comment, also as a script of Redis has unpacked it: there 1 is true, and null is false. */
export function commentOf(packed: Packed, number: bigint): Comment {
  const [senderId, clientMessageId, text, replyTo, mentions, moderator, deleted, createTimeMs, replyToSenderId] =
    packed as [...[UserId, string, string, bigint | number, UserId[], unknown, unknown, number | bigint, UserId]];
  return {
    number,
    senderId,
    clientMessageId,
    text,
    createTimeMs: Number(createTimeMs),
    replyTo: BigInt(replyTo),
    replyToSenderId,
    mentions,
    moderator: Boolean(moderator),
    deleted: Boolean(deleted),
  };
}
