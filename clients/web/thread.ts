import type { Draft } from '../core/draft.ts';
import { ParleyError } from '../core/errors.ts';
import type { Item } from '../core/fold.ts';
import type { Thread } from '#proto/parley/v1/thread.ts';
import type { Parley } from './parley.ts';
import { bookOf } from './parts.ts';
import type { Parts } from './parts.ts';
import { newestRun } from './storage/newest-run.ts';
import { Live } from './view.ts';
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
  const { parts } = parley;
  return parts.once(`thread ${threadId}`, () => new OnScreen(parts, threadId));
}

/** Messages of a page. */
const pageSize = 50;

class OnScreen extends Live<ThreadSnapshot> implements ThreadView {
  readonly #parts: Parts;
  readonly #threadId: string;
  #receipts = 0;
  #loading = 0;
  #error: ParleyError | undefined;
  /** The oldest message that there is for the user, when that is known. */
  #beginning: bigint | undefined;
  /** The newest page was read since the last hole. */
  #isRead = false;
  /** Counts holes. */
  #holes = 0;
  #isKeptRead = false;

  constructor(parts: Parts, threadId: string) {
    super(parts.runtime);
    this.#parts = parts;
    this.#threadId = threadId;
    const { client } = parts;
    const ours = (event: { readonly threadId: string }): void => {
      if (event.threadId === threadId) this.changed();
    };
    for (const name of ['entry', 'message', 'read', 'typing', 'draft'] as const) client.on(name, ours);
    client.on('heads', (heads) => heads.forEach(ours));
    client.on('sent', ({ draft }) => ours(draft));
    client.on('sendFailed', ({ draft }) => ours(draft));
    client.on('receipt', (receipt) => {
      if (receipt.threadId !== threadId) return;
      this.#receipts += 1;
      this.changed();
    });
    const again = (event: { readonly threadId: string }): void => {
      if (event.threadId !== threadId) return;
      this.#isRead = false;
      this.#holes += 1;
      this.#beginning = undefined;
      this.changed();
      if (this.isWatched) void this.#readNewest();
    };
    client.on('skipped', again);
    client.on('restarted', again);
    client.on('caughtUp', () => {
      if (this.isWatched) void this.#readNewest();
    });
    bookOf(parts).listen((changed) => {
      if (changed === undefined || changed === threadId) this.changed();
    });
  }

  async loadOlder(): Promise<void> {
    const first = newestRun(this.#parts.client.items(this.#threadId))[0];
    if (first === undefined) await this.#readNewest();
    else await this.#read(first.sequence);
  }

  dismiss(clientMessageId: string): void {
    const { failed } = this.get();
    this.#parts.failed = this.#parts.failed.filter(
      (each) => each.draft.clientMessageId !== clientMessageId || !failed.includes(each),
    );
    this.changed();
  }

  protected override begin(): () => void {
    const { client } = this.#parts;
    const threadId = this.#threadId;
    // Refused: with too many threads on screen, or none of the user's. What is to be read says which.
    client.subscribe(threadId).catch(() => undefined);
    if (bookOf(this.#parts).get(threadId) === undefined) bookOf(this.#parts).look(threadId);
    void this.#readNewest();
    return () => client.unsubscribe(threadId);
  }

  protected make(): ThreadSnapshot {
    const { client } = this.#parts;
    const threadId = this.#threadId;
    const items = newestRun(client.items(threadId));
    const first = items[0];
    const isFirst = this.#beginning !== undefined && first !== undefined && first.sequence <= this.#beginning;
    return {
      threadId,
      thread: bookOf(this.#parts).get(threadId),
      items,
      drafts: client.drafts(threadId),
      failed: this.#parts.failed.filter(({ draft }) => draft.threadId === threadId),
      typing: client.whoTypes(threadId).filter((userId) => userId !== client.userId),
      unread: client.unread(threadId),
      hasOlder: !isFirst && !(this.#isRead && first === undefined) && first?.sequence !== 1n,
      loading: this.#loading > 0,
      error: this.#error,
      receipts: this.#receipts,
    };
  }

  async #readNewest(): Promise<void> {
    const { keeper } = this.#parts;
    if (!this.#isKeptRead) {
      this.#isKeptRead = true;
      await keeper.loadLines(this.#threadId);
      this.changed();
    }
    if (!this.#isRead && this.#loading === 0) await this.#read(undefined);
  }

  async #read(before: bigint | undefined): Promise<void> {
    const { client, keeper } = this.#parts;
    const threadId = this.#threadId;
    const holes = this.#holes;
    this.#loading += 1;
    this.changed();
    try {
      const page = before === undefined ? { pageSize } : { pageSize, before };
      const { olderPageToken } = await client.readHistory(threadId, page);
      // Read before the hole, it says nothing of what is after.
      const isCurrent = holes === this.#holes;
      if (before === undefined && isCurrent) this.#isRead = true;
      const first = newestRun(client.items(threadId))[0];
      if (olderPageToken === '' && isCurrent) this.#beginning = first?.sequence;
      this.#error = undefined;
      keeper.keepLines(threadId);
      if (!isCurrent && this.isWatched) queueMicrotask(() => void this.#readNewest());
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
      this.#error = error;
    } finally {
      this.#loading -= 1;
      this.changed();
    }
  }
}
