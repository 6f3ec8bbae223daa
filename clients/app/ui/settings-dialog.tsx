import { useEffect, useState } from 'react';
import type { ReactNode } from 'react';
import type { AccountSettings } from '#proto/parley/v1/account.ts';
import { useView } from '../../web/react/index.ts';
import { rememberName } from '../store/account.ts';
import { languages } from '../text/texts.ts';
import type { LanguageName } from '../text/texts.ts';
import { useApp, useName } from './context.ts';
import { Devices } from './devices.tsx';
import { Dialog } from './dialog.tsx';
import { UnblockButton } from './unblock-button.tsx';

/** How the app looks in this browser, and what holds for the account. */
export function SettingsDialog(): ReactNode {
  const { desk, texts } = useApp();
  const settings = useView(desk.settings);
  const { client } = desk.parley;
  const name = useName(desk.me);
  const [typedName, setTypedName] = useState(name);
  const [account, setAccount] = useState<AccountSettings>();
  useEffect(() => {
    void desk.act(client.account.settings()).then(setAccount);
  }, [desk, client]);
  const changeAccount = (part: Partial<AccountSettings>): void => {
    if (account === undefined) return;
    setAccount({ ...account, ...part });
    void desk.act(client.account.updateSettings({ ...account, ...part })).then((it) => setAccount(it ?? account));
  };
  const saveName = (): void => {
    const displayName = typedName.trim();
    if (displayName !== '' && displayName !== name) void desk.act(client.people.updateProfile({ displayName }));
  };
  const askToNotify = async (wanted: boolean): Promise<void> => {
    const allowed = wanted && 'Notification' in window && (await Notification.requestPermission()) === 'granted';
    desk.settings.change({ notify: allowed });
    if (wanted && !allowed) desk.say(texts.notificationsDenied);
  };
  const signOut = async (): Promise<void> => {
    rememberName(undefined);
    await desk.act(desk.parley.signOut());
    location.assign('/');
  };
  return (
    <Dialog title={texts.settings}>
      <label className="field">
        <span>{texts.displayName}</span>
        <input
          value={typedName}
          maxLength={60}
          dir="auto"
          onChange={(event) => setTypedName(event.currentTarget.value)}
          onBlur={saveName}
        />
      </label>
      <Segments
        label={texts.theme}
        name="theme"
        options={texts.themes}
        value={settings.theme}
        pick={(theme) => desk.settings.change({ theme })}
      />
      <Segments<LanguageName>
        label={texts.languageLabel}
        name="language"
        options={{ en: languages.en.language, zh: languages.zh.language }}
        value={settings.language}
        pick={(language) => desk.settings.change({ language })}
      />
      <label className="check">
        <input
          type="checkbox"
          checked={settings.notify}
          onChange={(event) => void askToNotify(event.currentTarget.checked)}
        />
        <span>{texts.notifications}</span>
      </label>
      <label className="check">
        <input
          type="checkbox"
          disabled={account === undefined}
          checked={account?.readPrivately ?? false}
          onChange={(event) => changeAccount({ readPrivately: event.currentTarget.checked })}
        />
        <span>
          {texts.readPrivately} <small>{texts.mutual}</small>
        </span>
      </label>
      <label className="check">
        <input
          type="checkbox"
          disabled={account === undefined}
          checked={account?.hidePresence ?? false}
          onChange={(event) => changeAccount({ hidePresence: event.currentTarget.checked })}
        />
        <span>
          {texts.hidePresence} <small>{texts.mutual}</small>
        </span>
      </label>
      <Blocked />
      <Devices />
      <button type="button" className="button danger" onClick={() => void signOut()}>
        {texts.signOut}
      </button>
    </Dialog>
  );
}

interface SegmentsProps<T extends string> {
  readonly label: string;
  readonly name: string;
  readonly options: Readonly<Record<T, string>>;
  readonly value: T;
  readonly pick: (value: T) => void;
}

/** A few choices side by side. */
function Segments<T extends string>({ label, name, options, value, pick }: SegmentsProps<T>): ReactNode {
  return (
    <fieldset className="choice">
      <legend>{label}</legend>
      <div className="segments">
        {(Object.entries(options) as [T, string][]).map(([it, text]) => (
          <label key={it}>
            <input type="radio" name={name} checked={value === it} onChange={() => pick(it)} />
            <span>{text}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function Blocked(): ReactNode {
  const { desk, texts } = useApp();
  const blocked = useView(desk.blocked);
  if (blocked.size === 0) return null;
  return (
    <section className="people-list">
      <h3>{texts.blockedPeople}</h3>
      <ul>
        {[...blocked].map((userId) => (
          <BlockedPerson key={userId} userId={userId} />
        ))}
      </ul>
    </section>
  );
}

function BlockedPerson({ userId }: { readonly userId: string }): ReactNode {
  const name = useName(userId);
  return (
    <li className="person">
      <span dir="auto">{name}</span>
      <UnblockButton userId={userId} />
    </li>
  );
}
