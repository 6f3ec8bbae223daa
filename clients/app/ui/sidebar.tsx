import { memo, useDeferredValue, useMemo, useState } from 'react';
import type { ReactNode } from 'react';
import { msOf } from '../../core/times.ts';
import { useView } from '../../web/react/index.ts';
import { profileView } from '../../web/people.ts';
import { threadsView } from '../../web/threads.ts';
import type { ThreadRow } from '../../web/threads.ts';
import { isMuted } from '../store/alerts.ts';
import { Avatar, GroupAvatar } from './avatar.tsx';
import { useApp, useName } from './context.ts';
import { IconButton } from './icon-button.tsx';
import { Icon } from './icon.tsx';
import { previewOf } from './message-row.tsx';
import { NewChat } from './new-chat.tsx';
import { PostItem } from './post-item.tsx';
import { SettingsDialog } from './settings-dialog.tsx';

const group = 2;

/** All that one can go to: chats with what is new, live posts, and the way to new ones. */
export function Sidebar(): ReactNode {
  const { desk, texts } = useApp();
  const { rows, loaded } = useView(threadsView(desk.parley));
  const { posts } = useView(desk.settings);
  const route = useView(desk.router.route);
  const [typed, setTyped] = useState('');
  const search = useDeferredValue(typed.trim().toLocaleLowerCase());
  const found = useMemo(() => {
    const nameOf = (userId: string): string => profileView(desk.parley, userId).get()?.displayName ?? '';
    return search === '' ? rows : rows.filter((row) => matches(row, search, nameOf));
  }, [rows, search, desk]);
  const name = useName(desk.me);
  const open = (threadId: string): void => desk.openThread(threadId);
  return (
    <nav className="sidebar" aria-label={texts.list}>
      <header className="bar">
        <button type="button" className="me" title={texts.settings} onClick={() => desk.dialog.set(<SettingsDialog />)}>
          <Avatar userId={desk.me} size="small" />
          <b dir="auto">{name}</b>
        </button>
        <IconButton icon="pencil" label={texts.newChat} hint onClick={() => desk.dialog.set(<NewChat />)} />
      </header>
      <label className="search">
        <Icon name="search" />
        <input
          type="search"
          value={typed}
          placeholder={texts.search}
          aria-label={texts.search}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      </label>
      <div className="sidebar-lists">
        {posts.length > 0 && search === '' && (
          <section>
            <h2>{texts.live}</h2>
            <ul>
              {posts.map((channelId) => (
                <PostItem
                  key={channelId}
                  channelId={channelId}
                  isOpen={route.kind === 'live' && route.channelId === channelId}
                />
              ))}
            </ul>
          </section>
        )}
        <section>
          <h2>{texts.chats}</h2>
          {found.length > 0 && (
            <ul>
              {found.map((row) => (
                <ThreadItem
                  key={row.threadId}
                  row={row}
                  isOpen={route.kind === 'thread' && route.threadId === row.threadId}
                  open={open}
                />
              ))}
            </ul>
          )}
          {rows.length === 0 && loaded && (
            <div className="empty small">
              <p>
                <b>{texts.noChats}</b>
              </p>
              <p>{texts.noChatsText}</p>
              <button type="button" className="button primary" onClick={() => desk.dialog.set(<NewChat />)}>
                {texts.newChat}
              </button>
            </div>
          )}
          {rows.length === 0 && !loaded && <Skeletons />}
          {rows.length > 0 && found.length === 0 && <p className="empty small">{texts.nothingFound(typed.trim())}</p>}
        </section>
      </div>
    </nav>
  );
}

function Skeletons(): ReactNode {
  return (
    <ul aria-hidden="true">
      {[1, 2, 3, 4].map((it) => (
        <li key={it} className="item skeleton">
          <span className="avatar medium" />
          <span className="item-text">
            <i />
            <i />
          </span>
        </li>
      ))}
    </ul>
  );
}

function matches({ thread }: ThreadRow, search: string, nameOf: (userId: string) => string): boolean {
  const { name, peerId } = thread;
  return `${name} ${peerId} ${peerId === '' ? '' : nameOf(peerId)}`.toLocaleLowerCase().includes(search);
}

interface ThreadItemProps {
  readonly row: ThreadRow;
  readonly isOpen: boolean;
  readonly open: (threadId: string) => void;
}

const ThreadItem = memo(function ThreadItem({ row, isOpen, open }: ThreadItemProps): ReactNode {
  const { desk, texts, times } = useApp();
  const { thread, unread, typing, head, threadId } = row;
  const isGroup = thread.kind === group;
  const peer = useName(thread.peerId);
  const title = isGroup ? thread.name : thread.peerId === desk.me ? texts.yourself : peer;
  const ms = msOf(thread.lastMessage?.createTime) ?? msOf(head?.activityTime) ?? 0;
  const muted = isMuted(thread.settings);
  return (
    <li>
      <a
        href={`/t/${threadId}`}
        className={unread > 0 && !muted ? 'item new' : 'item'}
        aria-current={isOpen ? 'page' : undefined}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return;
          event.preventDefault();
          open(threadId);
        }}
      >
        {isGroup ? <GroupAvatar id={threadId} name={title} /> : <Avatar userId={thread.peerId} presence />}
        <span className="item-text">
          <span className="item-line">
            <b dir="auto">{title}</b>
            {muted && (
              <span className="item-sign" role="img" aria-label={texts.muted}>
                <Icon name="bellOff" />
              </span>
            )}
            {ms > 0 && <time dateTime={new Date(ms).toISOString()}>{times.short(ms, Date.now())}</time>}
          </span>
          <span className="item-line">
            <Preview row={row} isGroup={isGroup} typing={typing} />
            {thread.settings?.pinned === true && unread === 0 && (
              <span className="item-sign" role="img" aria-label={texts.pinned}>
                <Icon name="pin" />
              </span>
            )}
            {unread > 0 && (
              <span className={muted ? 'badge muted' : 'badge'} role="img" aria-label={texts.unread(unread)}>
                {unread > 999 ? '999+' : unread}
              </span>
            )}
          </span>
        </span>
      </a>
    </li>
  );
});

function Preview({
  row,
  isGroup,
  typing,
}: {
  readonly row: ThreadRow;
  readonly isGroup: boolean;
  readonly typing: readonly string[];
}): ReactNode {
  const { desk, texts } = useApp();
  const message = row.thread.lastMessage;
  const sender = useName(message?.senderId ?? '');
  const typist = useName(typing[0] ?? '');
  if (typing.length > 0) return <span className="preview typing-preview">{texts.typingOne(typist)} …</span>;
  const written = desk.written(row.threadId);
  if (written !== '') {
    return (
      <span className="preview" dir="auto">
        <em>{texts.draftMark}</em> {written.slice(0, 120)}
      </span>
    );
  }
  if (message === undefined) return <span className="preview" />;
  const said = previewOf(message, texts).slice(0, 160);
  const who = message.senderId === desk.me ? texts.you : isGroup ? sender : undefined;
  return (
    <span className="preview" dir="auto">
      {who !== undefined && <span className="preview-who">{who}: </span>}
      {said}
    </span>
  );
}
