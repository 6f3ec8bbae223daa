import type { Thread } from '#proto/parley/v1/thread.ts';
import { ParleyError } from '../core/errors.ts';
import type { ParleyClient } from '../core/client.ts';
import { msOf } from '../core/times.ts';

/** A thread of the list. */
export interface ThreadRow {
  thread: Thread;
  /** For the order of the list. */
  activityMs: number;
  isMember: boolean;
}

const direct = 1;

/** The threads of the user, as the list shows them: read once, then kept by what the stream tells. */
export class ThreadRows {
  readonly #client: ParleyClient;
  readonly #changed: () => void;
  readonly #rows = new Map<string, ThreadRow>();
  readonly #asking = new Map<string, Promise<void>>();

  constructor(client: ParleyClient, changed: () => void) {
    this.#client = client;
    this.#changed = changed;
  }

  /** Pinned ones first, then the most recently active; archived ones are left out. */
  list(): ThreadRow[] {
    return [...this.#rows.values()]
      .filter((row) => row.thread.settings?.archived !== true)
      .toSorted((a, b) => Number(pinned(b)) - Number(pinned(a)) || b.activityMs - a.activityMs);
  }

  get(threadId: string): ThreadRow | undefined {
    return this.#rows.get(threadId);
  }

  /** The direct thread with a user, if it is in the list. */
  directWith(userId: string): ThreadRow | undefined {
    return [...this.#rows.values()].find(({ thread }) => thread.kind === direct && thread.peerId === userId);
  }

  /** Users at the other end of direct threads, the most recent first. */
  peers(): string[] {
    return this.list().flatMap(({ thread }) => (thread.kind === direct ? [thread.peerId] : []));
  }

  async load(): Promise<void> {
    for (let pageToken = ''; ;) {
      const page = await this.#client.threads.list({ pageSize: 200, pageToken });
      for (const thread of page.threads) this.put(thread);
      pageToken = page.nextPageToken;
      if (pageToken === '') break;
    }
    this.#changed();
  }

  put(thread: Thread): void {
    const activityMs = msOf(thread.head?.activityTime) ?? 0;
    const old = this.#rows.get(thread.threadId);
    this.#rows.set(thread.threadId, {
      thread,
      activityMs: Math.max(old?.activityMs ?? 0, activityMs),
      isMember: thread.head?.member ?? true,
    });
  }

  /** Something happened in a thread. */
  touch(threadId: string, activityMs: number): void {
    const row = this.#rows.get(threadId);
    if (row === undefined) void this.refresh(threadId);
    else if (activityMs > row.activityMs) row.activityMs = activityMs;
  }

  /** Reads a thread anew; one that is no longer the user’s goes. */
  refresh(threadId: string): Promise<void> {
    const asking = this.#asking.get(threadId) ?? this.#read(threadId);
    this.#asking.set(threadId, asking);
    return asking;
  }

  async #read(threadId: string): Promise<void> {
    try {
      this.put(await this.#client.threads.get(threadId));
    } catch (error) {
      if (error instanceof ParleyError && error.reason === 'THREAD_NOT_FOUND') this.#rows.delete(threadId);
      // Else it comes with the next entry, or the next start.
    } finally {
      this.#asking.delete(threadId);
    }
    this.#changed();
  }
}

function pinned(row: ThreadRow): boolean {
  return row.thread.settings?.pinned === true;
}
