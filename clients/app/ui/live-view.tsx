import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { ReactNode } from 'react';
import type { Channel, Comment } from '#proto/parley/v1/channel_service.ts';
import type { ChannelWish } from '../../core/wishes.ts';
import { channelView } from '../../web/channel.ts';
import type { ChannelSnapshot } from '../../web/channel.ts';
import { useView } from '../../web/react/index.ts';
import { sentenceOf } from '../text/texts.ts';
import { CommentRow } from './comment-row.tsx';
import { Composer } from './composer.tsx';
import type { ComposerHandle, Written } from './composer.tsx';
import { useApp, useName } from './context.ts';
import { BackButton, IconButton } from './icon-button.tsx';
import { Icon } from './icon.tsx';
import { useMenu } from './popover.tsx';
import { postTitle } from './post-item.tsx';

const maxBytes = 2_000;
const endPx = 48;
/** Seconds between two comments of one user, to choose from. */
const slowModes = [0, 5, 15, 60];

/** A live post: what is said as it comes, and who looks. */
export function LiveView({ channelId }: { readonly channelId: string }): ReactNode {
  const { desk, texts } = useApp();
  const view = channelView(desk.parley, channelId);
  const snapshot = useView(view);
  const { channel, comments, skipped, error } = snapshot;
  const isModerator = useView(desk.moderated).has(channelId);
  const composer = useRef<ComposerHandle>(null);
  const [replyTo, setReplyTo] = useState<Comment>();
  useEffect(() => {
    desk.settings.addPost(channelId);
    if (matchMedia('(hover: hover)').matches) composer.current?.focus();
  }, [desk, channelId]);
  const publish = (written: Written): void => {
    const undo = (): void => {
      composer.current?.putBack(written);
      setReplyTo(replyTo);
    };
    void desk.act(view.publish(written.text, replyTo === undefined ? {} : { replyTo: replyTo.number }), undo);
    setReplyTo(undefined);
  };
  const note =
    error !== undefined ? sentenceOf(texts, error) : channel?.closed === true ? texts.channelClosed : undefined;
  return (
    <section className="conversation live" aria-label={postTitle(channelId)}>
      <LiveHeader channelId={channelId} snapshot={snapshot} isModerator={isModerator} />
      {channel?.pinnedComment !== undefined && <Pinned channel={channel} isModerator={isModerator} />}
      <Comments
        comments={comments}
        isHeard={channel !== undefined}
        isModerator={isModerator}
        channelId={channelId}
        reply={(comment) => {
          setReplyTo(comment);
          composer.current?.focus();
        }}
      />
      <div className="foot">
        <p className="typing live-note" role="status">
          {skipped > 0 && texts.leftOut(skipped)}
          {(channel?.slowModeSeconds ?? 0) > 0 && ` ${texts.slowModeOn(channel?.slowModeSeconds ?? 0)}`}
        </p>
        {replyTo !== undefined && <ReplyTo comment={replyTo} cancel={() => setReplyTo(undefined)} />}
        {note === undefined ? (
          <Composer
            keepAs={`live.${channelId}`}
            label={texts.writeComment}
            maxBytes={maxBytes}
            mentionable={[]}
            onMention={() => {}}
            onSend={publish}
            handle={composer}
          />
        ) : (
          <p className="foot-note" role="alert">
            {note}
          </p>
        )}
      </div>
    </section>
  );
}

interface HeaderProps {
  readonly channelId: string;
  readonly snapshot: ChannelSnapshot;
  readonly isModerator: boolean;
}

function LiveHeader({ channelId, snapshot: { channel, stats }, isModerator }: HeaderProps): ReactNode {
  const { desk, texts } = useApp();
  const openMenu = useMenu();
  // Who looks at it is one, before the first count is told.
  const viewers = Math.max(1, Number(stats?.listenerCount ?? channel?.listenerCount ?? 1n));
  const published = Number(stats?.publishedCount ?? channel?.publishedCount ?? 0n);
  const setSlowMode = (seconds: number): void =>
    void desk.act(desk.parley.client.call('/parley.v1.ChannelService/SetSlowMode', { channelId, seconds }));
  const items = [
    ...(isModerator
      ? slowModes.map((seconds) => ({
          label: `${texts.slowMode}: ${seconds === 0 ? texts.slowModeOff : texts.seconds(seconds)}`,
          icon: (channel?.slowModeSeconds === seconds ? 'check' : 'forbidden') as 'check' | 'forbidden',
          pick: () => setSlowMode(seconds),
        }))
      : []),
    {
      label: texts.forgetPost,
      icon: 'trash' as const,
      pick: () => {
        desk.settings.removePost(channelId);
        desk.router.go({ kind: 'home' });
      },
    },
  ];
  return (
    <header className="bar">
      <BackButton />
      <div className="bar-title">
        <span>
          <h1 dir="auto">
            {postTitle(channelId)} <span className="live-badge">{texts.liveBadge}</span>
          </h1>
          <small>
            {texts.viewers(viewers)} · {texts.comments(published)}
            {stats !== undefined && stats.publishedPerSecond > 0 && ` · ${texts.perSecond(stats.publishedPerSecond)}`}
          </small>
        </span>
      </div>
      <ClassPicker channelId={channelId} />
      <IconButton
        icon="more"
        label={texts.more}
        hint
        onClick={(event) => openMenu(event.currentTarget, texts.more, items)}
      />
    </header>
  );
}

/** How much of it comes: all, a sample, or the newest only. */
function ClassPicker({ channelId }: { readonly channelId: string }): ReactNode {
  const { desk, texts } = useApp();
  const [delivery, setDelivery] = useState<ChannelWish['delivery']>('everything');
  return (
    <select
      className="select"
      aria-label={texts.howMuch}
      title={texts.howMuch}
      value={delivery}
      onChange={(event) => {
        const next = event.currentTarget.value as ChannelWish['delivery'];
        setDelivery(next);
        void desk.act(desk.parley.client.subscribeChannel(channelId, { delivery: next }));
      }}
    >
      {(['everything', 'sampled', 'latest'] as const).map((it) => (
        <option key={it} value={it}>
          {texts[it]}
        </option>
      ))}
    </select>
  );
}

function Pinned({ channel, isModerator }: { readonly channel: Channel; readonly isModerator: boolean }): ReactNode {
  const { desk, texts } = useApp();
  const comment = channel.pinnedComment;
  const name = useName(comment?.senderId ?? '');
  if (comment === undefined) return null;
  const { channelId } = channel;
  return (
    <div className="pinned-comment">
      <Icon name="pin" />
      <p>
        <b dir="auto">{name}</b> <span dir="auto">{comment.text}</span>
      </p>
      {isModerator && (
        <IconButton
          icon="close"
          label={texts.unpinComment}
          onClick={() =>
            void desk.act(desk.parley.client.call('/parley.v1.ChannelService/PinComment', { channelId, number: 0n }))
          }
        />
      )}
    </div>
  );
}

function ReplyTo({ comment, cancel }: { readonly comment: Comment; readonly cancel: () => void }): ReactNode {
  const { texts } = useApp();
  const name = useName(comment.senderId);
  return (
    <div className="composing-on">
      <Icon name="reply" />
      <span className="quoted">
        <b dir="auto">{name}</b> <span dir="auto">{comment.text}</span>
      </span>
      <IconButton icon="close" label={texts.cancel} onClick={cancel} />
    </div>
  );
}

interface CommentsProps {
  readonly comments: readonly Comment[];
  readonly isHeard: boolean;
  readonly isModerator: boolean;
  readonly channelId: string;
  readonly reply: (comment: Comment) => void;
}

/** The newest at the end, which it keeps to while one stands there. */
function Comments({ comments, isHeard, isModerator, channelId, reply }: CommentsProps): ReactNode {
  const { texts } = useApp();
  const box = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState<bigint>();
  /** Where it was left by the last scrolling. */
  const top = useRef(0);
  const last = comments.at(-1)?.number;
  useLayoutEffect(() => {
    const it = box.current;
    if (it === null || seen !== undefined) return undefined;
    const toEnd = (): void => {
      it.scrollTop = it.scrollHeight;
      top.current = it.scrollTop;
    };
    toEnd();
    // How high a comment is shows when it comes on screen.
    const observer = new ResizeObserver(toEnd);
    for (const sized of [it, it.firstElementChild]) if (sized !== null) observer.observe(sized);
    return () => observer.disconnect();
  }, [comments, seen]);
  const onScroll = (): void => {
    const it = box.current;
    if (it === null) return;
    // What grew by itself took nobody from the end.
    const isLeft = seen !== undefined || it.scrollTop < top.current;
    top.current = it.scrollTop;
    const isAtEnd = !isLeft || it.scrollTop + it.clientHeight >= it.scrollHeight - endPx;
    setSeen((old) => (isAtEnd ? undefined : (old ?? last)));
  };
  const fresh = seen === undefined ? 0 : comments.filter(({ number }) => number > seen).length;
  return (
    <div className="lines">
      <div
        ref={box}
        className="scroller comments"
        onScroll={onScroll}
        tabIndex={0}
        role="region"
        aria-label={texts.live}
      >
        {comments.length === 0 ? (
          <p className="empty">{isHeard ? texts.noComments : texts.loading}</p>
        ) : (
          <ol>
            {comments.map((comment) => (
              <CommentRow
                key={`${comment.number}`}
                comment={comment}
                channelId={channelId}
                isModerator={isModerator}
                reply={reply}
              />
            ))}
          </ol>
        )}
      </div>
      {seen !== undefined && (
        <button
          type="button"
          className="to-end"
          aria-label={fresh > 0 ? texts.toNewestCount(fresh) : texts.toNewest}
          onClick={() => setSeen(undefined)}
        >
          <Icon name="down" />
          {fresh > 0 && <span className="badge">{fresh}</span>}
        </button>
      )}
    </div>
  );
}
