import type { MessageServiceService } from '#proto/parley/v1/message_service.ts';
import type { Caller } from '../chat/caller.ts';
import type { Chat } from '../chat/chat.ts';
import type { Target } from '../chat/messages.ts';
import { Refusal } from '../core/errors.ts';
import { noDevice, parseClientId, parseDeviceId, parseThreadId } from '../core/ids.ts';
import { bodyFromProto } from './convert/content.ts';
import { timeToProto } from './convert/time.ts';
import type { ServiceHandlers } from './service.ts';
import { parseEmoji, parseOptionalSequence, parseSequence } from './validate.ts';

export function messageHandlers({ messages, sendMessage }: Chat): ServiceHandlers<MessageServiceService> {
  return {
    async sendMessage(request, caller) {
      const { expectedSequence } = request;
      const outcome = await sendMessage.send(withDevice(caller, request.deviceId), {
        threadId: parseThreadId(request.threadId),
        clientMessageId: parseClientId(request.clientMessageId),
        knownHead: parseOptionalSequence(request.knownHead, 'known_head'),
        expectedSequence:
          expectedSequence === undefined ? undefined : parseSequence(expectedSequence, 'expected_sequence'),
        replyTo: parseOptionalSequence(request.replyTo, 'reply_to'),
        body: bodyFromProto(request),
      });
      const { sequence, ordinal, epoch, createTimeMs, duplicate } = outcome;
      return { sequence, ordinal, epoch, createTime: timeToProto(createTimeMs), duplicate };
    },
    async editMessage(request, caller) {
      const target = targetOf(request);
      const body = bodyFromProto(request);
      return { sequence: await messages.edit(withDevice(caller, request.deviceId), target, body) };
    },
    async deleteMessage(request, caller) {
      const target = targetOf(request);
      return { sequence: await messages.delete(withDevice(caller, request.deviceId), target) };
    },
    async react(request, caller) {
      const target = targetOf(request);
      const emoji = parseEmoji(request.emoji);
      return { sequence: await messages.react(withDevice(caller, request.deviceId), target, emoji, request.removed) };
    },
  };
}

function targetOf(request: {
  readonly threadId: string;
  readonly clientMessageId: string;
  readonly targetSequence: bigint;
}): Target {
  return {
    threadId: parseThreadId(request.threadId),
    clientMessageId: parseClientId(request.clientMessageId),
    sequence: parseSequence(request.targetSequence, 'target_sequence'),
  };
}

/** The caller on the device that the request names. @throws Refusal INVALID_FIELD, TOKEN_INVALID */
export function withDevice(caller: Caller, deviceId: string): Caller {
  if (deviceId === '' || deviceId === caller.deviceId) return caller;
  const device = parseDeviceId(deviceId);
  if (caller.deviceId !== noDevice) throw new Refusal('TOKEN_INVALID', 'the token is bound to another device');
  return { ...caller, deviceId: device };
}
