import { useState } from 'react';
import type { ReactNode } from 'react';
import type { Texts } from '../text/en.ts';

interface SignInProps {
  readonly texts: Texts;
  readonly isBusy: boolean;
  /** Why the last try did not work. */
  readonly error: string | undefined;
  readonly signIn: (name: string) => void;
}

/** A name is all that it takes where the dev key is in use. */
export function SignIn({ texts, isBusy, error, signIn }: SignInProps): ReactNode {
  const [name, setName] = useState('');
  return (
    <main className="front">
      <form
        className="front-card"
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() !== '') signIn(name.trim());
        }}
      >
        <Mark />
        <h1>{texts.app}</h1>
        <p className="quiet">{texts.tagline}</p>
        <label className="field">
          <span>{texts.yourName}</span>
          <input
            name="name"
            value={name}
            maxLength={60}
            placeholder={texts.namePlaceholder}
            autoComplete="nickname"
            autoFocus
            dir="auto"
            disabled={isBusy}
            onChange={(event) => setName(event.currentTarget.value)}
          />
        </label>
        {error !== undefined && (
          <p className="field-error" role="alert">
            {error}
          </p>
        )}
        <button type="submit" className="button primary large" disabled={isBusy || name.trim() === ''}>
          {isBusy ? texts.comingIn : texts.comeIn}
        </button>
        <p className="front-note">{texts.devNote}</p>
      </form>
    </main>
  );
}

interface NoticeProps {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly act: () => void;
}

/** One thing to say, and one to do about it. */
export function Notice({ title, text, action, act }: NoticeProps): ReactNode {
  return (
    <main className="front">
      <div className="front-card">
        <Mark />
        <h1>{title}</h1>
        <p className="quiet">{text}</p>
        <button type="button" className="button primary large" onClick={act}>
          {action}
        </button>
      </div>
    </main>
  );
}

function Mark(): ReactNode {
  return <img className="mark" src="/favicon.svg" alt="" width="56" height="56" />;
}
