import { NotificationAdminServiceService } from '#proto/parley/service/v1/notification_admin_service.ts';
import type { NotificationAdmin } from '../../chat/notifications/admin.ts';
import { invalidField } from '../../core/errors.ts';
import { timeToProto } from '../convert/time.ts';
import type { ServiceHandlers } from '../service.ts';
import { pageSize } from '../validate.ts';
import type { Guard } from './guard.ts';
import type { ServiceCaller } from './service-caller.ts';

/** As long as the id of any job: a user id, a thread's and a device's. */
const maxIdBytes = 400;

export function notificationAdminHandlers(
  admin: NotificationAdmin,
  guard: Guard,
): ServiceHandlers<NotificationAdminServiceService, ServiceCaller> {
  const of = NotificationAdminServiceService;
  return {
    getNotificationQueue: guard('notifications', of.getNotificationQueue, async () => {
      const { notifier, looks, waiting, dead } = await admin.counts();
      return { notifier, threads: BigInt(looks), waiting: BigInt(waiting), dead: BigInt(dead) };
    }),
    listDeadLetters: guard('notifications', of.listDeadLetters, async (request) => {
      const limit = pageSize(request.pageSize, 50, 200);
      const { letters, nextPageToken } = await admin.deadLetters(limit, request.pageToken);
      const deadLetters = letters.map(({ id, deadMs, userId, deviceId, threadId, sequence, tries, error }) => ({
        ...{ notificationId: id, userId, deviceId, threadId, sequence, tries, error },
        deadTime: timeToProto(deadMs),
      }));
      return { deadLetters, nextPageToken };
    }),
    retryDeadLetter: guard('notifications', of.retryDeadLetter, async ({ notificationId }, _, touch) => {
      if (!/^[\w-]+$/.test(notificationId) || notificationId.length > maxIdBytes) {
        throw invalidField('notification_id', 'must be one that ListDeadLetters gave');
      }
      touch({ requestId: notificationId });
      await admin.retry(notificationId);
      return {};
    }),
  };
}
