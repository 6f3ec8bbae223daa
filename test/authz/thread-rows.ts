// Calls about a thread.
import { NotificationLevel } from '#proto/parley/v1/notification.ts';
import { GroupServiceService } from '#proto/parley/v1/group_service.ts';
import { MemberRole } from '#proto/parley/v1/entry.ts';
import { HistoryServiceService, ListMessagesRequest } from '#proto/parley/v1/history_service.ts';
import {
  DeleteMessageRequest,
  EditMessageRequest,
  MessageServiceService,
  ReactRequest,
  SendMessageRequest,
} from '#proto/parley/v1/message_service.ts';
import { ReceiptServiceService } from '#proto/parley/v1/receipt_service.ts';
import { ThreadServiceService } from '#proto/parley/v1/thread_service.ts';
import { clientId, textContent } from '../support/raw-people.ts';
import { type Row, admins, everyone, members, readers, unary, writers } from './row.ts';

export const threadRows: readonly Row[] = [
  unary(ThreadServiceService.getThread, readers, ({ threadId }) => ({ threadId })),
  unary(ThreadServiceService.listMembers, members, ({ threadId }) => ({ threadId, pageSize: 0, pageToken: '' })),
  unary(ThreadServiceService.updateThreadSettings, readers, ({ threadId }) => ({
    threadId,
    settings: {
      muteUntilTime: undefined,
      pinned: false,
      archived: true,
      notificationLevel: NotificationLevel.NOTIFICATION_LEVEL_UNSPECIFIED,
    },
  })),
  unary(ThreadServiceService.openDirectThread, everyone, ({ other }) => ({ userId: other.id })),
  unary(
    ThreadServiceService.listThreads,
    everyone,
    () => ({
      pageSize: 200,
      pageToken: '',
      archived: false,
      notificationLevel: NotificationLevel.NOTIFICATION_LEVEL_UNSPECIFIED,
    }),
    ({ threads }, target) => {
      const listed = threads.find((thread) => thread.threadId === target.threadId);
      return listed === undefined || listed.role !== MemberRole.MEMBER_ROLE_UNSPECIFIED
        ? 'ok'
        : 'lists a foreign thread';
    },
  ),

  // With nobody that the other calls are about: who shares a group may see each other.
  unary(GroupServiceService.createGroup, everyone, () => ({
    requestId: clientId(),
    name: 'another',
    memberIds: ['somebody'],
    historyForNewMembers: false,
  })),
  unary(GroupServiceService.addMembers, admins, ({ threadId }) => ({
    threadId,
    requestId: clientId(),
    userIds: ['somebody'],
  })),
  unary(GroupServiceService.removeMember, admins, ({ threadId, other }) => ({
    threadId,
    requestId: clientId(),
    userId: other.id,
  })),
  unary(GroupServiceService.leaveGroup, { ...admins, member: 'ok' }, ({ threadId }) => ({
    threadId,
    requestId: clientId(),
  })),
  unary(GroupServiceService.setMemberRole, admins, ({ threadId }, caller) => ({
    threadId,
    requestId: clientId(),
    userId: caller.id,
    role: MemberRole.MEMBER_ROLE_OWNER,
  })),
  unary(GroupServiceService.updateGroup, admins, ({ threadId }) => ({
    threadId,
    requestId: clientId(),
    name: 'mine now',
    historyForNewMembers: true,
  })),

  unary(MessageServiceService.sendMessage, writers, ({ threadId }) =>
    SendMessageRequest.create({ threadId, clientMessageId: clientId(), content: textContent('x') }),
  ),
  unary(MessageServiceService.editMessage, writers, ({ threadId, own }) =>
    EditMessageRequest.create({
      threadId,
      clientMessageId: clientId(),
      targetSequence: own,
      content: textContent('y'),
    }),
  ),
  unary(MessageServiceService.deleteMessage, members, ({ threadId, own }) =>
    DeleteMessageRequest.create({ threadId, clientMessageId: clientId(), targetSequence: own }),
  ),
  unary(MessageServiceService.react, writers, ({ threadId, others }) =>
    ReactRequest.create({ threadId, clientMessageId: clientId(), targetSequence: others, emoji: '👍' }),
  ),

  unary(
    HistoryServiceService.listMessages,
    readers,
    ({ threadId }) => ListMessagesRequest.create({ threadId, pageSize: 200 }),
    ({ messages, head }, { others, hidden }) => {
      if (!messages.some(({ sequence }) => sequence === others)) return 'hides what may be read';
      const last = hidden === others ? hidden : hidden - 1n;
      return [head?.sequence ?? 0n, ...messages.map(({ sequence }) => sequence)].every((one) => one <= last)
        ? 'ok'
        : 'tells what came later';
    },
  ),
  unary(HistoryServiceService.getMessage, readers, ({ threadId, others }) => ({ threadId, sequence: others })),
  unary(
    HistoryServiceService.listEntries,
    readers,
    ({ threadId }) => ({ threadId, afterSequence: 0n, upToSequence: 0n, pageSize: 0 }),
    ({ entries }, { others, hidden }) =>
      entries.every(({ sequence }) => sequence < hidden || hidden === others) ? 'ok' : 'tells what came later',
  ),

  unary(ReceiptServiceService.acknowledge, readers, ({ threadId, others }) => ({
    deviceId: 'd1',
    positions: [{ threadId, upToSequence: others }],
  })),
  unary(ReceiptServiceService.markRead, readers, ({ threadId, others }) => ({
    positions: [{ threadId, upToSequence: others }],
  })),
  unary(ReceiptServiceService.listReceipts, members, ({ threadId }) => ({ threadId, pageSize: 0, pageToken: '' })),
];
