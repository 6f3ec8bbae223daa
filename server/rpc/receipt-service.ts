import type { ReceiptServiceService } from '#proto/parley/v1/receipt_service.ts';
import type { ThreadPosition as ProtoThreadPosition } from '#proto/parley/v1/stream_service.ts';
import type { Chat } from '../chat/chat.ts';
import type { ThreadPosition } from '../chat/positions.ts';
import { parseDeviceId, parseThreadId } from '../core/ids.ts';
import { optionalTimeToProto } from './convert/time.ts';
import { withDevice } from './message-service.ts';
import type { ServiceHandlers } from './service.ts';
import { counted, pageSize, parseOptionalSequence } from './validate.ts';

export function receiptHandlers({ positions }: Chat): ServiceHandlers<ReceiptServiceService> {
  return {
    async acknowledge(request, caller) {
      const deviceId = parseDeviceId(request.deviceId);
      await positions.acknowledge(withDevice(caller, deviceId), deviceId, positionsOf(request.positions));
      return {};
    },
    async markRead(request, caller) {
      await positions.markRead(caller, positionsOf(request.positions));
      return {};
    },
    async listReceipts({ pageToken, ...request }, caller) {
      const threadId = parseThreadId(request.threadId);
      const limit = pageSize(request.pageSize, 100, 500);
      const page = await positions.list(caller, threadId, { limit, pageToken });
      const receipts = page.receipts.map(({ userId, delivered, read, updateMs }) => ({
        userId,
        deliveredSequence: delivered,
        readSequence: read,
        updateTime: optionalTimeToProto(updateMs),
      }));
      return { receipts, nextPageToken: page.nextPageToken };
    },
  };
}

function positionsOf(list: readonly ProtoThreadPosition[]): ThreadPosition[] {
  return counted(list, 1, 256, 'positions').map(({ threadId, upToSequence }, index) => ({
    threadId: parseThreadId(threadId, `positions[${index}].thread_id`),
    upTo: parseOptionalSequence(upToSequence, `positions[${index}].up_to_sequence`),
  }));
}
