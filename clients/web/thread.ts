import type { Draft } from '../core/draft.ts';
import type { ParleyError } from '../core/errors.ts';
import type { Item } from '../core/fold.ts';
import type { Thread } from '#proto/parley/v1/thread.ts';
import type { Parley } from './parley.ts';
import type { View } from './view.ts';

export interface ThreadSnapshot {
  readonly threadId: string;
  /** Undefined until it is known. */
  readonly thread: Thread | undefined;
  /** The newest lines, ascending, without a hole: at most `keepItems`, more by `loadOlder`. */
  readonly items: readonly Item[];
  /** What this tab sent and has no place yet, in order. */
  readonly drafts: readonly Draft[];
  /** What was refused for good, until `dismiss`. */
  readonly failed: readonly { readonly draft: Draft; readonly error: ParleyError }[];
  /** Other users that type. */
  readonly typing: readonly string[];
  readonly unread: number;
  /** There are older messages than the first of `items`. */
  readonly hasOlder: boolean;
  /** A page is being read. */
  readonly loading: boolean;
  /** Why the last page could not be read. THREAD_NOT_FOUND: it is not the user's, or there is none. */
  readonly error: ParleyError | undefined;
  /** Grows with each change of receipts: ask `client.ticks` again. */
  readonly receipts: number;
}

export interface ThreadView extends View<ThreadSnapshot> {
  /** Reads the page before the first of `items`. Never rejects: see `error`. */
  loadOlder(): Promise<void>;
  /** Forgets a draft that was refused. */
  dismiss(clientMessageId: string): void;
}

/**
 * One thread on screen. Shows what is kept, then reads the newest page; while subscribed to, its typing and receipts come
 * too (of 20 threads at most, in all tabs together). The same view each time it is asked for.
 */
export function threadView(parley: Parley, threadId: string): ThreadView {
  throw new Error(`not yet: ${parley.userId} ${threadId}`);
}
