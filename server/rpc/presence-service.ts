import type { PresenceServiceService } from '#proto/parley/v1/presence_service.ts';
import type { Chat } from '../chat/chat.ts';
import { presenceToProto } from './convert/head.ts';
import type { ServiceHandlers } from './service.ts';
import { parseUserIds } from './validate.ts';

export function presenceHandlers({ presences }: Chat): ServiceHandlers<PresenceServiceService> {
  return {
    async batchGetPresences(request, caller) {
      const users = parseUserIds(request.userIds, 1, 200, 'user_ids');
      const all = await presences.get(caller.userId, users, caller.signal);
      return { presences: all.map(presenceToProto) };
    },
  };
}
