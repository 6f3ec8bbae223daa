import { DeliveryClass as ProtoDeliveryClass, type Subscribe } from '#proto/parley/v1/stream_service.ts';
import type { Channel as ProtoChannel, Comment as ProtoComment } from '#proto/parley/v1/channel_service.ts';
import type { CommentDraft } from '../../chat/channels.ts';
import type { Comment } from '../../core/comment.ts';
import { invalidField } from '../../core/errors.ts';
import { parseClientId } from '../../core/ids.ts';
import type { Channel, DeliveryClass } from '../../delivery/channels/channel.ts';
import type { Resume } from '../../delivery/channels/channel-topic.ts';
import { parseDistinctUserIds, parseOptionalSequence } from '../validate.ts';
import { timeToProto } from './time.ts';

const maxTextBytes = 2_000;
const maxMentions = 10;
const defaultRate = 10;
const maxRate = 100;

export function commentToProto(comment: Comment, pinned = 0n): ProtoComment {
  const { number, senderId, text, createTimeMs, replyTo, mentions, moderator, deleted } = comment;
  return {
    number,
    senderId,
    text,
    createTime: timeToProto(createTimeMs),
    replyTo,
    mentionIds: [...mentions],
    moderator,
    pinned: number === pinned,
    deleted,
    clientMessageId: comment.clientMessageId,
    replyToSenderId: comment.replyToSenderId,
  };
}

export function channelToProto(channel: Channel): ProtoChannel {
  const { channelId, epoch, published, listeners, slowModeS, pinned, closed, historyCount, historyS } = channel;
  return {
    channelId,
    epoch,
    publishedCount: published,
    listenerCount: BigInt(listeners),
    slowModeSeconds: slowModeS,
    pinnedComment: pinned && commentToProto(pinned, pinned.number),
    closed,
    historyCount,
    historySeconds: historyS,
  };
}

/** @throws Refusal INVALID_FIELD */
export function commentFromProto(
  request: {
    readonly clientMessageId: string;
    readonly text: string;
    readonly replyTo: bigint;
    readonly mentionIds: readonly string[];
  },
  path = '',
): CommentDraft {
  const { text } = request;
  const bytes = Buffer.byteLength(text);
  if (bytes < 1 || bytes > maxTextBytes) throw invalidField(`${path}text`, `must be 1–${maxTextBytes} bytes of UTF-8`);
  return {
    clientMessageId: parseClientId(request.clientMessageId, `${path}client_message_id`),
    text,
    replyTo: parseOptionalSequence(request.replyTo, `${path}reply_to`),
    mentions: parseDistinctUserIds(request.mentionIds, maxMentions, `${path}mention_ids`),
  };
}

/** @throws Refusal INVALID_FIELD */
export function classFromProto({ deliveryClass, maxRate: rate }: Subscribe): DeliveryClass {
  switch (deliveryClass) {
    case ProtoDeliveryClass.DELIVERY_CLASS_SAMPLED:
      if (rate > maxRate) throw invalidField('subscribe.max_rate', `must be 1–${maxRate}, or 0 for ${defaultRate}`);
      return { kind: 'sampled', maxRate: rate === 0 ? defaultRate : rate };
    case ProtoDeliveryClass.DELIVERY_CLASS_LATEST:
      return { kind: 'latest' };
    default:
      return { kind: 'everything' };
  }
}

/** @throws Refusal INVALID_FIELD */
export function resumeFromProto({ afterNumber, epoch }: Subscribe): Resume | undefined {
  if (afterNumber === undefined) return undefined;
  return { epoch, after: parseOptionalSequence(afterNumber, 'subscribe.after_number') };
}
