import { useEffect, useRef, useState } from 'react';
import type { ReactNode } from 'react';
import type { Thread, ThreadMember } from '#proto/parley/v1/thread.ts';
import { msOf, wireTime } from '../../core/times.ts';
import { useView } from '../../web/react/index.ts';
import { isMuted } from '../store/alerts.ts';
import { Avatar, GroupAvatar } from './avatar.tsx';
import { useApp, useName, usePresence } from './context.ts';
import { presenceText } from './conversation-header.tsx';
import { Confirm, Dialog } from './dialog.tsx';
import { IconButton } from './icon-button.tsx';
import { Icon } from './icon.tsx';
import { PeoplePicker } from './new-chat.tsx';
import { useMenu } from './popover.tsx';
import type { MenuItem } from './popover.tsx';
import { RetentionButton } from './retention-button.tsx';

const group = 2;
const [memberRole, adminRole, ownerRole] = [1, 2, 3] as const;
const hourMs = 3_600_000;
/** The end of the year 9999: "for good". */
const forGoodMs = 253_402_300_799_000;

/** What a chat is, who is in it, and what holds for it. */
export function Details({ thread, close }: { readonly thread: Thread; readonly close: () => void }): ReactNode {
  const { texts } = useApp();
  useCloseRequest(close);
  return (
    <aside className="details" aria-label={texts.details}>
      <header className="bar">
        <h2>{texts.details}</h2>
        <IconButton icon="close" label={texts.close} onClick={close} />
      </header>
      <div className="details-body">
        {thread.kind === group ? <GroupCard thread={thread} /> : <PersonCard userId={thread.peerId} />}
        <div className="details-actions">
          <MuteButton thread={thread} />
          <PinButton thread={thread} />
          <RetentionButton thread={thread} />
          {thread.kind === group ? <LeaveButton thread={thread} /> : <BlockButton userId={thread.peerId} />}
        </div>
        {thread.kind === group && thread.head?.member !== false && <Members thread={thread} />}
      </div>
    </aside>
  );
}

/** What a browser has for "away with it": Escape, and on a phone the way back. */
function useCloseRequest(close: () => void): void {
  const latest = useRef(close);
  latest.current = close;
  useEffect(() => {
    const { CloseWatcher } = globalThis as { CloseWatcher?: new () => EventTarget & { destroy(): void } };
    if (CloseWatcher === undefined) return undefined;
    const watcher = new CloseWatcher();
    watcher.addEventListener('close', () => latest.current());
    return () => watcher.destroy();
  }, []);
}

function PersonCard({ userId }: { readonly userId: string }): ReactNode {
  const { texts, times } = useApp();
  const name = useName(userId);
  const presence = usePresence(userId);
  return (
    <div className="card">
      <Avatar userId={userId} size="large" presence />
      <h3 dir="auto">{name}</h3>
      <p className="quiet">
        {[name === userId ? '' : userId, presenceText(presence, texts, times)].filter(Boolean).join(' · ')}
      </p>
    </div>
  );
}

function GroupCard({ thread }: { readonly thread: Thread }): ReactNode {
  const { desk, texts } = useApp();
  return (
    <div className="card">
      <GroupAvatar id={thread.threadId} name={thread.name} size="large" />
      <h3 dir="auto">{thread.name}</h3>
      {thread.memberCount > 0 && <p className="quiet">{texts.members(thread.memberCount)}</p>}
      {thread.role >= adminRole && (
        <button type="button" className="link-button" onClick={() => desk.dialog.set(<Rename thread={thread} />)}>
          {texts.rename}
        </button>
      )}
    </div>
  );
}

function Rename({ thread }: { readonly thread: Thread }): ReactNode {
  const { desk, texts } = useApp();
  const [name, setName] = useState(thread.name);
  const submit = (): void => {
    desk.dialog.set(undefined);
    if (name.trim() !== '') void desk.act(desk.parley.client.groups.update(thread.threadId, { name: name.trim() }));
  };
  const action = (
    <button type="submit" className="button primary">
      {texts.save}
    </button>
  );
  return (
    <Dialog title={texts.rename} actions={action} onSubmit={submit}>
      <label className="field">
        <span>{texts.groupName}</span>
        <input
          value={name}
          maxLength={60}
          dir="auto"
          data-first=""
          onChange={(event) => setName(event.currentTarget.value)}
        />
      </label>
    </Dialog>
  );
}

function useSettingsOf({ threadId, settings }: Thread): (change: { untilMs?: number; pinned?: boolean }) => void {
  const { desk } = useApp();
  return ({ untilMs, pinned }) => {
    const muteUntilTime =
      untilMs === undefined ? settings?.muteUntilTime : untilMs === 0 ? undefined : wireTime(untilMs);
    const now = settings ?? { pinned: false, archived: false, notificationLevel: 0 };
    const whole = { ...now, muteUntilTime, pinned: pinned ?? now.pinned };
    void desk.act(desk.parley.client.threads.updateSettings(threadId, whole));
  };
}

function MuteButton({ thread }: { readonly thread: Thread }): ReactNode {
  const { texts, times } = useApp();
  const change = useSettingsOf(thread);
  const openMenu = useMenu();
  const untilMs = msOf(thread.settings?.muteUntilTime) ?? 0;
  if (isMuted(thread.settings)) {
    const until =
      untilMs > Date.now() + 365 * 24 * hourMs
        ? texts.mutedForGood
        : texts.mutedUntil(times.moment(untilMs, Date.now()));
    return (
      <button type="button" className="row-button" onClick={() => change({ untilMs: 0 })}>
        <Icon name="bell" />
        <span>
          {texts.unmute} <small>{until}</small>
        </span>
      </button>
    );
  }
  const items = texts.muteFor.map((label, index): MenuItem => {
    const hours = [1, 8][index];
    const pick = (): void => change({ untilMs: hours === undefined ? forGoodMs : Date.now() + hours * hourMs });
    return { label, icon: 'bellOff', pick };
  });
  return (
    <button type="button" className="row-button" onClick={(event) => openMenu(event.currentTarget, texts.mute, items)}>
      <Icon name="bellOff" />
      <span>{texts.mute}</span>
    </button>
  );
}

function PinButton({ thread }: { readonly thread: Thread }): ReactNode {
  const { texts } = useApp();
  const change = useSettingsOf(thread);
  const pinned = thread.settings?.pinned ?? false;
  return (
    <button type="button" className="row-button" aria-pressed={pinned} onClick={() => change({ pinned: !pinned })}>
      <Icon name="pin" />
      <span>{pinned ? texts.unpin : texts.pin}</span>
    </button>
  );
}

function BlockButton({ userId }: { readonly userId: string }): ReactNode {
  const { desk, texts } = useApp();
  const name = useName(userId);
  const isBlocked = useView(desk.blocked).has(userId);
  const { people } = desk.parley.client;
  if (userId === desk.me) return null;
  return (
    <button
      type="button"
      className="row-button danger"
      onClick={() => void desk.act(isBlocked ? people.unblock(userId) : people.block(userId))}
    >
      <Icon name="block" />
      <span>{isBlocked ? texts.unblock : texts.block(name)}</span>
    </button>
  );
}

function LeaveButton({ thread }: { readonly thread: Thread }): ReactNode {
  const { desk, texts } = useApp();
  if (thread.head?.member === false) return null;
  const leave = async (): Promise<void> => {
    if ((await desk.act(desk.parley.client.groups.leave(thread.threadId))) !== undefined)
      desk.router.go({ kind: 'home' });
  };
  const ask = (
    <Confirm title={texts.leaveTitle} text={texts.leaveText} action={texts.leave} confirm={() => void leave()} />
  );
  return (
    <button type="button" className="row-button danger" onClick={() => desk.dialog.set(ask)}>
      <Icon name="leave" />
      <span>{texts.leave}</span>
    </button>
  );
}

function Members({ thread }: { readonly thread: Thread }): ReactNode {
  const { desk, texts } = useApp();
  const { threadId } = thread;
  const members = useView(desk.members).get(threadId);
  useEffect(() => void desk.readMembers(threadId), [desk, threadId]);
  const ids = (members ?? []).flatMap(({ member }) => member?.userId ?? []);
  const sorted = (members ?? []).toSorted((a, b) => (b.member?.role ?? 0) - (a.member?.role ?? 0));
  return (
    <section className="people-list">
      <h3>{texts.members(thread.memberCount)}</h3>
      {thread.role >= adminRole && (
        <button
          type="button"
          className="row-button"
          onClick={() => desk.dialog.set(<AddPeople threadId={threadId} without={ids} />)}
        >
          <Icon name="plus" />
          <span>{texts.addPeople}</span>
        </button>
      )}
      {members === undefined && <p className="quiet">{texts.loading}</p>}
      <ul>
        {sorted.map((it) => (
          <MemberLine key={it.member?.userId} of={it} thread={thread} />
        ))}
      </ul>
    </section>
  );
}

function AddPeople({
  threadId,
  without,
}: {
  readonly threadId: string;
  readonly without: readonly string[];
}): ReactNode {
  const { desk, texts } = useApp();
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const submit = (): void => {
    desk.dialog.set(undefined);
    if (chosen.length > 0) void desk.act(desk.parley.client.groups.add(threadId, chosen));
  };
  const action = (
    <button type="submit" className="button primary" disabled={chosen.length === 0}>
      {texts.addPeople}
    </button>
  );
  return (
    <Dialog title={texts.addPeople} actions={action} onSubmit={submit}>
      <PeoplePicker
        chosen={chosen}
        without={without}
        toggle={(userId) =>
          setChosen(chosen.includes(userId) ? chosen.filter((it) => it !== userId) : [...chosen, userId])
        }
      />
    </Dialog>
  );
}

function MemberLine({ of: { member }, thread }: { readonly of: ThreadMember; readonly thread: Thread }): ReactNode {
  const { desk, texts, times } = useApp();
  const openMenu = useMenu();
  const userId = member?.userId ?? '';
  const role = member?.role ?? memberRole;
  const name = useName(userId);
  const presence = usePresence(userId);
  const { groups } = desk.parley.client;
  const isMe = userId === desk.me;
  const items: MenuItem[] = [];
  if (!isMe) items.push({ label: texts.message, icon: 'send', pick: () => void desk.openPerson(userId) });
  if (thread.role === ownerRole) {
    for (const other of [memberRole, adminRole, ownerRole]) {
      if (other === role) continue;
      const label = texts.makeRole(texts.role[other] ?? '');
      items.push({ label, icon: 'user', pick: () => void desk.act(groups.setRole(thread.threadId, userId, other)) });
    }
  }
  if (thread.role >= adminRole && !isMe) {
    const pick = (): void => void desk.act(groups.remove(thread.threadId, userId));
    items.push({ label: texts.removeFromGroup, icon: 'trash', isDanger: true, pick });
  }
  const said = [role === memberRole ? '' : (texts.role[role] ?? ''), presenceText(presence, texts, times)]
    .filter(Boolean)
    .join(' · ');
  return (
    <li className="person">
      <Avatar userId={userId} size="small" presence />
      <span className="person-text">
        <b dir="auto">{isMe ? `${name} (${texts.you})` : name}</b>
        {said !== '' && <small>{said}</small>}
      </span>
      {items.length > 0 && (
        <IconButton
          icon="more"
          label={texts.memberActions(name)}
          onClick={(event) => openMenu(event.currentTarget, texts.memberActions(name), items)}
        />
      )}
    </li>
  );
}
