import type { ParleyError } from '../core/errors.ts';
import { msOf } from '../core/times.ts';
import type { Thread, ThreadHead } from '#proto/parley/v1/thread.ts';
import type { Parley } from './parley.ts';
import { bookOf } from './parts.ts';
import type { Parts } from './parts.ts';
import { Live } from './view.ts';
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
  const { parts } = parley;
  return parts.once('threads', () => new Threads(parts));
}

class Threads extends Live<ThreadsSnapshot> {
  readonly #parts: Parts;
  /** Rows by thread, as long as nothing of theirs changed. */
  readonly #rows = new Map<string, ThreadRow>();

  constructor(parts: Parts) {
    super(parts.runtime);
    this.#parts = parts;
    const { client } = parts;
    bookOf(parts).listen((threadId) => this.#forget(threadId));
    client.on('entry', ({ threadId }) => this.#forget(threadId));
    client.on('read', ({ threadId }) => this.#forget(threadId));
    client.on('typing', ({ threadId }) => this.#forget(threadId));
    client.on('restarted', ({ threadId }) => this.#forget(threadId));
  }

  protected override begin(): () => void {
    bookOf(this.#parts).wantList();
    return () => undefined;
  }

  protected make(): ThreadsSnapshot {
    const book = bookOf(this.#parts);
    const rows: ThreadRow[] = [];
    for (const thread of book.all()) {
      if (thread.settings?.archived === true) continue;
      let row = this.#rows.get(thread.threadId);
      if (row === undefined || row.thread !== thread) {
        row = this.#row(thread);
        this.#rows.set(thread.threadId, row);
      }
      rows.push(row);
    }
    rows.sort((a, b) => Number(isPinned(b)) - Number(isPinned(a)) || activityMs(b) - activityMs(a));
    const unread = rows.reduce((sum, row) => sum + row.unread, 0);
    return { rows, unread, loaded: book.isWhole, error: book.error };
  }

  #row(thread: Thread): ThreadRow {
    const { client } = this.#parts;
    const { threadId } = thread;
    const head = client.heads([threadId])[0] ?? thread.head;
    return { threadId, thread, head, unread: Number(head?.unreadCount ?? 0n), typing: client.whoTypes(threadId) };
  }

  #forget(threadId: string | undefined): void {
    if (threadId === undefined) this.#rows.clear();
    else this.#rows.delete(threadId);
    this.changed();
  }
}

function isPinned({ thread }: ThreadRow): boolean {
  return thread.settings?.pinned === true;
}

function activityMs({ head, thread }: ThreadRow): number {
  return Math.max(msOf(head?.activityTime) ?? 0, msOf(thread.head?.activityTime) ?? 0);
}
