import type { ParleyError } from '../core/errors.ts';
import type { Thread, ThreadHead } from '#proto/parley/v1/thread.ts';
import type { Parley } from './parley.ts';
import type { View } from './view.ts';

/** A thread in the list. */
export interface ThreadRow {
  readonly threadId: string;
  /** Name or peer, the user's settings, role, number of members, and `lastMessage` as it is now. */
  readonly thread: Thread;
  readonly head: ThreadHead | undefined;
  /** Messages the user has not read. */
  readonly unread: number;
  /** Who types; only of threads that are on screen. */
  readonly typing: readonly string[];
}

export interface ThreadsSnapshot {
  /** Pinned ones first, then by activity; without archived ones. */
  readonly rows: readonly ThreadRow[];
  /** Unread messages of all rows. */
  readonly unread: number;
  /** The list is whole, as of now or as it was kept. False: it is still being read for the first time. */
  readonly loaded: boolean;
  /** Why the list could not be read; it is asked for again with the next connection. */
  readonly error: ParleyError | undefined;
}

/** The user's threads. The same view each time it is asked for. */
export function threadsView(parley: Parley): View<ThreadsSnapshot> {
  throw new Error(`not yet: ${parley.userId}`);
}
