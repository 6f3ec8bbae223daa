import type { Message } from '#proto/parley/v1/thread.ts';
import { textOf } from '../../core/fold.ts';
import { msOf } from '../../core/times.ts';
import { threadsView } from '../../web/threads.ts';
import type { Texts } from '../text/en.ts';
import type { Desk } from './desk.ts';

/** Tells of what is new where nobody looks: in the title, and by notifications where they are wanted and allowed. */
export function watchForNews(desk: Desk, texts: () => Texts, nameOf: (userId: string) => string): () => void {
  const { parley, settings, router } = desk;
  const threads = threadsView(parley);
  const showTitle = (): void => {
    const unread = threads.get().rows.reduce((sum, row) => sum + (isMuted(row.thread.settings) ? 0 : row.unread), 0);
    const title = unread === 0 ? texts().app : `(${unread > 999 ? '999+' : unread}) ${texts().app}`;
    // Even the same one costs the browser milliseconds, at each message.
    if (document.title !== title) document.title = title;
  };
  showTitle();
  const gaze = holdWhileSeen(`parley.seen.${desk.me}`);
  const notify = async (threadId: string, message: Message): Promise<void> => {
    if (!settings.get().notify || !('Notification' in window) || Notification.permission !== 'granted') return;
    if (await gaze.isHeld()) return;
    const row = threads.get().rows.find((it) => it.threadId === threadId);
    if (isMuted(row?.thread.settings)) return;
    const group = row?.thread.name ?? '';
    const from = nameOf(message.senderId);
    const title = group === '' ? from : `${from} · ${group}`;
    const body = (textOf(message.content) ?? texts().attachmentPreview).slice(0, 200);
    // One for each thread: the next takes its place.
    const notification = new Notification(title, { body, tag: threadId, icon: '/favicon.svg' });
    notification.addEventListener('click', () => {
      window.focus();
      router.go({ kind: 'thread', threadId });
      notification.close();
    });
  };
  const ends = [
    threads.subscribe(showTitle),
    parley.client.on('message', ({ threadId, message, added }) => {
      if (added && message.senderId !== desk.me) void notify(threadId, message);
    }),
    gaze.end,
  ];
  return () => {
    for (const end of ends) end();
    document.title = texts().app;
  };
}

/** A lock that is held as long as somebody looks at this page: `isHeld` where they look at any page of the user's. */
function holdWhileSeen(name: string): { isHeld(): Promise<boolean>; end(): void } {
  const isSeen = (): boolean => !document.hidden && document.hasFocus();
  let release: (() => void) | undefined;
  const look = (): void => {
    if (!isSeen()) {
      release?.();
      release = undefined;
    } else if (release === undefined && isSecureContext) {
      const { promise, resolve } = Promise.withResolvers<void>();
      release = resolve;
      navigator.locks.request(name, { mode: 'shared' }, () => promise).catch(() => undefined);
    }
  };
  const stop = new AbortController();
  const { signal } = stop;
  for (const event of ['focus', 'blur']) addEventListener(event, look, { signal });
  document.addEventListener('visibilitychange', look, { signal });
  look();
  return {
    async isHeld() {
      if (isSeen()) return true;
      try {
        const { held = [] } = await navigator.locks.query();
        return held.some((lock) => lock.name === name);
      } catch {
        // Where a site may keep nothing it has no locks either: each page is for itself.
        return false;
      }
    },
    end() {
      stop.abort();
      release?.();
    },
  };
}

/** Whether a thread's news are not to be told just now. */
export function isMuted(
  settings: { muteUntilTime?: { seconds: bigint; nanos: number } | undefined } | undefined,
): boolean {
  return (msOf(settings?.muteUntilTime) ?? 0) > Date.now();
}
