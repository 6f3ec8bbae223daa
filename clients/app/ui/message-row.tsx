import { memo } from 'react';
import type { MouseEvent, ReactNode } from 'react';
import type { Message } from '#proto/parley/v1/thread.ts';
import type { Draft } from '../../core/draft.ts';
import type { ParleyError } from '../../core/errors.ts';
import { textOf } from '../../core/fold.ts';
import type { Ticks } from '../../core/receipts.ts';
import { msOf } from '../../core/times.ts';
import type { Texts } from '../text/en.ts';
import { sentenceOf } from '../text/texts.ts';
import { Avatar, hueOf } from './avatar.tsx';
import { useApp, useName } from './context.ts';
import { IconButton } from './icon-button.tsx';
import { Icon, TickMark } from './icon.tsx';
import { MessageText } from './message-text.tsx';

export interface MessageActions {
  readonly open: (message: Message, anchor: Element) => void;
  readonly pickReaction: (message: Message, anchor: Element) => void;
  readonly react: (message: Message, emoji: string, removed: boolean) => void;
  readonly reply: (message: Message) => void;
  readonly goTo: (sequence: bigint) => void;
}

interface MessageProps {
  readonly message: Message;
  /** What it answers, as it is now; undefined also when that was not read. */
  readonly answered: Message | undefined;
  /** The first and the last of several of the same author in a row. */
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly isGroup: boolean;
  readonly isMarked: boolean;
  /** Of one's own messages. */
  readonly state: Ticks['state'] | undefined;
  readonly readCount: number;
  /** Of how many. */
  readonly memberCount: number;
  readonly actions: MessageActions;
}

export const MessageRow = memo(function MessageRow(props: MessageProps): ReactNode {
  const { message, answered, isFirst, isLast, isGroup, isMarked, state, readCount, memberCount, actions } = props;
  const { desk, texts, times } = useApp();
  const name = useName(message.senderId);
  const isMine = message.senderId === desk.me;
  const isDeleted = message.deleteSequence > 0n;
  const isGone = isDeleted || message.erased;
  const ms = msOf(message.createTime) ?? 0;
  const text = textOf(message.content);
  const stateText =
    state === undefined || state === 'read' || !isGroup || readCount === 0
      ? texts[state ?? 'sent']
      : texts.readCount(readCount, memberCount);
  const isToMe = message.mentionIds.includes(desk.me);
  const classes = [
    'line',
    isMine ? 'mine' : 'theirs',
    isFirst && 'first',
    isLast && 'last',
    isMarked && 'marked',
    isToMe && 'to-me',
  ];
  const openBySelf = (event: MouseEvent<HTMLElement>): void => {
    if (isDeleted || (event.target as Element).closest('a, button') !== null) return;
    if (event.type === 'contextmenu' && getSelection()?.isCollapsed === false) return;
    // Where nothing hovers, a tap brings what the toolbar has.
    if (event.type === 'click' && !matchMedia('(hover: none)').matches) return;
    event.preventDefault();
    actions.open(message, event.currentTarget);
  };
  return (
    <article
      className={classes.filter(Boolean).join(' ')}
      tabIndex={-1}
      data-sequence={message.sequence}
      aria-label={`${name}, ${times.moment(ms, Date.now())}`}
    >
      {isGroup && !isMine && (
        <span className="line-avatar">{isLast && <Avatar userId={message.senderId} size="small" />}</span>
      )}
      <div className="bubble" onClick={openBySelf} onContextMenu={openBySelf}>
        {isGroup && !isMine && isFirst && (
          <span className={`author hue-${hueOf(message.senderId)}`} dir="auto">
            {name}
          </span>
        )}
        {message.replyTo > 0n && !isDeleted && (
          <Quote sequence={message.replyTo} message={answered} actions={actions} />
        )}
        {isGone ? (
          <span className="text quiet">{isDeleted ? texts.deleted : texts.erased}</span>
        ) : text === undefined ? (
          message.attachments.length === 0 && <span className="text quiet">{texts.unknownMessage}</span>
        ) : (
          <MessageText text={text} mentionIds={message.mentionIds} />
        )}
        {message.attachments.map(({ uri, name: file }) => (
          <Attached key={uri} uri={uri} name={file} />
        ))}
        <span className="meta">
          {message.editSequence > 0n && !isGone && <span>{texts.edited}</span>}
          <time dateTime={new Date(ms).toISOString()} title={times.full(ms)}>
            {times.time(ms)}
          </time>
          {isMine && state !== undefined && !isDeleted && (
            <span role="img" aria-label={stateText} title={stateText}>
              <TickMark state={state} />
            </span>
          )}
        </span>
        {message.reactions.length > 0 && (
          <span className="reactions">
            {message.reactions.map(({ emoji, count, mine }) => (
              <button
                key={emoji}
                type="button"
                className={mine ? 'reaction mine' : 'reaction'}
                aria-pressed={mine}
                aria-label={texts.reactions(emoji, count)}
                onClick={() => actions.react(message, emoji, mine)}
              >
                <span aria-hidden="true">{emoji}</span> {count}
              </button>
            ))}
          </span>
        )}
      </div>
      {!isDeleted && (
        <div className="line-tools" role="toolbar" aria-label={texts.messageActions}>
          <IconButton
            icon="smile"
            label={texts.react}
            hint
            tabIndex={-1}
            onClick={(event) => actions.pickReaction(message, event.currentTarget)}
          />
          <IconButton icon="reply" label={texts.reply} hint tabIndex={-1} onClick={() => actions.reply(message)} />
          <IconButton
            icon="more"
            label={texts.more}
            hint
            tabIndex={-1}
            onClick={(event) => actions.open(message, event.currentTarget)}
          />
        </div>
      )}
    </article>
  );
});

function Attached({ uri, name }: { readonly uri: string; readonly name: string }): ReactNode {
  const { texts } = useApp();
  const shown = name || texts.attachmentPreview;
  if (!/^https?:\/\//i.test(uri)) return <span className="attached">{shown}</span>;
  return (
    <a className="attached" href={uri} target="_blank" rel="noopener noreferrer nofollow">
      {shown}
    </a>
  );
}

interface QuoteProps {
  readonly sequence: bigint;
  readonly message: Message | undefined;
  readonly actions: MessageActions;
}

/** What a message answers, in one line. */
function Quote({ sequence, message, actions }: QuoteProps): ReactNode {
  const { texts } = useApp();
  return (
    <button type="button" className="quote" title={texts.goToMessage} onClick={() => actions.goTo(sequence)}>
      {message === undefined ? <span className="quiet">…</span> : <QuoteOf message={message} />}
    </button>
  );
}

/** What a message says, on one line. */
export function previewOf(message: Message, texts: Texts): string {
  if (message.deleteSequence > 0n) return texts.deletedPreview;
  return message.erased ? texts.erasedPreview : (textOf(message.content) ?? texts.attachmentPreview);
}

export function QuoteOf({ message }: { readonly message: Message }): ReactNode {
  const { texts } = useApp();
  const name = useName(message.senderId);
  const text = previewOf(message, texts);
  return (
    <>
      <b className={`hue-${hueOf(message.senderId)}`} dir="auto">
        {name}
      </b>
      <span dir="auto">{text.slice(0, 160)}</span>
    </>
  );
}

interface DraftProps {
  readonly draft: Draft;
  readonly error: ParleyError | undefined;
  readonly isLive: boolean;
  readonly again: () => void;
  readonly discard: () => void;
}

/** What has no place in the thread yet, or was refused. */
export function DraftRow({ draft, error, isLive, again, discard }: DraftProps): ReactNode {
  const { texts } = useApp();
  const label = isLive ? texts.sending : texts.waitingToSend;
  return (
    <article
      className={error === undefined ? 'line mine draft first last' : 'line mine draft refused first last'}
      tabIndex={-1}
    >
      <div className="bubble">
        <MessageText text={textOf(draft.content) ?? ''} mentionIds={draft.mentionIds} />
        <span className="meta">
          {error === undefined && (
            <span role="img" aria-label={label} title={label}>
              <TickMark state="waiting" />
            </span>
          )}
        </span>
        {error !== undefined && (
          <span className="refusal">
            <Icon name="warn" />
            <span>
              {texts.notSent}: {sentenceOf(texts, error)}
            </span>
            <button type="button" className="link-button" onClick={again}>
              {texts.tryAgain}
            </button>
            <button type="button" className="link-button" onClick={discard}>
              {texts.discard}
            </button>
          </span>
        )}
      </div>
    </article>
  );
}
