import type { ReactNode, RefObject } from 'react';
import type { Presence } from '#proto/parley/v1/presence.ts';
import type { Thread } from '#proto/parley/v1/thread.ts';
import { msOf } from '../../core/times.ts';
import type { ThreadSnapshot } from '../../web/thread.ts';
import type { Texts } from '../text/en.ts';
import type { Times } from '../text/times.ts';
import { Avatar, GroupAvatar } from './avatar.tsx';
import type { LinesHandle } from './conversation-lines.tsx';
import { isOnline, useApp, useName, usePresence } from './context.ts';
import { BackButton, IconButton } from './icon-button.tsx';
import { Icon } from './icon.tsx';

const group = 2;

interface HeaderProps {
  readonly thread: Thread | undefined;
  readonly snapshot: ThreadSnapshot;
  readonly lines: RefObject<LinesHandle | null>;
  readonly openDetails: () => void;
}

export function ConversationHeader({ thread, snapshot, lines, openDetails }: HeaderProps): ReactNode {
  const { texts } = useApp();
  const isThere = thread !== undefined || snapshot.error === undefined;
  return (
    <header className="bar">
      <BackButton />
      {thread === undefined ? (
        <span className="bar-title" />
      ) : (
        <button type="button" className="bar-title" onClick={openDetails}>
          {thread.kind === group ? <GroupTitle thread={thread} /> : <PersonTitle userId={thread.peerId} />}
        </button>
      )}
      {isThere && <DateButton lines={lines} />}
      {isThere && <IconButton icon="info" label={texts.details} hint onClick={openDetails} />}
    </header>
  );
}

/** The browser's own calendar. */
function DateButton({ lines }: { readonly lines: RefObject<LinesHandle | null> }): ReactNode {
  const { texts } = useApp();
  return (
    <label className="icon-button date-button" title={texts.jumpToDate}>
      <Icon name="calendar" />
      <input
        type="date"
        aria-label={texts.jumpToDate}
        max={today()}
        onClick={(event) => event.currentTarget.showPicker()}
        onChange={(event) => {
          const { valueAsDate, value } = event.currentTarget;
          if (valueAsDate !== null) void lines.current?.toTime(new Date(`${value}T00:00:00`).getTime());
        }}
      />
    </label>
  );
}

/** As the field writes it, where the reader is. */
function today(): string {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

function GroupTitle({ thread }: { readonly thread: Thread }): ReactNode {
  const { texts } = useApp();
  return (
    <>
      <GroupAvatar id={thread.threadId} name={thread.name} />
      <span>
        <h1 dir="auto">{thread.name}</h1>
        {thread.memberCount > 0 && <small>{texts.members(thread.memberCount)}</small>}
      </span>
    </>
  );
}

function PersonTitle({ userId }: { readonly userId: string }): ReactNode {
  const { desk, texts, times } = useApp();
  const name = useName(userId);
  const presence = usePresence(userId);
  const isMe = userId === desk.me;
  return (
    <>
      <Avatar userId={userId} presence={!isMe} />
      <span>
        <h1 dir="auto">{isMe ? texts.yourself : name}</h1>
        {!isMe && <small className={isOnline(presence) ? 'online' : ''}>{presenceText(presence, texts, times)}</small>}
      </span>
    </>
  );
}

/** What is known of somebody, and nothing where nothing is. */
export function presenceText(presence: Presence | undefined, texts: Texts, times: Times): string {
  if (isOnline(presence)) return texts.online;
  const seenMs = msOf(presence?.lastSeenTime);
  return seenMs === undefined ? '' : texts.lastSeen(times.moment(seenMs, Date.now()));
}
