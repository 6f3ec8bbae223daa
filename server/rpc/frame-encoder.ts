import { BinaryWriter } from '@bufbuild/protobuf/wire';
import {
  OpenResponse,
  type ServerFrame,
  GoodbyeReason as ProtoGoodbyeReason,
  SkipReason as ProtoSkipReason,
} from '#proto/parley/v1/stream_service.ts';
import type { FrameEncoder, GoodbyeReason, OutFrame, ReplyResult, SkipReason } from '../delivery/frames.ts';
import { channelToProto, commentToProto } from './convert/comment.ts';
import { entryToProto } from './convert/entry.ts';
import { headToProto, presenceToProto } from './convert/head.ts';
import { durationToProto, optionalTimeToProto, timeToProto } from './convert/time.ts';
import { userEntryToProto } from './convert/user-entry.ts';
import { statusOf } from './errors.ts';

const skipReasons: Record<SkipReason, ProtoSkipReason> = {
  'window-full': ProtoSkipReason.SKIP_REASON_WINDOW_FULL,
  'backfill-limit': ProtoSkipReason.SKIP_REASON_BACKFILL_LIMIT,
  'not-retained': ProtoSkipReason.SKIP_REASON_NOT_RETAINED,
  'too-slow': ProtoSkipReason.SKIP_REASON_TOO_SLOW,
};

const goodbyeReasons: Record<GoodbyeReason, ProtoGoodbyeReason> = {
  draining: ProtoGoodbyeReason.GOODBYE_REASON_DRAINING,
  superseded: ProtoGoodbyeReason.GOODBYE_REASON_SUPERSEDED,
  'token-expired': ProtoGoodbyeReason.GOODBYE_REASON_TOKEN_EXPIRED,
  'heartbeat-missed': ProtoGoodbyeReason.GOODBYE_REASON_HEARTBEAT_MISSED,
  'too-slow': ProtoGoodbyeReason.GOODBYE_REASON_TOO_SLOW,
  protocol: ProtoGoodbyeReason.GOODBYE_REASON_PROTOCOL,
  'signed-out': ProtoGoodbyeReason.GOODBYE_REASON_SIGNED_OUT,
  failed: ProtoGoodbyeReason.GOODBYE_REASON_FAILED,
  'handed-over': ProtoGoodbyeReason.GOODBYE_REASON_HANDED_OVER,
};

/**
 * Makes an encoder: a frame as the bytes of an OpenResponse that holds it alone. Field 1 of OpenResponse is repeated, so several of these
 * one behind another are an OpenResponse that holds them all: frames are encoded once and put together by copying.
 */
export function makeFrameEncoder(): FrameEncoder {
  // One writer for all frames: it keeps its buffer, which a new one would have to grow each time (half of the work).
  let writer = new BinaryWriter();
  return (frame) => {
    try {
      const bytes = OpenResponse.encode({ frames: [{ frame: frameToProto(frame) }] }, writer).finish();
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    } catch (error) {
      // What was begun is not continued by the next frame.
      writer = new BinaryWriter();
      throw error;
    }
  };
}

function frameToProto(frame: OutFrame): ServerFrame['frame'] {
  switch (frame.type) {
    case 'reply':
      return { $case: 'reply', value: { requestId: frame.requestId, result: resultToProto(frame.result) } };
    case 'entries': {
      const { threadId, epoch } = frame;
      return { $case: 'entriesAppended', value: { threadId, epoch, entries: frame.entries.map(entryToProto) } };
    }
    case 'user-entries':
      return { $case: 'userEntriesAppended', value: { entries: frame.entries.map(userEntryToProto) } };
    case 'receipt':
      return {
        $case: 'receiptAdvanced',
        value: {
          threadId: frame.threadId,
          userId: frame.userId,
          deliveredSequence: frame.delivered,
          readSequence: frame.read,
        },
      };
    case 'receipt-counts':
      return {
        $case: 'receiptCounts',
        value: {
          threadId: frame.threadId,
          counts: frame.counts.map(({ sequence, delivered, read }) => ({
            sequence,
            deliveredCount: delivered,
            readCount: read,
          })),
          memberCount: frame.memberCount,
        },
      };
    case 'read': {
      const { threadId, read: readSequence, unread: unreadCount } = frame;
      return { $case: 'readAdvanced', value: { threadId, readSequence, unreadCount } };
    }
    case 'presences':
      return { $case: 'presenceChanged', value: { presences: frame.presences.map(presenceToProto) } };
    case 'typing': {
      const { threadId, userId, active } = frame;
      return { $case: 'typingChanged', value: { threadId, userId, active } };
    }
    case 'heads':
      return { $case: 'headsChanged', value: { heads: frame.heads.map(headToProto) } };
    case 'skipped': {
      const { threadId, from, to, heldUntilAcknowledged } = frame;
      const what =
        threadId === undefined
          ? ({ $case: 'userLog', value: true } as const)
          : ({ $case: 'threadId', value: threadId } as const);
      return { $case: 'skipped', value: { what, from, to, reason: skipReasons[frame.reason], heldUntilAcknowledged } };
    }
    case 'comments': {
      const { channelId, epoch, comments, from: fromNumber, to: toNumber, deleted } = frame;
      const shown = comments.map((comment) => commentToProto(comment));
      const deletedNumbers = deleted as bigint[];
      return {
        $case: 'commentBatch',
        value: { channelId, epoch, comments: shown, fromNumber, toNumber, deletedNumbers },
      };
    }
    case 'channel-skipped': {
      const { channelId, from, to } = frame;
      const what = { $case: 'channelId', value: channelId } as const;
      const reason = skipReasons[frame.reason];
      return { $case: 'skipped', value: { what, from, to, reason, heldUntilAcknowledged: false } };
    }
    case 'channel':
      return { $case: 'channelChanged', value: { channel: channelToProto(frame.channel) } };
    case 'channel-stats': {
      const { channelId, epoch, published, publishedPerSecond, shownPerSecond, listeners } = frame.stats;
      const counts = { publishedCount: published, listenerCount: BigInt(listeners) };
      return { $case: 'channelStats', value: { channelId, epoch, ...counts, publishedPerSecond, shownPerSecond } };
    }
    case 'caught-up': {
      const { userSequence } = frame;
      return { $case: 'caughtUp', value: { resumeToken: bufferOf(frame.resumeToken), userSequence } };
    }
    case 'heartbeat-reply': {
      const resumeToken = bufferOf(frame.resumeToken);
      return { $case: 'heartbeatReply', value: { serverTime: timeToProto(frame.nowMs), resumeToken } };
    }
    case 'welcome':
      return {
        $case: 'welcome',
        value: {
          sessionId: frame.sessionId,
          userId: frame.userId,
          serverTime: timeToProto(frame.nowMs),
          tokenExpireTime: optionalTimeToProto(frame.tokenExpiresMs),
          heartbeatInterval: durationToProto(frame.heartbeatIntervalMs),
          resumed: frame.resumed,
          limits: frame.limits,
          userEpoch: frame.userEpoch,
        },
      };
    case 'goodbye': {
      const { reason, reconnect, delayMs, jitterMs, message } = frame.goodbye;
      return {
        $case: 'goodbye',
        value: {
          reason: goodbyeReasons[reason],
          reconnect,
          delay: durationToProto(delayMs),
          jitter: durationToProto(jitterMs),
          message,
        },
      };
    }
  }
}

type ProtoResult = Extract<ServerFrame['frame'], { $case: 'reply' }>['value']['result'];

function resultToProto(result: ReplyResult): ProtoResult {
  switch (result.kind) {
    case 'done':
      return undefined;
    case 'sent': {
      const { threadId, sequence, ordinal, epoch, duplicate } = result;
      const createTime = timeToProto(result.createTimeMs);
      return { $case: 'send', value: { threadId, sequence, ordinal, epoch, createTime, duplicate } };
    }
    case 'commented': {
      const { channelId, number, epoch, duplicate } = result;
      const createTime = timeToProto(result.createTimeMs);
      return { $case: 'comment', value: { channelId, number, epoch, createTime, duplicate } };
    }
    case 'reauthenticated':
      return { $case: 'reauthenticate', value: { tokenExpireTime: timeToProto(result.tokenExpiresMs) } };
    case 'error':
      return { $case: 'error', value: statusOf(result.refusal) };
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
