import type { Path } from '../../clients/core/methods.ts';
import { type Caller } from '../../server/chat/caller.ts';
import type { Chat } from '../../server/chat/chat.ts';
import { groupHandlers } from '../../server/rpc/group-service.ts';
import { historyHandlers } from '../../server/rpc/history-service.ts';
import { messageHandlers } from '../../server/rpc/message-service.ts';
import { peopleHandlers } from '../../server/rpc/people-service.ts';
import { receiptHandlers } from '../../server/rpc/receipt-service.ts';
import { threadHandlers } from '../../server/rpc/thread-service.ts';

type Handler = (request: never, caller: Caller) => Promise<unknown>;
export type UnaryHandlers = ReadonlyMap<Path, Handler>;

/** What serves each unary call, by its path. */
export function unaryHandlers(chat: Chat): UnaryHandlers {
  const services = {
    GroupService: groupHandlers(chat),
    HistoryService: historyHandlers(chat),
    MessageService: messageHandlers(chat),
    PeopleService: peopleHandlers(chat),
    ReceiptService: receiptHandlers(chat),
    ThreadService: threadHandlers(chat),
  };
  const handlers = new Map<Path, Handler>();
  for (const [service, methods] of Object.entries(services)) {
    for (const [name, handler] of Object.entries(methods)) {
      const method = name.charAt(0).toUpperCase() + name.slice(1);
      handlers.set(`/parley.v1.${service}/${method}` as Path, handler as Handler);
    }
  }
  return handlers;
}
