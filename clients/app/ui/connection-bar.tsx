import { useEffect, useState } from 'react';
import type { ReactNode } from 'react';
import { useConnection, useStorage } from '../../web/react/index.ts';
import type { ConnectionState } from '../../core/connection-state.ts';
import type { Texts } from '../text/en.ts';
import { useApp } from './context.ts';

/** A connection that comes within this time is no news. */
const patienceMs = 700;

/** How the connection stands, when it does not stand as it should. */
export function ConnectionBar(): ReactNode {
  const { desk, texts } = useApp();
  const state = useConnection();
  const storage = useStorage();
  const isOnline = useOnline();
  const seconds = useCountdown(state);
  const isLate = useLate(state.phase === 'connecting' || state.phase === 'idle');
  if (state.phase === 'closed') {
    const said: Partial<Record<typeof state.reason, string>> = {
      superseded: texts.superseded,
      unauthenticated: texts.sessionRefused,
      refused: texts.sessionRefused,
    };
    return (
      <Bar kind="bad" action={texts.useHere} act={() => location.reload()}>
        {said[state.reason] ?? texts.sessionRefused}
      </Bar>
    );
  }
  if (!isOnline && state.phase !== 'live') return <Bar kind="quiet">{texts.noNetwork}</Bar>;
  if (state.phase === 'waiting') {
    return (
      <Bar kind="quiet" action={texts.retryNow} act={() => desk.parley.client.reconnect()}>
        {texts.reconnectingIn(seconds)}
      </Bar>
    );
  }
  if (isLate && state.phase !== 'live') return <Bar kind="quiet">{texts.connecting}</Bar>;
  if (storage.kind === 'memory' && storage.why !== 'off' && desk.parley.client.draftCount > 0) {
    return <Bar kind="quiet">{storageText(texts, storage.why)}</Bar>;
  }
  return null;
}

function storageText(texts: Texts, why: string): string {
  return why === 'full' ? texts.storageFull : texts.notKept;
}

interface BarProps {
  readonly kind: 'quiet' | 'bad';
  readonly children: ReactNode;
  readonly action?: string;
  readonly act?: () => void;
}

function Bar({ kind, children, action, act }: BarProps): ReactNode {
  return (
    <div className={`connection ${kind}`} role="status">
      <span className="spinner" aria-hidden="true" />
      <span>{children}</span>
      {action !== undefined && (
        <button type="button" className="link-button" onClick={act}>
          {action}
        </button>
      )}
    </div>
  );
}

function useOnline(): boolean {
  const [isOnline, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = (): void => setOnline(navigator.onLine);
    for (const name of ['online', 'offline']) addEventListener(name, look);
    return () => {
      for (const name of ['online', 'offline']) removeEventListener(name, look);
    };
  }, []);
  return isOnline;
}

/** Seconds until the next try. */
function useCountdown(state: ConnectionState): number {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    if (state.phase !== 'waiting') return undefined;
    const dueMs = performance.now() + state.retryInMs;
    const look = (): void => setLeft(Math.max(1, Math.ceil((dueMs - performance.now()) / 1000)));
    look();
    const timer = setInterval(look, 500);
    return () => clearInterval(timer);
  }, [state]);
  return left;
}

function useLate(isPending: boolean): boolean {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    if (!isPending) return undefined;
    const timer = setTimeout(() => setLate(true), patienceMs);
    return () => {
      clearTimeout(timer);
      setLate(false);
    };
  }, [isPending]);
  return isLate;
}
