import type { ThreadHead, Thread } from '#proto/parley/v1/thread.ts';
import type { ParleyClient } from '../core/client.ts';
import { ParleyError } from '../core/errors.ts';
import type { ClientEvents } from '../core/events.ts';
import type { Keeper } from './storage/keeper.ts';

/** With more threads than this to be looked up, the whole list is read. */
const mostSingly = 20;
const pageSize = 100;
/** Threads that the book reads at most. */
const mostThreads = 2000;

/** What the user's threads are: names, settings, last messages. Kept, read when first wanted, and brought up to date by what is told. */
export class ThreadBook {
  readonly #client: ParleyClient;
  readonly #keeper: Keeper;
  readonly #threads: Map<string, Thread>;
  readonly #listeners = new Set<(threadId: string | undefined) => void>();
  readonly #wanted = new Set<string>();
  #looking = false;
  #listWanted = false;
  #listed = false;
  error: ParleyError | undefined;

  constructor(client: ParleyClient, keeper: Keeper) {
    this.#client = client;
    this.#keeper = keeper;
    this.#threads = new Map(keeper.threads);
    client.on('message', (event) => this.#said(event));
    client.on('entry', ({ threadId, entry: { kind } }) => {
      const isOfPeople = kind?.$case !== 'message' && kind !== undefined && !('targetSequence' in kind.value);
      // The pointer to a thread may come before the thread is there: then this is the second chance.
      if (isOfPeople || !this.#threads.has(threadId)) this.look(threadId);
    });
    client.on('heads', (heads) => this.#heads(heads));
    client.on('skipped', ({ threadId }) => this.look(threadId));
    client.on('userEntry', ({ kind }) => this.#changed(kind));
    client.on('caughtUp', ({ resumed }) => {
      if (this.#listWanted && !(resumed && this.#listed)) void this.#list();
      else void this.#look();
    });
  }

  get(threadId: string): Thread | undefined {
    return this.#threads.get(threadId);
  }

  all(): Iterable<Thread> {
    return this.#threads.values();
  }

  /** The list was read, by this page or an earlier one. */
  get isWhole(): boolean {
    return this.#listed || this.#keeper.threads.size > 0;
  }

  /** Calls when a thread, or many (undefined), are another than before. */
  listen(changed: (threadId: string | undefined) => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  /** The whole list is wanted from now on. */
  wantList(): void {
    if (this.#listWanted) return;
    this.#listWanted = true;
    void this.#list();
  }

  /** Reads a thread anew. */
  look(threadId: string): void {
    this.#wanted.add(threadId);
    void this.#look();
  }

  /** Takes in what was read; a message that came meanwhile is newer. */
  #read(thread: Thread): void {
    const { head, lastMessage } = this.#threads.get(thread.threadId) ?? {};
    const isNewer =
      head?.epoch === thread.head?.epoch && (lastMessage?.sequence ?? 0n) > (thread.lastMessage?.sequence ?? 0n);
    this.#put(isNewer ? { ...thread, lastMessage } : thread);
  }

  #put(thread: Thread): void {
    this.#threads.set(thread.threadId, thread);
    this.#keeper.keepThread(thread);
    this.#tell(thread.threadId);
  }

  #tell(threadId: string | undefined): void {
    for (const listener of this.#listeners) listener(threadId);
  }

  #said({ threadId, message, added }: ClientEvents['message']): void {
    const thread = this.#threads.get(threadId);
    if (thread === undefined) {
      if (added) this.look(threadId);
    } else if (added || thread.lastMessage?.sequence === message.sequence) {
      const last = thread.lastMessage?.sequence ?? 0n;
      if (message.sequence >= last) this.#put({ ...thread, lastMessage: message });
    }
  }

  #heads(heads: readonly ThreadHead[]): void {
    for (const { threadId, member } of heads) {
      const thread = this.#threads.get(threadId);
      if (thread === undefined || member === (thread.role === 0)) this.#wanted.add(threadId);
    }
    if (this.#listWanted && this.#listed) void this.#look();
    this.#tell(undefined);
  }

  #changed(kind: ClientEvents['userEntry']['kind']): void {
    switch (kind?.$case) {
      case 'threadAdded':
      case 'threadRemoved':
        this.look(kind.value.threadId);
        return;
      case 'threadSettingsChanged': {
        const { threadId, ...settings } = kind.value;
        const thread = this.#threads.get(threadId);
        if (thread !== undefined) this.#put({ ...thread, settings });
        return;
      }
      default:
    }
  }

  async #list(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    this.#wanted.clear();
    try {
      const found: Thread[] = [];
      let pageToken = '';
      do {
        const page = await this.#client.threads.list({ pageSize, pageToken });
        found.push(...page.threads);
        pageToken = page.nextPageToken;
      } while (pageToken !== '' && found.length < mostThreads);
      const listed = new Set(found.map(({ threadId }) => threadId));
      // What is not listed is archived, or no longer the user's: kept as it was, and not in the list. Of one that is not read to its end
      // nobody knows.
      for (const [threadId, thread] of this.#threads) {
        if (pageToken === '' && !listed.has(threadId))
          this.#threads.set(threadId, { ...thread, settings: archived(thread) });
      }
      for (const thread of found) this.#read(thread);
      this.#listed = true;
      this.error = undefined;
    } catch (error) {
      this.#failed(error);
    }
    this.#looking = false;
    this.#tell(undefined);
    void this.#look();
  }

  async #look(): Promise<void> {
    if (this.#looking || this.#wanted.size === 0) return;
    if (this.#wanted.size > mostSingly && this.#listWanted) {
      await this.#list();
      return;
    }
    this.#looking = true;
    let failed = false;
    try {
      for (const threadId of this.#wanted) {
        // Before it is asked for: what happens meanwhile has it asked for again.
        this.#wanted.delete(threadId);
        try {
          this.#read(await this.#client.threads.get(threadId));
        } catch (error) {
          if (!(error instanceof ParleyError) || error.reason !== 'THREAD_NOT_FOUND') {
            this.#wanted.add(threadId);
            throw error;
          }
          this.#threads.delete(threadId);
          this.#tell(threadId);
        }
      }
    } catch (error) {
      // The next connection asks again.
      failed = true;
      this.#failed(error);
    }
    this.#looking = false;
    // Wanted meanwhile.
    if (!failed && this.#listWanted && !this.#listed) await this.#list();
  }

  #failed(error: unknown): void {
    if (!(error instanceof ParleyError)) throw error;
    this.error = error;
  }
}

function archived({ settings }: Thread): Thread['settings'] {
  return { muteUntilTime: undefined, pinned: false, notificationLevel: 0, ...settings, archived: true };
}
