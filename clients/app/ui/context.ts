import { createContext, useContext } from 'react';
import type { Presence } from '#proto/parley/v1/presence.ts';
import { presenceView, profileView } from '../../web/people.ts';
import { useConnection, useView } from '../../web/react/index.ts';
import type { Desk } from '../store/desk.ts';
import type { Texts } from '../text/en.ts';
import type { Times } from '../text/times.ts';

export interface AppContext {
  readonly desk: Desk;
  readonly texts: Texts;
  readonly times: Times;
}

export const Context = createContext<AppContext | undefined>(undefined);

export function useApp(): AppContext {
  const context = useContext(Context);
  if (context === undefined) throw new Error('useApp: outside of the signed-in app');
  return context;
}

/** What a user is called, as far as it is known. The system has a name too. */
export function useName(userId: string): string {
  const { desk, texts } = useApp();
  // The system has no profile: to ask for it would fail all that is asked for with it.
  const profile = useView(profileView(desk.parley, userId === '' ? desk.me : userId));
  if (userId === '') return texts.system;
  return profile?.displayName || userId;
}

/** Who was online when the connection broke may be so no more: nothing is known of them until it is back. */
export function usePresence(userId: string): Presence | undefined {
  const presence = useView(presenceView(useApp().desk.parley, userId));
  const { phase } = useConnection();
  return isOnline(presence) && phase !== 'live' ? undefined : presence;
}

/** Online, offline, unknown, hidden: the proto's PresenceState. */
export const isOnline = (presence: Presence | undefined): boolean => presence?.state === 1;
