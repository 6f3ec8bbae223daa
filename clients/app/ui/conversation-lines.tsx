import { useEffect, useImperativeHandle, useRef, useState } from 'react';
import type { KeyboardEvent, ReactNode, Ref } from 'react';
import { textOf } from '../../core/fold.ts';
import { msOf } from '../../core/times.ts';
import { useConnection, useView } from '../../web/react/index.ts';
import type { Conversation, Row } from '../store/conversation.ts';
import { sentenceOf } from '../text/texts.ts';
import { ChangeRow } from './change-row.tsx';
import { useApp, useName } from './context.ts';
import { Icon } from './icon.tsx';
import { DraftRow, MessageRow } from './message-row.tsx';
import type { MessageActions } from './message-row.tsx';
import { VirtualList } from './virtual-list.tsx';
import type { ListHandle } from './virtual-list.tsx';

/** Messages of one author this close to each other stand together. */
const togetherMs = 5 * 60_000;
const markedMs = 2_000;
const dayMs = 86_400_000;
const group = 2;

export interface LinesHandle {
  toEnd(): void;
  /** Brings a message to the eye by its sequence, and marks it. */
  toSequence(sequence: bigint): Promise<void>;
  /** The first message at or after a moment. */
  toTime(ms: number): Promise<void>;
}

interface LinesProps {
  readonly conversation: Conversation;
  readonly actions: MessageActions;
  readonly handle: Ref<LinesHandle>;
}

/** All that was said, as far back as it goes. */
export function ConversationLines({ conversation, actions, handle }: LinesProps): ReactNode {
  const { desk, texts } = useApp();
  const { thread, count, older, error, beginning, isTold } = useView(conversation);
  const { phase } = useConnection();
  const list = useRef<ListHandle>(null);
  /** Undefined until the list says where it stands since its beginning: nothing counts as seen before. */
  const [place, setPlace] = useState<{ readonly beginning: number; readonly isAtEnd: boolean }>();
  const isAtEnd = place?.beginning === beginning ? place.isAtEnd : undefined;
  const [marked, setMarked] = useState<bigint>();
  useMarkRead(conversation, isTold && isAtEnd === true && thread.items.length > 0, count);

  const show = (ordinal: number | undefined, sequence?: bigint): void => {
    if (ordinal === undefined) return;
    list.current?.toRow(conversation.indexOf(ordinal));
    setMarked(sequence);
    setTimeout(() => setMarked(undefined), markedMs);
  };
  useImperativeHandle(handle, () => ({
    toEnd: () => list.current?.toEnd(),
    async toSequence(sequence) {
      show(await desk.act(conversation.ordinalOf(sequence)), sequence);
    },
    async toTime(ms) {
      show(await desk.act(conversation.ordinalAt(ms)));
    },
  }));

  if (count === 0) {
    return (
      <div className="scroller">
        <div className="empty" role="status">
          {thread.loading || phase !== 'live' || thread.thread === undefined ? (
            <p className="quiet late">{texts.loading}</p>
          ) : (
            <>
              <p className="empty-mark" aria-hidden="true">
                👋
              </p>
              <p>
                {texts.noMessages} {texts.sayHello}
              </p>
            </>
          )}
        </div>
      </div>
    );
  }
  const isGroup = thread.thread?.kind === group;
  const render = (index: number): ReactNode => {
    const row = conversation.row(index);
    if (row === undefined) return null;
    const before = conversation.row(index - 1);
    return (
      <>
        <Divisions row={row} before={before} firstUnread={conversation.firstUnread} />
        <Line
          row={row}
          before={before}
          after={conversation.row(index + 1)}
          isGroup={isGroup}
          marked={marked}
          actions={actions}
          conversation={conversation}
        />
      </>
    );
  };
  return (
    <div className="lines">
      <VirtualList
        key={beginning}
        count={count}
        first={conversation.firstOrdinal}
        label={texts.conversation}
        start={conversation.firstUnread === undefined ? 'end' : conversation.indexOf(conversation.firstUnread)}
        render={render}
        keyOf={(index) => conversation.row(index)?.key ?? `i${index}`}
        onRange={(from, to) => conversation.want(from, Math.min(to, older))}
        onAtEnd={(it) => setPlace({ beginning, isAtEnd: it })}
        handle={list}
        onKeyDown={(event) => moveThrough(event, actions, conversation)}
      />
      {error !== undefined && (
        <p className="lines-error" role="alert">
          {texts.historyFailed} {sentenceOf(texts, error)}
        </p>
      )}
      {isAtEnd === false && <ToEnd unread={thread.unread} go={() => list.current?.toEnd()} />}
      <Announcer conversation={conversation} />
    </div>
  );
}

/** What is at the end and seen is read. */
function useMarkRead(conversation: Conversation, isAtEnd: boolean, count: number): void {
  const { desk } = useApp();
  const { threadId } = conversation;
  const [isSeen, setSeen] = useState(() => document.visibilityState === 'visible' && document.hasFocus());
  useEffect(() => {
    const look = (): void => setSeen(document.visibilityState === 'visible' && document.hasFocus());
    const events = ['focus', 'blur'] as const;
    for (const name of events) addEventListener(name, look);
    document.addEventListener('visibilitychange', look);
    return () => {
      for (const name of events) removeEventListener(name, look);
      document.removeEventListener('visibilitychange', look);
    };
  }, []);
  useEffect(() => {
    if (!isAtEnd || !isSeen || count === 0) return;
    const newest = conversation.newest();
    if (newest > 0n && desk.parley.client.unread(threadId) > 0) desk.parley.client.markRead(threadId, newest);
  }, [conversation, threadId, isAtEnd, isSeen, count, desk]);
}

function Divisions({
  row,
  before,
  firstUnread,
}: {
  readonly row: Row;
  readonly before: Row | undefined;
  readonly firstUnread: number | undefined;
}): ReactNode {
  const { desk, texts, times } = useApp();
  const ms = timeOf(row);
  const beforeMs = timeOf(before);
  // One's own is new to nobody, though the server may say so for the moment that it takes to be read.
  const isNew =
    row.kind === 'message' && Number(row.message.ordinal) === firstUnread && row.message.senderId !== desk.me;
  const isDay = ms !== undefined && (before === undefined || (beforeMs !== undefined && !isSameDay(ms, beforeMs)));
  return (
    <>
      {isDay && (
        <p className="day">
          <span>{times.day(ms, Date.now())}</span>
        </p>
      )}
      {isNew && (
        <p className="new-mark">
          <span>{texts.newMessages}</span>
        </p>
      )}
    </>
  );
}

function timeOf(row: Row | undefined): number | undefined {
  if (row?.kind === 'message') return msOf(row.message.createTime);
  return row?.kind === 'change' ? msOf(row.entry.createTime) : undefined;
}

interface LineProps {
  readonly row: Row;
  readonly before: Row | undefined;
  readonly after: Row | undefined;
  readonly isGroup: boolean;
  readonly marked: bigint | undefined;
  readonly actions: MessageActions;
  readonly conversation: Conversation;
}

function Line({ row, before, after, isGroup, marked, actions, conversation }: LineProps): ReactNode {
  const { desk, texts } = useApp();
  const { phase } = useConnection();
  const replyTo = row.kind === 'message' ? row.message.replyTo : 0n;
  useEffect(() => {
    if (replyTo > 0n && phase === 'live') conversation.wantAnswered(replyTo);
  }, [conversation, replyTo, phase]);
  switch (row.kind) {
    case 'gap':
      return <div className={row.ordinal % 3 === 0 ? 'gap long' : 'gap'} aria-label={texts.loading} />;
    case 'change':
      return <ChangeRow entry={row.entry} />;
    case 'unknown':
      return <p className="change">{texts.unknownMessage}</p>;
    case 'draft': {
      const { draft } = row;
      const discard = (): void => conversation.view.dismiss(draft.clientMessageId);
      const again = (): void => {
        discard();
        const text = textOf(draft.content) ?? '';
        desk.parley.client
          .send(draft.threadId, { text, mentionIds: draft.mentionIds }, { replyTo: draft.replyTo })
          .catch(() => {});
      };
      return <DraftRow draft={draft} error={row.error} isLive={phase === 'live'} again={again} discard={discard} />;
    }
    case 'message': {
      const { message } = row;
      const isMine = message.senderId === desk.me;
      const ticks = isMine ? desk.parley.client.ticks(conversation.threadId, message.sequence) : undefined;
      return (
        <MessageRow
          message={message}
          answered={message.replyTo > 0n ? conversation.answered(message.replyTo) : undefined}
          isFirst={!together(before, row)}
          isLast={!together(row, after)}
          isGroup={isGroup}
          isMarked={marked === message.sequence}
          state={ticks?.state}
          readCount={ticks?.readCount ?? 0}
          memberCount={ticks?.memberCount ?? 0}
          actions={actions}
        />
      );
    }
  }
}

function together(a: Row | undefined, b: Row | undefined): boolean {
  if (a?.kind !== 'message' || b?.kind !== 'message' || a.message.senderId !== b.message.senderId) return false;
  const [first, second] = [timeOf(a) ?? 0, timeOf(b) ?? 0];
  return second - first < togetherMs && isSameDay(first, second);
}

function isSameDay(oneMs: number, otherMs: number): boolean {
  const [one, other] = [new Date(oneMs), new Date(otherMs)];
  return Math.abs(otherMs - oneMs) < dayMs && one.getDate() === other.getDate();
}

function ToEnd({ unread, go }: { readonly unread: number; readonly go: () => void }): ReactNode {
  const { texts } = useApp();
  return (
    <button
      type="button"
      className="to-end"
      aria-label={unread > 0 ? texts.toNewestCount(unread) : texts.toNewest}
      onClick={go}
    >
      <Icon name="down" />
      {unread > 0 && <span className="badge">{unread > 999 ? '999+' : unread}</span>}
    </button>
  );
}

/** Arrows go from message to message, Enter opens what can be done, r answers. */
function moveThrough(event: KeyboardEvent<HTMLElement>, actions: MessageActions, conversation: Conversation): void {
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>('article.line')];
  const at = rows.indexOf(
    (document.activeElement as HTMLElement | null)?.closest<HTMLElement>('article.line') ?? event.currentTarget,
  );
  if (event.target instanceof HTMLButtonElement || event.target instanceof HTMLAnchorElement) return;
  if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
    const next = at < 0 ? rows.at(-1) : rows[at + (event.key === 'ArrowUp' ? -1 : 1)];
    if (next === undefined) return;
    event.preventDefault();
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: 'nearest' });
    return;
  }
  const sequence = rows[at]?.dataset['sequence'];
  const message = sequence === undefined ? undefined : conversation.find(BigInt(sequence));
  if (message === undefined || message.deleteSequence > 0n) return;
  if (event.key === 'Enter' || event.key === ' ') {
    event.preventDefault();
    actions.open(message, rows[at]?.querySelector('.bubble') ?? event.currentTarget);
  } else if (event.key === 'r' && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    actions.reply(message);
  }
}

/** Says new messages of others to those who do not see them. */
function Announcer({ conversation }: { readonly conversation: Conversation }): ReactNode {
  const { desk } = useApp();
  const [said, setSaid] = useState<{ userId: string; text: string }>();
  useEffect(
    () =>
      desk.parley.client.on('message', ({ threadId, message, added }) => {
        if (!added || threadId !== conversation.threadId || message.senderId === desk.me) return;
        setSaid({ userId: message.senderId, text: (textOf(message.content) ?? '').slice(0, 300) });
      }),
    [conversation, desk],
  );
  const name = useName(said?.userId ?? '');
  return (
    <p className="hidden" role="log" aria-live="polite">
      {said !== undefined && `${name}: ${said.text}`}
    </p>
  );
}
