import type { Attachment } from '#proto/parley/v1/entry.ts';
import type { RoutedSend as ProtoSend, RoutedSendResult } from '#proto/parley/internal/v1/node_service.ts';
import type { AppendOutcome } from '../../chat/draft.ts';
import type { RoutedResult, RoutedSend } from '../../chat/send-router.ts';
import type { SendMessage } from '../../chat/send-message.ts';
import { invalidField, Refusal } from '../../core/errors.ts';
import { type DeviceId, parseClientId, parseThreadId, type SessionId, type UserId } from '../../core/ids.ts';
import { bodyFromProto, contentToProto } from '../convert/content.ts';
import { timeFromProto, timeToProto } from '../convert/time.ts';
import { refusalFromProto, refusalOf, statusOf } from '../errors.ts';
import { parseOptionalSequence, required } from '../validate.ts';

/** Messages that one call takes. */
const maxSends = 128;

/** Appends here what came in at another node: a result for each, in their order. */
export type TakeSends = (sends: readonly ProtoSend[], signal?: AbortSignal) => Promise<RoutedSendResult[]>;

/** `report` logs a bug and gives the id under which it stands. */
export function makeTakeSends(sendMessage: SendMessage, report: (cause: unknown) => string): TakeSends {
  return (sends, signal) => {
    if (sends.length === 0 || sends.length > maxSends) throw invalidField('sends', `must be 1–${maxSends}`);
    return Promise.all(
      sends.map(async (send): Promise<RoutedSendResult> => {
        try {
          // Nothing is awaited before it has its place in the queue: so they keep their order.
          const outcome = await sendMessage.sendRouted(sendFromProto(send), signal);
          return { result: { $case: 'sent', value: sentToProto(send.send?.threadId ?? '', outcome) } };
        } catch (thrown) {
          return { result: { $case: 'error', value: statusOf(refusalOf(thrown, report)) } };
        }
      }),
    );
  };
}

export function sendToProto({ userId, deviceId, sessionId, draft }: RoutedSend): ProtoSend {
  const { threadId, clientMessageId, knownHead, expectedSequence, replyTo, body } = draft;
  const { content, mentions, attachments } = body;
  return {
    userId,
    deviceId,
    sessionId: sessionId ?? '',
    send: {
      threadId,
      clientMessageId,
      knownHead,
      expectedSequence,
      replyTo,
      mentionIds: mentions as unknown as string[],
      attachments: attachments as Attachment[],
      content: contentToProto(content),
    },
  };
}

/** @throws Refusal INVALID_FIELD, TOO_LARGE */
function sendFromProto({ userId, deviceId, sessionId, send: proto }: ProtoSend): RoutedSend {
  const send = required(proto, 'send');
  return {
    userId: userId as UserId,
    deviceId: deviceId as DeviceId,
    sessionId: sessionId === '' ? undefined : (sessionId as SessionId),
    draft: {
      threadId: parseThreadId(send.threadId, 'send.thread_id'),
      clientMessageId: parseClientId(send.clientMessageId, 'send.client_message_id'),
      knownHead: parseOptionalSequence(send.knownHead, 'send.known_head'),
      expectedSequence: send.expectedSequence,
      replyTo: parseOptionalSequence(send.replyTo, 'send.reply_to'),
      body: bodyFromProto(send, 'send.'),
    },
  };
}

function sentToProto(
  threadId: string,
  outcome: AppendOutcome,
): Extract<RoutedSendResult['result'], { $case: 'sent' }>['value'] {
  const { sequence, ordinal, epoch, createTimeMs, duplicate } = outcome;
  return { threadId, sequence, ordinal, epoch, createTime: timeToProto(createTimeMs), duplicate };
}

/** What another node said of a send. */
export function resultFromProto({ result }: RoutedSendResult): RoutedResult {
  if (result?.$case === 'sent') {
    const { sequence, ordinal, epoch, createTime, duplicate } = result.value;
    return { sequence, ordinal, epoch, createTimeMs: timeFromProto(createTime, 'create_time'), duplicate };
  }
  const refusal = result === undefined ? undefined : refusalFromProto(result.value);
  // A reason that this release does not know: the client is told to try again, by the same id.
  return refusal ?? new Refusal('STORE_UNAVAILABLE', 'another node could not append it: try again');
}
