import type { ThreadServiceService } from '#proto/parley/v1/thread_service.ts';
import type { Chat } from '../chat/chat.ts';
import { parseThreadId, parseUserId } from '../core/ids.ts';
import { settingsFromProto, settingsToProto, threadMemberToProto, threadToProto } from './convert/thread.ts';
import type { ServiceHandlers } from './service.ts';
import { pageSize, required } from './validate.ts';

export function threadHandlers(chat: Chat): ServiceHandlers<ThreadServiceService> {
  const { openThread, people, threadList, threads } = chat;
  return {
    async openDirectThread(request, caller) {
      const threadId = await openThread.direct(caller, parseUserId(request.userId));
      return { thread: threadToProto(await threads.get(caller, threadId)) };
    },
    async getThread(request, caller) {
      return { thread: threadToProto(await threads.get(caller, parseThreadId(request.threadId))) };
    },
    async listThreads({ pageToken, archived, ...request }, caller) {
      const limit = pageSize(request.pageSize, 50, 200);
      const page = await threadList.list(caller, { limit, pageToken, archived });
      return { threads: page.threads.map(threadToProto), nextPageToken: page.nextPageToken };
    },
    async listMembers({ pageToken, ...request }, caller) {
      const threadId = parseThreadId(request.threadId);
      const limit = pageSize(request.pageSize, 100, 500);
      const page = await people.members(caller, threadId, { limit, pageToken });
      return { members: page.members.map(threadMemberToProto), nextPageToken: page.nextPageToken };
    },
    async updateThreadSettings(request, caller) {
      const threadId = parseThreadId(request.threadId);
      const settings = settingsFromProto(required(request.settings, 'settings'), 'settings');
      return { settings: settingsToProto(await threads.setSettings(caller, threadId, settings)) };
    },
  };
}
