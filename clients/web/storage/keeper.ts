import type { Entry } from '#proto/parley/v1/entry.ts';
import type { Thread, ThreadHead } from '#proto/parley/v1/thread.ts';
import type { ParleyClient } from '../../core/client.ts';
import type { KeptState, ResumeState, ResumeStore } from '../../core/client-options.ts';
import { keepBody } from '../../core/fold.ts';
import type { Item } from '../../core/fold.ts';
import type { Runtime, Timer } from '../../core/runtime.ts';
import type { KeepOptions } from '../options.ts';
import { itemsOf, result } from './database.ts';
import type { Database } from './database.ts';
import { newestRun } from './newest-run.ts';

/** What happened within this time is written together. */
const everyMs = 300;
/** A thread has up to so much more than its bound before the oldest go, so that not each message removes one. */
const slack = 1.25;

/** What is kept of a thread beside its lines. */
interface Row {
  readonly head: ThreadHead | undefined;
  readonly thread: Thread | undefined;
}

interface Pending {
  /** By sequence; undefined = as the client has it at the time, or nothing when it has not. */
  readonly items: Map<bigint, Item | undefined>;
  /** All lines of the thread are void. */
  isVoid: boolean;
  thread: Thread | undefined;
}

/**
 * Threads on disk: heads, what they are, and their newest lines, each write as of one moment with the resume token. Only the
 * tab that has the session writes; all read. Bounded per thread and in all.
 */
export class Keeper implements ResumeStore {
  readonly #database: Database;
  readonly #runtime: Runtime;
  readonly #options: Required<KeepOptions>;
  readonly #pending = new Map<string, Pending>();
  readonly #kept = new Map<string, Thread>();
  #resume: ResumeState | undefined;
  #client: ParleyClient | undefined;
  #timer: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #writes = 0;
  #active = false;
  /** This keeper's name on disk while it is the one that writes. */
  readonly #writer: string;
  /** The disk does not yet say that it is. */
  #claims = false;

  constructor(database: Database, runtime: Runtime, options: KeepOptions) {
    this.#database = database;
    this.#runtime = runtime;
    this.#writer = runtime.newId();
    this.#options = { itemsPerThread: options.itemsPerThread ?? 200, items: options.items ?? 20_000 };
  }

  /** Threads as they were kept. */
  get threads(): ReadonlyMap<string, Thread> {
    return this.#kept;
  }

  async load(): Promise<KeptState> {
    const read = await this.#database.run(['meta', 'threads'], 'readonly', (table) =>
      Promise.all([
        result(table('meta').get('resume') as IDBRequest<ResumeState | undefined>),
        result(table('threads').getAll() as IDBRequest<Row[]>),
      ]),
    );
    const [resume, rows = []] = read ?? [];
    for (const { thread } of rows) if (thread !== undefined) this.#kept.set(thread.threadId, thread);
    const heads = rows.flatMap(({ head }) => head ?? []);
    return { resume, heads: heads.toSorted((a, b) => secondsOf(a) - secondsOf(b)) };
  }

  save(state: ResumeState): Promise<void> {
    this.#resume = state;
    this.#plan();
    return Promise.resolve();
  }

  /** Listens to the client whose threads are kept. */
  attach(client: ParleyClient): void {
    this.#client = client;
    client.on('entry', ({ threadId, entry }) => this.#note(threadId, entry));
    client.on('heads', (heads) => {
      for (const { threadId } of heads) this.#of(threadId);
    });
    client.on('read', ({ threadId }) => this.#of(threadId));
    const discard = ({ threadId }: { readonly threadId: string }): void => {
      const pending = this.#of(threadId);
      pending.items.clear();
      pending.isVoid = true;
    };
    client.on('restarted', discard);
    client.on('skipped', (skipped) => {
      // Among what was skipped may be what erased a line. What the client still has is as of then.
      discard(skipped);
      this.keepLines(skipped.threadId);
    });
  }

  /** Whether this tab is the one that writes. It begins with all that it has: the one before it may not have come so far. */
  set active(active: boolean) {
    if (active && !this.#active) {
      this.#active = true;
      this.#claims = true;
      for (const { threadId } of this.#client?.heads() ?? []) this.keepLines(threadId);
      this.#plan();
    }
    this.#active = active;
  }

  /** What a thread is now. */
  keepThread(thread: Thread): void {
    this.#of(thread.threadId).thread = thread;
  }

  /** A page was read, or the user read a thread: what the client has of its newest lines. */
  keepLines(threadId: string): void {
    const { items } = this.#of(threadId);
    for (const item of newestRun(this.#client?.items(threadId) ?? []).slice(-this.#options.itemsPerThread)) {
      items.set(item.sequence, item);
    }
  }

  /** Puts a thread's kept lines among the client's. */
  async loadLines(threadId: string): Promise<void> {
    await this.flush();
    const read = await this.#database.run(['threads', 'items'], 'readonly', (table) =>
      Promise.all([
        result(table('threads').get(threadId) as IDBRequest<Row | undefined>),
        result(table('items').getAll(itemsOf(threadId)) as IDBRequest<Item[]>),
      ]),
    );
    const head = read?.[0]?.head;
    if (read !== undefined && head !== undefined) {
      this.#client?.putKept(threadId, head.epoch, read[1], head.deliveredSequence);
    }
  }

  /** Writes what is to be written. Resolves when it is on disk. */
  flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#active) this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#active = false;
  }

  #of(threadId: string): Pending {
    let pending = this.#pending.get(threadId);
    if (pending === undefined) {
      pending = { items: new Map(), isVoid: false, thread: undefined };
      this.#pending.set(threadId, pending);
    }
    this.#plan();
    return pending;
  }

  #note(threadId: string, entry: Entry): void {
    const { items } = this.#of(threadId);
    const { kind, sequence } = entry;
    switch (kind?.$case) {
      case 'messageEdited':
      case 'messageDeleted':
      case 'reactionChanged':
        // What the client does not hold is not kept as it was: it would show what is erased.
        items.set(kind.value.targetSequence, undefined);
        return;
      case 'message':
        items.set(sequence, undefined);
        return;
      case undefined:
        items.set(sequence, { kind: 'unknown', sequence, entry });
        return;
      default:
        items.set(sequence, { kind: 'change', sequence, entry });
    }
  }

  #plan(): void {
    // A tab that does not write forgets: it begins with all that it has when it does.
    if (!this.#active) this.#pending.clear();
    else this.#timer ??= this.#runtime.setTimer(everyMs, () => void this.flush());
  }

  async #write(): Promise<void> {
    const client = this.#client;
    if (client === undefined || (this.#pending.size === 0 && this.#resume === undefined && !this.#claims)) return;
    const claims = this.#claims;
    this.#claims = false;
    const batch = [...this.#pending].map(([threadId, { items, isVoid, thread }]) => ({
      threadId,
      isVoid,
      thread,
      head: client.heads([threadId])[0],
      items: [...items].map(([sequence, item]) => [sequence, itemOf(client, threadId, sequence, item)] as const),
    }));
    const resume = this.#resume;
    this.#pending.clear();
    this.#resume = undefined;
    const write = (spare: boolean): Promise<unknown> =>
      this.#database.run(
        ['meta', 'threads', 'items'],
        'copy',
        async (table) => {
          const meta = table('meta');
          if (claims) meta.put(this.#writer, 'writer');
          else if ((await result(meta.get('writer') as IDBRequest<string | undefined>)) !== this.#writer) {
            // The lead was taken from this tab, which has not heard of it yet: what it has is older than what is there.
            this.#active = false;
            return;
          }
          const items = table('items');
          if (!spare) items.clear();
          for (const one of batch) {
            if (one.isVoid) items.delete(itemsOf(one.threadId));
            for (const [sequence, item] of one.items) {
              const key = [one.threadId, Number(sequence)];
              if (item === undefined) items.delete(key);
              // A tab that never read it from disk may know that it was erased, and not what it said.
              else items.put(keepBody(item, await result(items.get(key) as IDBRequest<Item | undefined>)), key);
            }
            const old = await result(table('threads').get(one.threadId) as IDBRequest<Row | undefined>);
            const row: Row = { head: one.head ?? old?.head, thread: one.thread ?? old?.thread };
            table('threads').put(row, one.threadId);
            await this.#trim(items, one.threadId);
          }
          if (resume !== undefined) meta.put(resume, 'resume');
          this.#writes += 1;
          if (this.#writes % 50 === 1) await this.#trimAll(table('threads'), items);
        },
        spare,
      );
    // A full disk: lines go first, they can be read again.
    await write(true).catch(() => write(false));
  }

  async #trim(items: IDBObjectStore, threadId: string): Promise<void> {
    const { itemsPerThread } = this.#options;
    const range = itemsOf(threadId);
    const count = await result(items.count(range));
    if (count <= itemsPerThread * slack) return;
    const keys = await result(items.getAllKeys(range, count - itemsPerThread));
    const last = keys.at(-1);
    if (last !== undefined) items.delete(IDBKeyRange.bound([threadId, 0], last));
  }

  async #trimAll(threads: IDBObjectStore, items: IDBObjectStore): Promise<void> {
    let count = await result(items.count());
    if (count <= this.#options.items) return;
    const rows = await result(threads.getAll() as IDBRequest<Row[]>);
    const heads = rows.flatMap(({ head }) => head ?? []).toSorted((a, b) => secondsOf(a) - secondsOf(b));
    for (const { threadId } of heads) {
      if (count <= this.#options.items) return;
      count -= await result(items.count(itemsOf(threadId)));
      items.delete(itemsOf(threadId));
    }
  }
}

function itemOf(client: ParleyClient, threadId: string, sequence: bigint, item: Item | undefined): Item | undefined {
  const message = client.message(threadId, sequence);
  return message === undefined ? item : { kind: 'message', sequence, message };
}

function secondsOf(head: ThreadHead): number {
  return Number(head.activityTime?.seconds ?? 0n);
}
