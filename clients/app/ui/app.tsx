import { useCallback, useEffect, useMemo, useState } from 'react';
import type { ReactNode } from 'react';
import { openParley } from '../../web/parley.ts';
import { useView } from '../../web/react/index.ts';
import { begin, rememberName, signInByName, signInPage } from '../store/account.ts';
import type { Account, Beginning, Config } from '../store/account.ts';
import { Desk } from '../store/desk.ts';
import type { Router } from '../store/route.ts';
import type { SettingsStore } from '../store/settings.ts';
import { languages, sentenceOf } from '../text/texts.ts';
import { Times } from '../text/times.ts';
import { Shell } from './shell.tsx';
import { Notice, SignIn } from './sign-in.tsx';

interface AppProps {
  readonly router: Router;
  readonly settings: SettingsStore;
  /** Under way since before the app was loaded. */
  readonly begun: Promise<Beginning>;
}

type State =
  | { readonly kind: 'starting' }
  | { readonly kind: 'nobody'; readonly config: Config; readonly isBusy: boolean; readonly error?: unknown }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'in'; readonly desk: Desk };

/** From nobody to somebody. */
export function App({ router, settings, begun }: AppProps): ReactNode {
  const { language } = useView(settings);
  const texts = languages[language];
  const times = useMemo(() => new Times(texts), [texts]);
  useDay();
  const [state, setState] = useState<State>({ kind: 'starting' });

  const enter = useCallback(
    async (account: Account): Promise<void> => {
      const { userId, getToken, demo } = account;
      const parley = await openParley({ userId, getToken });
      if (demo !== undefined) settings.addPost(demo.channelId);
      if (demo !== undefined && router.route.get().kind === 'home' && !matchMedia('(max-width: 720px)').matches) {
        router.go({ kind: 'thread', threadId: demo.threadId }, 'replace');
      }
      setState({ kind: 'in', desk: new Desk(parley, account, router, settings) });
    },
    [router, settings],
  );
  const signIn = useCallback(
    async (config: Config, name: string): Promise<void> => {
      setState({ kind: 'nobody', config, isBusy: true });
      try {
        const account = await signInByName(config, name);
        rememberName(name);
        await enter(account);
      } catch (error) {
        setState({ kind: 'nobody', config, isBusy: false, error });
      }
    },
    [enter],
  );
  const start = useCallback(
    async (beginning: Promise<Beginning>): Promise<void> => {
      setState({ kind: 'starting' });
      try {
        const { config, account } = await beginning;
        if (account === undefined) setState({ kind: 'nobody', config, isBusy: false });
        else await enter(account);
      } catch (error) {
        setState({ kind: 'failed', error });
      }
    },
    [enter],
  );
  useEffect(() => void start(begun), [start, begun]);

  switch (state.kind) {
    case 'starting':
      return null;
    case 'in':
      return <Shell desk={state.desk} texts={texts} times={times} />;
    case 'failed':
      return (
        <Notice
          title={texts.cannotStart}
          text={sentenceOf(texts, state.error)}
          action={texts.tryAgain}
          act={() => void start(begin())}
        />
      );
    case 'nobody': {
      const { config, isBusy, error } = state;
      if (config.dev) {
        const said = error === undefined ? undefined : sentenceOf(texts, error);
        return <SignIn texts={texts} isBusy={isBusy} error={said} signIn={(name) => void signIn(config, name)} />;
      }
      const act = (): void => (config.signInUrl === '' ? location.reload() : location.assign(signInPage(config)));
      const action = config.signInUrl === '' ? texts.tryAgain : texts.signIn;
      return <Notice title={texts.signedOutTitle} text={texts.signedOutText} action={action} act={act} />;
    }
  }
}

/** Draws all anew when a day begins: what was today is yesterday. */
function useDay(): void {
  const [day, setDay] = useState(() => new Date().setHours(0, 0, 0, 0));
  useEffect(() => {
    const begun = new Date(day);
    const leftMs = begun.setDate(begun.getDate() + 1) - Date.now();
    // A timer may come a little early.
    const timer = setTimeout(() => setDay(new Date().setHours(0, 0, 0, 0)), leftMs + 1_000);
    return () => clearTimeout(timer);
  }, [day]);
}
