import type { Draft } from '../core/draft.ts';
import type { Item } from '../core/fold.ts';
import { msOf } from '../core/times.ts';
import type { Chat } from './chat.ts';
import {
  bodyOf,
  changeOf,
  connectionLine,
  extrasOf,
  presenceMark,
  presenceText,
  ticksOf,
  timeOf,
} from './chat-lines.ts';
import type { ThreadRow } from './thread-rows.ts';
import type { ChatLine, OpenThread, ThreadLine, View } from './view.ts';

/** What only the front end knows. */
export type FrontState = Pick<View, 'editor' | 'scroll' | 'anchor' | 'top' | 'notice' | 'overlay' | 'colour'>;

/** Everything on the screen, from what the chat knows now. */
export function viewOf(chat: Chat, front: FrontState, me: string, nowMs: number): View {
  return {
    ...front,
    me,
    connection: connectionLine(chat.client.connection, chat.connectionForMs, chat.target),
    threads: chat.rows.list().map((row) => threadLine(chat, row, nowMs)),
    open: openThread(chat, nowMs),
  };
}

/** What a thread is called. */
export function titleOf(chat: Chat, threadId: string): string {
  const thread = chat.rows.get(threadId)?.thread;
  if (thread === undefined) return threadId;
  return thread.peerId === '' ? thread.name : chat.names.of(thread.peerId);
}

function threadLine(chat: Chat, row: ThreadRow, nowMs: number): ThreadLine {
  const { threadId, peerId, settings, head } = row.thread;
  const told = chat.client.head(threadId) !== undefined || chat.client.held(threadId) > 0n;
  return {
    name: titleOf(chat, threadId),
    mark: peerId === '' ? '#' : presenceMark(chat.client.presence(peerId)),
    // What no stream told of since the start stands as the list said.
    unread: told ? chat.client.unread(threadId) : Number(head?.unreadCount ?? 0n),
    isOpen: threadId === chat.openId,
    isMuted: (msOf(settings?.muteUntilTime) ?? 0) > nowMs,
  };
}

function openThread(chat: Chat, nowMs: number): OpenThread | undefined {
  const { open, client } = chat;
  if (open === undefined) return undefined;
  const { threadId } = open;
  const thread = chat.rows.get(threadId)?.thread;
  const items = client.items(threadId);
  const lines: ChatLine[] = [];
  const fresh = open.hadNews ? items.filter((item) => isFresh(item, open.readUpTo, client.userId)) : [];
  for (const item of items) {
    if (item === fresh[0]) lines.push({ kind: 'unread', count: fresh.length });
    lines.push(lineOf(chat, threadId, item));
  }
  for (const draft of client.drafts(threadId)) lines.push(draftLine(chat, draft, '…'));
  for (const { draft, error } of chat.failed.get(threadId) ?? []) {
    lines.push(draftLine(chat, draft, `✗ ${error.reason}`));
  }
  const members = thread?.memberCount ?? 0;
  const isMember = client.head(threadId)?.member ?? chat.rows.get(threadId)?.isMember ?? true;
  const group = isMember ? `${members} member${members === 1 ? '' : 's'}` : 'you are no member any more';
  return {
    title: titleOf(chat, threadId),
    subtitle: thread?.peerId ? presenceText(client.presence(thread.peerId), nowMs) : group,
    lines,
    hasBeginning: open.hasBeginning,
    typing: client.whoTypes(threadId).map((userId) => chat.names.of(userId)),
  };
}

function isFresh(item: Item, readUpTo: bigint, me: string): boolean {
  return item.kind === 'message' && item.sequence > readUpTo && item.message.senderId !== me;
}

function lineOf(chat: Chat, threadId: string, item: Item): ChatLine {
  const name = (userId: string): string => chat.names.of(userId);
  if (item.kind !== 'message') return { kind: 'note', at: item.sequence, text: changeOf(item.entry, name) };
  const { message } = item;
  const { client } = chat;
  const isMine = message.senderId === client.userId;
  return {
    kind: 'message',
    at: message.sequence,
    number: `#${message.sequence}`,
    time: timeOf(message.createTime),
    name: isMine ? 'you' : name(message.senderId),
    isMine,
    text: bodyOf(message),
    quote: message.replyTo === 0n ? '' : quoteOf(chat, threadId, message.replyTo),
    extras: extrasOf(message),
    ticks: isMine && message.deleteSequence === 0n ? ticksOf(client.ticks(threadId, message.sequence)) : '',
  };
}

function quoteOf(chat: Chat, threadId: string, sequence: bigint): string {
  const message = chat.client.message(threadId, sequence);
  return message === undefined ? `#${sequence}` : `#${sequence} ${chat.names.of(message.senderId)}: ${bodyOf(message)}`;
}

function draftLine(chat: Chat, draft: Draft, ticks: string): ChatLine {
  const body = draft.content?.body;
  return {
    kind: 'message',
    at: 0n,
    number: '',
    time: '--:--',
    name: 'you',
    isMine: true,
    text: body?.$case === 'text' ? body.value : '',
    quote: draft.replyTo === 0n ? '' : quoteOf(chat, draft.threadId, draft.replyTo),
    extras: '',
    ticks,
  };
}
