import type { HistoryServiceService, ListMessagesRequest } from '#proto/parley/v1/history_service.ts';
import type { Chat } from '../chat/chat.ts';
import type { Anchor } from '../chat/message-pages.ts';
import { parseThreadId } from '../core/ids.ts';
import { entryToProto } from './convert/entry.ts';
import { headToProto } from './convert/head.ts';
import { messageToProto } from './convert/thread.ts';
import { timeFromProto } from './convert/time.ts';
import type { ServiceHandlers } from './service.ts';
import { pageSize, parseOptionalSequence, parseSequence } from './validate.ts';

export function historyHandlers({ history, messagePages }: Chat): ServiceHandlers<HistoryServiceService> {
  return {
    async listMessages(request, caller) {
      const page = await messagePages.list(caller, {
        threadId: parseThreadId(request.threadId),
        limit: pageSize(request.pageSize, 50, 200),
        pageToken: request.pageToken,
        anchor: anchorOf(request.anchor),
      });
      const { olderPageToken, newerPageToken } = page;
      return {
        messages: page.messages.map(messageToProto),
        olderPageToken,
        newerPageToken,
        head: headToProto(page.head),
      };
    },
    async getMessage(request, caller) {
      const threadId = parseThreadId(request.threadId);
      const sequence = parseSequence(request.sequence, 'sequence');
      return { message: messageToProto(await history.message(caller, threadId, sequence)) };
    },
    async listEntries(request, caller) {
      const { entries, head } = await history.entries(caller, {
        threadId: parseThreadId(request.threadId),
        after: parseOptionalSequence(request.afterSequence, 'after_sequence'),
        upTo: parseOptionalSequence(request.upToSequence, 'up_to_sequence'),
        limit: pageSize(request.pageSize, 200, 1_000),
      });
      return { entries: entries.map(entryToProto), head: headToProto(head) };
    },
  };
}

/** @throws Refusal INVALID_FIELD */
function anchorOf(anchor: ListMessagesRequest['anchor']): Anchor | undefined {
  switch (anchor?.$case) {
    case undefined:
      return undefined;
    case 'beforeSequence':
      return { at: 'before', sequence: parseOptionalSequence(anchor.value, 'before_sequence') };
    case 'afterSequence':
      return { at: 'after', sequence: parseOptionalSequence(anchor.value, 'after_sequence') };
    case 'aroundSequence':
      return { at: 'around', sequence: parseOptionalSequence(anchor.value, 'around_sequence') };
    case 'aroundOrdinal':
      return { at: 'around-ordinal', ordinal: parseOptionalSequence(anchor.value, 'around_ordinal') };
    case 'aroundTime':
      return { at: 'around-time', timeMs: timeFromProto(anchor.value, 'around_time') };
  }
}
