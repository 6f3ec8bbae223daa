import type { GroupServiceService } from '#proto/parley/v1/group_service.ts';
import type { Chat } from '../chat/chat.ts';
import { parseClientId, parseThreadId, parseUserId } from '../core/ids.ts';
import { roleFromProto } from './convert/words.ts';
import { threadToProto } from './convert/thread.ts';
import type { ServiceHandlers } from './service.ts';
import { parseName, parseUserIds } from './validate.ts';

/** Of a group's name. */
export const maxNameBytes = 200;
/** Longer lists are refused before the cap is looked at: they would be over any. */
export const maxFirstMembers = 100_000;

export function groupHandlers({ groups, openThread, threads }: Chat): ServiceHandlers<GroupServiceService> {
  const idsOf = ({ threadId, requestId }: { readonly threadId: string; readonly requestId: string }) =>
    [parseThreadId(threadId), parseClientId(requestId, 'request_id')] as const;
  return {
    async createGroup(request, caller) {
      const threadId = await openThread.group(caller, {
        requestId: parseClientId(request.requestId, 'request_id'),
        name: parseName(request.name, 1, maxNameBytes, 'name'),
        members: parseUserIds(request.memberIds, 0, maxFirstMembers, 'member_ids'),
        historyForNewMembers: request.historyForNewMembers,
      });
      return { thread: threadToProto(await threads.get(caller, threadId)) };
    },
    async addMembers(request, caller) {
      const [threadId, requestId] = idsOf(request);
      const users = parseUserIds(request.userIds, 1, 100, 'user_ids');
      return { sequence: await groups.add(caller, threadId, requestId, users) };
    },
    async removeMember(request, caller) {
      const [threadId, requestId] = idsOf(request);
      return { sequence: await groups.remove(caller, threadId, requestId, parseUserId(request.userId)) };
    },
    async leaveGroup(request, caller) {
      const [threadId, requestId] = idsOf(request);
      return { sequence: await groups.leave(caller, threadId, requestId) };
    },
    async setMemberRole(request, caller) {
      const [threadId, requestId] = idsOf(request);
      const userId = parseUserId(request.userId);
      const role = roleFromProto(request.role, 'role');
      return { sequence: await groups.setRole(caller, threadId, requestId, userId, role) };
    },
    async updateGroup(request, caller) {
      const [threadId, requestId] = idsOf(request);
      const name = request.name === undefined ? undefined : parseName(request.name, 1, maxNameBytes, 'name');
      const { historyForNewMembers } = request;
      return { sequence: await groups.update(caller, threadId, requestId, { name, historyForNewMembers }) };
    },
  };
}
