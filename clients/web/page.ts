import type { ParleyClient } from '../core/client.ts';

/** What follows the page's life. */
export interface PageParts {
  readonly client: ParleyClient;
  /** Puts down what is not yet on disk. */
  flush(): void;
  /** The page is about to be stopped in its tracks, or to go. */
  sleep(): void;
  /** It goes on. */
  wake(): void;
}

/** Whether the page is what the user looks at. */
export function isInFront(): boolean {
  return document.visibilityState === 'visible';
}

/**
 * Tells the parts what becomes of the page: hidden and shown, frozen and resumed, put into the back/forward cache and taken out, on- and
 * offline. A page that is frozen or cached keeps no stream, no lock and no worker: others may take over, and it may be
 * kept. The answer ends it.
 */
export function followPage({ client, flush, sleep, wake }: PageParts): () => void {
  const end = new AbortController();
  const { signal } = end;
  const seen = (): void => {
    client.setForeground(isInFront());
    if (!isInFront()) flush();
  };
  document.addEventListener('visibilitychange', seen, { signal });
  document.addEventListener('freeze', sleep, { signal });
  document.addEventListener('resume', wake, { signal });
  addEventListener('pagehide', sleep, { signal });
  addEventListener('pageshow', ({ persisted }) => persisted && wake(), { signal });
  addEventListener('online', () => client.reconnect(), { signal });
  return () => end.abort();
}
