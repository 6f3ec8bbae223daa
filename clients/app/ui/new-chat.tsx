import { useEffect, useState } from 'react';
import type { ReactNode } from 'react';
import { Avatar } from './avatar.tsx';
import { isOnline, useApp, useName, usePresence } from './context.ts';
import { Dialog } from './dialog.tsx';
import { Icon } from './icon.tsx';

type Kind = 'person' | 'group' | 'post';

/** Starts a chat with a person or a group, or opens a live post. */
export function NewChat(): ReactNode {
  const { desk, texts } = useApp();
  const [kind, setKind] = useState<Kind>('person');
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [name, setName] = useState('');
  const [history, setHistory] = useState(true);
  const [post, setPost] = useState('');
  const [isBusy, setBusy] = useState(false);
  const createGroup = async (): Promise<void> => {
    setBusy(true);
    const wish = { name: name.trim(), memberIds: chosen, historyForNewMembers: history };
    const thread = await desk.act(desk.parley.client.groups.create(wish));
    setBusy(false);
    if (thread !== undefined) desk.openThread(thread.threadId);
  };
  const submit = (): void => {
    if (kind === 'group' && name.trim() !== '' && !isBusy) void createGroup();
    if (kind === 'post' && /^[A-Za-z0-9._:-]{1,128}$/.test(post.trim())) desk.openPost(post.trim());
  };
  const action =
    kind === 'person' ? undefined : (
      <button
        type="submit"
        className="button primary"
        disabled={isBusy || (kind === 'group' ? name : post).trim() === ''}
      >
        {kind === 'group' ? texts.create : texts.open}
      </button>
    );
  const kinds: Readonly<Record<Kind, string>> = { person: texts.person, group: texts.group, post: texts.live };
  return (
    <Dialog title={texts.newChat} actions={action} onSubmit={submit}>
      <div className="segments" role="radiogroup" aria-label={texts.newChat}>
        {(Object.keys(kinds) as Kind[]).map((it) => (
          <label key={it}>
            <input type="radio" name="kind" checked={kind === it} onChange={() => setKind(it)} />
            <span>{kinds[it]}</span>
          </label>
        ))}
      </div>
      {kind === 'group' && (
        <label className="field">
          <span>{texts.groupName}</span>
          <input
            value={name}
            maxLength={60}
            placeholder={texts.groupNamePlaceholder}
            data-first=""
            onChange={(event) => setName(event.currentTarget.value)}
          />
        </label>
      )}
      {kind === 'post' ? (
        <label className="field">
          <span>{texts.postId}</span>
          <input
            value={post}
            placeholder={texts.postPlaceholder}
            pattern="[A-Za-z0-9._:\-]{1,128}"
            data-first=""
            onChange={(event) => setPost(event.currentTarget.value)}
          />
        </label>
      ) : (
        <PeoplePicker
          key={kind}
          chosen={kind === 'group' ? chosen : undefined}
          toggle={(userId) => {
            if (kind === 'person') {
              void desk.openPerson(userId);
              return;
            }
            setChosen(chosen.includes(userId) ? chosen.filter((it) => it !== userId) : [...chosen, userId]);
          }}
        />
      )}
      {kind === 'group' && (
        <label className="check">
          <input type="checkbox" checked={history} onChange={(event) => setHistory(event.currentTarget.checked)} />
          <span>{texts.seeHistory}</span>
        </label>
      )}
    </Dialog>
  );
}

interface PickerProps {
  /** Those that are chosen; undefined = a click is the choice. */
  readonly chosen: readonly string[] | undefined;
  readonly toggle: (userId: string) => void;
  /** Not to be offered. */
  readonly without?: readonly string[];
}

/** People one shares chats with, and anybody else by name. */
export function PeoplePicker({ chosen, toggle, without = [] }: PickerProps): ReactNode {
  const { desk, texts } = useApp();
  const [people, setPeople] = useState<readonly { userId: string; name: string }[]>();
  const [typed, setTyped] = useState('');
  useEffect(() => {
    desk.parley.client.people.list({ pageSize: 200 }).then(
      (page) =>
        setPeople(
          page.people.flatMap(({ profile }) =>
            profile === undefined ? [] : [{ userId: profile.userId, name: profile.displayName || profile.userId }],
          ),
        ),
      () => setPeople([]),
    );
  }, [desk]);
  const search = typed.trim().toLocaleLowerCase();
  const shown = (people ?? []).filter((it) => !without.includes(it.userId) && wordsOf(it).includes(search));
  const typedId = search.replaceAll(/\s+/g, '-');
  const isKnown = shown.some(({ userId }) => userId === typedId);
  const take = (userId: string): void => {
    toggle(userId);
    setTyped('');
  };
  return (
    <div className="picker">
      {chosen !== undefined && chosen.length > 0 && (
        <ul className="chips">
          {chosen.map((userId) => (
            <Chip key={userId} userId={userId} remove={() => toggle(userId)} />
          ))}
        </ul>
      )}
      <label className="field">
        <span>{chosen === undefined ? texts.person : texts.addPeople}</span>
        <input
          value={typed}
          placeholder={texts.personPlaceholder}
          data-first={chosen === undefined ? '' : undefined}
          autoCapitalize="none"
          onChange={(event) => setTyped(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.nativeEvent.isComposing || event.keyCode === 229) return;
            event.preventDefault();
            // Who merely has it within a name is not who was meant.
            const [only, ...more] = shown.filter((it) => wordsOf(it).includes(` ${search}`));
            if (only !== undefined && more.length === 0) take(only.userId);
            else if (typedId !== '') take(typedId);
          }}
        />
      </label>
      <ul className="people" aria-label={texts.people}>
        {typedId !== '' && !isKnown && (
          <li>
            <button type="button" onClick={() => take(typedId)}>
              <span className="avatar small post" aria-hidden="true">
                <Icon name="plus" />
              </span>
              <b>{texts.startWith(typed.trim())}</b>
            </button>
          </li>
        )}
        {shown.slice(0, 100).map(({ userId }) => (
          <PersonOption key={userId} userId={userId} isChosen={chosen?.includes(userId)} take={take} />
        ))}
        {people?.length === 0 && typedId === '' && <li className="empty small">{texts.noPeople}</li>}
      </ul>
    </div>
  );
}

/** A space, and then all that somebody is found by. */
function wordsOf({ userId, name }: { readonly userId: string; readonly name: string }): string {
  return ` ${name} ${userId}`.toLocaleLowerCase();
}

function Chip({ userId, remove }: { readonly userId: string; readonly remove: () => void }): ReactNode {
  const { texts } = useApp();
  const name = useName(userId);
  return (
    <li>
      <button type="button" className="chip" aria-label={texts.remove(name)} onClick={remove}>
        <span dir="auto">{name}</span>
        <Icon name="close" />
      </button>
    </li>
  );
}

interface OptionProps {
  readonly userId: string;
  readonly isChosen: boolean | undefined;
  readonly take: (userId: string) => void;
}

function PersonOption({ userId, isChosen, take }: OptionProps): ReactNode {
  const { texts } = useApp();
  const name = useName(userId);
  const online = isOnline(usePresence(userId));
  return (
    <li>
      <button type="button" aria-pressed={isChosen} onClick={() => take(userId)}>
        <Avatar userId={userId} size="small" presence />
        <b dir="auto">{name}</b>
        {online && <span className="quiet">{texts.online}</span>}
        {isChosen === true && <Icon name="check" />}
      </button>
    </li>
  );
}
