import type { ReactNode, RefObject } from 'react';
import { useMemo, useRef } from 'react';
import type { Message, Thread } from '#proto/parley/v1/thread.ts';
import { textOf } from '../../core/fold.ts';
import type { Conversation } from '../store/conversation.ts';
import type { ComposerHandle } from './composer.tsx';
import type { LinesHandle } from './conversation-lines.tsx';
import { useApp } from './context.ts';
import { Confirm } from './dialog.tsx';
import { EmojiGrid, QuickReactions } from './emoji-picker.tsx';
import type { MessageActions } from './message-row.tsx';
import { useMenu } from './popover.tsx';
import type { MenuItem } from './popover.tsx';
import { ReadBy } from './read-by.tsx';

interface Parts {
  readonly conversation: Conversation;
  readonly thread: Thread | undefined;
  readonly composer: RefObject<ComposerHandle | null>;
  readonly lines: RefObject<LinesHandle | null>;
}

const admin = 2;

/** What can be done with a message. The same object as long as the conversation is: rows are drawn again only when they change. */
export function useMessageActions(parts: Parts): MessageActions {
  const { desk, texts } = useApp();
  const openMenu = useMenu();
  const latest = useRef({ ...parts, texts, openMenu });
  latest.current = { ...parts, texts, openMenu };
  const { conversation } = parts;
  return useMemo((): MessageActions => {
    const { client } = desk.parley;
    const { threadId } = conversation;
    const react = (message: Message, emoji: string, removed: boolean): void => {
      desk.popover.set(undefined);
      void desk.act(client.messages.react(threadId, message.sequence, emoji, { removed }));
    };
    const toggle = (message: Message, emoji: string): void =>
      react(
        message,
        emoji,
        message.reactions.some((it) => it.emoji === emoji && it.mine),
      );
    const allEmoji = (message: Message, anchor: Element): void =>
      desk.popover.set({ anchor, content: <EmojiGrid pick={(emoji) => toggle(message, emoji)} /> });
    const quick = (message: Message, anchor: Element): ReactNode => (
      <QuickReactions pick={(emoji) => toggle(message, emoji)} more={() => allEmoji(message, anchor)} />
    );
    const mayWrite = (): boolean => latest.current.thread?.head?.member !== false;
    const itemsOf = (message: Message): MenuItem[] => {
      const { texts: t, thread, composer } = latest.current;
      const isMine = message.senderId === desk.me;
      const text = textOf(message.content);
      const copy = async (): Promise<void> => {
        await navigator.clipboard.writeText(text ?? '');
        desk.say(t.copied);
      };
      const erase = (): void => void desk.act(client.messages.delete(threadId, message.sequence));
      if (!mayWrite()) {
        return text === undefined ? [] : [{ label: t.copy, icon: 'copy', pick: () => void desk.act(copy()) }];
      }
      const items: (MenuItem | false)[] = [
        { label: t.reply, icon: 'reply', pick: () => composer.current?.reply(message) },
        text !== undefined && { label: t.copy, icon: 'copy', pick: () => void desk.act(copy()) },
        isMine && text !== undefined && { label: t.edit, icon: 'edit', pick: () => composer.current?.edit(message) },
        isMine && {
          label: t.readBy,
          icon: 'eye',
          pick: () => desk.dialog.set(<ReadBy threadId={threadId} message={message} />),
        },
        (isMine || (thread?.role ?? 0) >= admin) && {
          label: t.delete,
          icon: 'trash',
          isDanger: true,
          pick: () =>
            desk.dialog.set(<Confirm title={t.deleteTitle} text={t.deleteText} action={t.delete} confirm={erase} />),
        },
      ];
      return items.filter((item) => item !== false);
    };
    return {
      open: (message, anchor) =>
        latest.current.openMenu(
          anchor,
          latest.current.texts.messageActions,
          itemsOf(message),
          mayWrite() && quick(message, anchor),
        ),
      pickReaction: (message, anchor) => desk.popover.set({ anchor, content: quick(message, anchor) }),
      react,
      reply: (message) => latest.current.composer.current?.reply(message),
      goTo: (sequence) => void latest.current.lines.current?.toSequence(sequence),
    };
  }, [desk, conversation]);
}
