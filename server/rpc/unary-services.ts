import { ChannelServiceService } from '#proto/parley/v1/channel_service.ts';
import { DeviceServiceService } from '#proto/parley/v1/device_service.ts';
import { GroupServiceService } from '#proto/parley/v1/group_service.ts';
import { HistoryServiceService } from '#proto/parley/v1/history_service.ts';
import { MessageServiceService } from '#proto/parley/v1/message_service.ts';
import { PeopleServiceService } from '#proto/parley/v1/people_service.ts';
import { PresenceServiceService } from '#proto/parley/v1/presence_service.ts';
import { ReceiptServiceService } from '#proto/parley/v1/receipt_service.ts';
import { RetentionServiceService } from '#proto/parley/v1/retention_service.ts';
import { ThreadServiceService } from '#proto/parley/v1/thread_service.ts';
import type { Chat } from '../chat/chat.ts';
import { channelHandlers } from './channel-service.ts';
import { deviceHandlers } from './device-service.ts';
import { groupHandlers } from './group-service.ts';
import { historyHandlers } from './history-service.ts';
import { messageHandlers } from './message-service.ts';
import { peopleHandlers } from './people-service.ts';
import { presenceHandlers } from './presence-service.ts';
import { receiptHandlers } from './receipt-service.ts';
import { retentionHandlers } from './retention-service.ts';
import { type CallContext, type Service, makeService } from './service.ts';
import { threadHandlers } from './thread-service.ts';

/** Every unary service of the API but StreamService, whose Submit belongs to its sessions. */
export function unaryServices(chat: Chat, call: CallContext): readonly Service[] {
  const context: CallContext = {
    ...call,
    async authenticate(metadata, trace) {
      const caller = await call.authenticate(metadata, trace);
      await chat.devices.refuseRemoved(caller.userId, caller.deviceId);
      await chat.profiles.noteClaims(caller);
      return caller;
    },
  };
  return [
    makeService(ThreadServiceService, threadHandlers(chat), context),
    makeService(GroupServiceService, groupHandlers(chat), context),
    makeService(MessageServiceService, messageHandlers(chat), context),
    makeService(HistoryServiceService, historyHandlers(chat), context),
    makeService(PeopleServiceService, peopleHandlers(chat), context),
    makeService(PresenceServiceService, presenceHandlers(chat), context),
    makeService(ReceiptServiceService, receiptHandlers(chat), context),
    makeService(ChannelServiceService, channelHandlers(chat), context),
    makeService(DeviceServiceService, deviceHandlers(chat), context),
    makeService(RetentionServiceService, retentionHandlers(chat), context),
  ];
}
