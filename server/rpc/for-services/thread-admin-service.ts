import { ThreadAdminServiceService } from '#proto/parley/service/v1/thread_admin_service.ts';
import type { Chat } from '../../chat/chat.ts';
import { parseClientId, parseThreadId, parseUserId, systemUser } from '../../core/ids.ts';
import { bodyFromProto } from '../convert/content.ts';
import { timeToProto } from '../convert/time.ts';
import { maxFirstMembers, maxNameBytes } from '../group-service.ts';
import type { ServiceHandlers } from '../service.ts';
import { parseName, parseOptionalSequence, parseUserIds } from '../validate.ts';
import type { Touched } from './audit.ts';
import type { Guard } from './guard.ts';
import { type ServiceCaller, speakerOf } from './service-caller.ts';

export function threadAdminHandlers(
  { groups, openThread, sendMessage }: Pick<Chat, 'groups' | 'openThread' | 'sendMessage'>,
  guard: Guard,
): ServiceHandlers<ThreadAdminServiceService, ServiceCaller> {
  const of = ThreadAdminServiceService;
  return {
    openDirectThread: guard('threads', of.openDirectThread, async (request, caller, touch) => {
      const users = parseUserIds(request.userIds, 1, 2, 'user_ids');
      touch({ users });
      const [one = systemUser, other = one] = users;
      const threadId = await openThread.between(caller, one, other);
      touch({ thread: threadId });
      return { threadId };
    }),
    createGroup: guard('threads', of.createGroup, async (request, caller, touch) => {
      const requestId = parseClientId(request.requestId, 'request_id');
      touch({ requestId });
      const owner = parseUserId(request.ownerId, 'owner_id');
      const members = parseUserIds(request.memberIds, 0, maxFirstMembers, 'member_ids');
      touch({ users: [owner, ...members] });
      const name = parseName(request.name, 1, maxNameBytes, 'name');
      const { historyForNewMembers } = request;
      const threadId = await openThread.group(caller, { requestId, owner, name, members, historyForNewMembers });
      touch({ thread: threadId });
      return { threadId };
    }),
    addMembers: guard('threads', of.addMembers, async (request, caller, touch) => {
      const { thread, requestId } = idsOf(request, touch);
      const users = parseUserIds(request.userIds, 1, 100, 'user_ids');
      touch({ users });
      const sequence = await groups.add(caller, thread, requestId, users);
      touch({ sequence });
      return { sequence };
    }),
    removeMember: guard('threads', of.removeMember, async (request, caller, touch) => {
      const { thread, requestId } = idsOf(request, touch);
      const user = parseUserId(request.userId);
      touch({ users: [user] });
      const sequence = await groups.remove(caller, thread, requestId, user);
      touch({ sequence });
      return { sequence };
    }),
    sendMessage: guard('messages', of.sendMessage, async (request, caller, touch) => {
      const threadId = parseThreadId(request.threadId);
      const clientMessageId = parseClientId(request.clientMessageId);
      touch({ thread: threadId, requestId: clientMessageId });
      const speaker = speakerOf(caller, request.sender);
      if (speaker.userId !== systemUser) touch({ onBehalfOf: speaker.userId });
      const outcome = await sendMessage.send(speaker, {
        threadId,
        clientMessageId,
        // What the service had been told of the thread is not asked: where to look for a repeat is found without.
        knownHead: 0n,
        expectedSequence: undefined,
        replyTo: parseOptionalSequence(request.replyTo, 'reply_to'),
        body: bodyFromProto(request),
      });
      const { sequence, ordinal, epoch, createTimeMs, duplicate } = outcome;
      touch({ sequence });
      return { sequence, ordinal, epoch, createTime: timeToProto(createTimeMs), duplicate };
    }),
  };
}

function idsOf(request: { readonly threadId: string; readonly requestId: string }, touch: (ids: Touched) => void) {
  const thread = parseThreadId(request.threadId);
  const requestId = parseClientId(request.requestId, 'request_id');
  touch({ thread, requestId });
  return { thread, requestId };
}
