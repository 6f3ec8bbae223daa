import type { RetentionServiceService } from '#proto/parley/v1/retention_service.ts';
import type { Chat } from '../chat/chat.ts';
import { parseThreadId } from '../core/ids.ts';
import { retentionFromProto, retentionToProto } from './convert/retention.ts';
import { timeToProto } from './convert/time.ts';
import type { ServiceHandlers } from './service.ts';
import { pageSize, required } from './validate.ts';

export function retentionHandlers({ retention }: Chat): ServiceHandlers<RetentionServiceService> {
  return {
    async setRetention(request, caller) {
      const threadId = parseThreadId(request.threadId);
      const asked = retentionFromProto(required(request.retention, 'retention'), 'retention');
      return { retention: retentionToProto(await retention.set(caller, threadId, asked)) };
    },
    async getRetention(request, caller) {
      const threadId = parseThreadId(request.threadId);
      const { pageToken } = request;
      const page = await retention.get(caller, threadId, { limit: pageSize(request.pageSize, 50, 200), pageToken });
      return {
        retention: retentionToProto(page.rule),
        heldMessages: page.held.map(({ sequence, waiting, endMs }) => ({
          sequence,
          waitingUserIds: [...waiting],
          expireTime: endMs === Infinity ? undefined : timeToProto(endMs),
        })),
        nextPageToken: page.nextPageToken,
      };
    },
  };
}
