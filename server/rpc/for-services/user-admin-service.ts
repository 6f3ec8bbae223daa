import { ErasureReport, UserAdminServiceService } from '#proto/parley/service/v1/user_admin_service.ts';
import type { Chat } from '../../chat/chat.ts';
import { parseClientId, parseUserId } from '../../core/ids.ts';
import type { ServiceHandlers } from '../service.ts';
import type { Guard } from './guard.ts';
import type { ServiceCaller } from './service-caller.ts';

export function userAdminHandlers(
  { eraseUser }: Pick<Chat, 'eraseUser'>,
  guard: Guard,
): ServiceHandlers<UserAdminServiceService, ServiceCaller> {
  return {
    eraseUser: guard('users', UserAdminServiceService.eraseUser, async (request, caller, touch) => {
      const requestId = parseClientId(request.requestId, 'request_id');
      touch({ requestId });
      const user = parseUserId(request.userId);
      touch({ users: [user] });
      const { done, threadsLeft, groups, ...counts } = await eraseUser.go(caller, user, requestId);
      const numbers = { ...counts, threadsLeft, groupsLeft: groups };
      const report = Object.fromEntries(Object.entries(numbers).map(([name, count]) => [name, BigInt(count)]));
      return { done, report: ErasureReport.fromPartial(report) };
    }),
  };
}
