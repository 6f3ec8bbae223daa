import { useEffect } from 'react';
import type { ReactNode } from 'react';
import { ParleyProvider, useView } from '../../web/react/index.ts';
import { profileView } from '../../web/people.ts';
import { rememberName } from '../store/account.ts';
import { watchForNews } from '../store/alerts.ts';
import type { Desk } from '../store/desk.ts';
import { sentenceOf } from '../text/texts.ts';
import type { Texts } from '../text/en.ts';
import type { Times } from '../text/times.ts';
import { ConnectionBar } from './connection-bar.tsx';
import { Context } from './context.ts';
import { ConversationView } from './conversation-view.tsx';
import { DialogHost, ToastHost } from './dialog.tsx';
import { LiveView } from './live-view.tsx';
import { PopoverHost } from './popover.tsx';
import { Sidebar } from './sidebar.tsx';
import { Notice } from './sign-in.tsx';

interface ShellProps {
  readonly desk: Desk;
  readonly texts: Texts;
  readonly times: Times;
}

/** The app of somebody who is signed in. */
export function Shell({ desk, texts, times }: ShellProps): ReactNode {
  const route = useView(desk.router.route);
  desk.sentence = (error) => sentenceOf(texts, error);
  useEffect(
    () =>
      watchForNews(
        desk,
        () => texts,
        (userId) => profileView(desk.parley, userId).get()?.displayName || userId,
      ),
    [desk, texts],
  );
  const connection = useView(desk.parley.connection);
  // The app itself closes nothing: `asked` is a sign-out in another tab.
  if (connection.phase === 'closed' && ['signed-out', 'asked'].includes(connection.reason)) {
    // What it kept is wiped: nothing stays on screen either, and nobody comes in by the name alone.
    const again = (): void => {
      rememberName(undefined);
      location.reload();
    };
    return <Notice title={texts.signedOutTitle} text={texts.signedOutHere} action={texts.signIn} act={again} />;
  }
  return (
    <Context value={{ desk, texts, times }}>
      <ParleyProvider parley={desk.parley}>
        <a className="skip-link" href="#composer">
          {texts.skipToComposer}
        </a>
        <div className={route.kind === 'home' ? 'shell at-home' : 'shell'}>
          <ConnectionBar />
          <Sidebar />
          <main className="main">
            {route.kind === 'thread' && <ConversationView key={route.threadId} threadId={route.threadId} />}
            {route.kind === 'live' && <LiveView key={route.channelId} channelId={route.channelId} />}
            {route.kind === 'home' && (
              <div className="empty welcome">
                <p className="empty-mark" aria-hidden="true">
                  💬
                </p>
                <h1>{texts.welcomeTitle}</h1>
                <p>{texts.welcomeText}</p>
              </div>
            )}
          </main>
        </div>
        <DialogHost />
        <PopoverHost />
        <ToastHost />
      </ParleyProvider>
    </Context>
  );
}
