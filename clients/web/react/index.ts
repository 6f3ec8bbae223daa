// React hooks over the views: `import { useThreads } from '@parley/web/react'`. React 18 or later.
import { createContext, createElement, useContext, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import type { ReactNode } from 'react';
import type { ConnectionState } from '../../core/connection-state.ts';
import type { ChannelWish } from '../../core/wishes.ts';
import type { Presence } from '#proto/parley/v1/presence.ts';
import type { Profile } from '#proto/parley/v1/thread.ts';
import { channelView } from '../channel.ts';
import type { ChannelSnapshot, ChannelView } from '../channel.ts';
import type { ParleyOptions } from '../options.ts';
import { openParley } from '../parley.ts';
import type { Parley, StorageState } from '../parley.ts';
import { presenceView, profileView } from '../people.ts';
import { threadView } from '../thread.ts';
import type { ThreadSnapshot, ThreadView } from '../thread.ts';
import { threadsView } from '../threads.ts';
import type { ThreadsSnapshot } from '../threads.ts';
import type { View } from '../view.ts';

const ParleyContext = createContext<Parley | undefined>(undefined);

/** Gives a Parley to the hooks below it. */
export function ParleyProvider(props: { readonly parley: Parley; readonly children?: ReactNode }): ReactNode {
  return createElement(ParleyContext.Provider, { value: props.parley }, props.children);
}

/**
 * Opens a Parley for as long as the component is there, and closes it then; undefined until it is open. `options` count when
 * `key` changes: give the user's id. What opening rejects with is thrown while rendering, for an error boundary.
 */
export function useOpenParley(key: string, options: ParleyOptions): Parley | undefined {
  const [state, setState] = useState<{ key: string; parley?: Parley | undefined; error?: Error }>();
  useEffect(() => {
    let gone = false;
    // A turn later: in strict mode a component is there, gone and there again in one.
    const opening = Promise.resolve().then(() => (gone ? undefined : openParley(options)));
    opening.then(
      (parley) => {
        if (!gone) setState({ key, parley });
      },
      (error: unknown) => {
        if (!gone) setState({ key, error: error instanceof Error ? error : new Error(String(error)) });
      },
    );
    return () => {
      gone = true;
      setState(undefined);
      opening.then(
        (parley) => void parley?.close(),
        () => undefined,
      );
    };
    // The options are a new object at each rendering; only another key means another Parley.
  }, [key]);
  if (state?.key !== key) return undefined;
  if (state.error !== undefined) throw state.error;
  return state.parley;
}

/** The Parley of the provider above. Throws when there is none. */
export function useParley(): Parley {
  const parley = useContext(ParleyContext);
  if (parley === undefined) throw new Error('useParley: no ParleyProvider is above this component');
  return parley;
}

/** The value of a view, and a rendering at each change. The view must be the same each time, as all of this package are. */
export function useView<T>(view: View<T>): T {
  const [subscribe, get] = useMemo(() => [view.subscribe.bind(view), view.get.bind(view)] as const, [view]);
  return useSyncExternalStore(subscribe, get, get);
}

export function useConnection(): ConnectionState {
  return useView(useParley().connection);
}

export function useStorage(): StorageState {
  return useView(useParley().storage);
}

/** The thread list. */
export function useThreads(): ThreadsSnapshot {
  return useView(threadsView(useParley()));
}

/** A thread that is on screen, and what can be done with it. */
export function useThread(threadId: string): ThreadSnapshot & Pick<ThreadView, 'loadOlder' | 'dismiss'> {
  const view = threadView(useParley(), threadId);
  const snapshot = useView(view);
  return useMemo(
    () => ({ ...snapshot, loadOlder: () => view.loadOlder(), dismiss: (id: string) => view.dismiss(id) }),
    [view, snapshot],
  );
}

/** A channel that is on screen. */
export function useChannel(channelId: string, wish?: ChannelWish): ChannelSnapshot & Pick<ChannelView, 'publish'> {
  const view = channelView(useParley(), channelId, wish);
  const snapshot = useView(view);
  return useMemo(() => ({ ...snapshot, publish: view.publish.bind(view) }), [view, snapshot]);
}

/** Whether a user is there. */
export function usePresence(userId: string): Presence | undefined {
  return useView(presenceView(useParley(), userId));
}

/** A user's name and picture. */
export function useProfile(userId: string): Profile | undefined {
  return useView(profileView(useParley(), userId));
}
