import type { Entry } from '#proto/parley/v1/entry.ts';
import type { RetentionMode } from '#proto/parley/v1/retention.ts';
import type { Thread, ThreadHead } from '#proto/parley/v1/thread.ts';
import type { ParleyClient } from '../../core/client.ts';
import type { KeptState, ResumeState, ResumeStore } from '../../core/client-options.ts';
import { Fold } from '../../core/fold.ts';
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

const keep = 1 satisfies RetentionMode.RETENTION_MODE_KEEP;

/** What is kept of a thread beside its lines. */
interface Row {
  readonly head: ThreadHead | undefined;
  readonly thread: Thread | undefined;
  /** Its lines may be gone from the server: they are not let go to make room. */
  readonly erases: boolean;
}

interface Pending {
  /** By sequence; undefined = as the client has it at the time, else as the disk has it, with `changes`. */
  readonly items: Map<bigint, Item | undefined>;
  /** What changed lines that may be on disk alone. */
  readonly changes: Entry[];
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
    const read = this.#database.run(['meta', 'threads'], 'readonly', (table) =>
      Promise.all([
        result(table('meta').get('resume') as IDBRequest<ResumeState | undefined>),
        result(table('threads').getAll() as IDBRequest<Row[]>),
      ]),
    );
    const [resume, rows = []] = (await read) ?? [];
    for (const { thread } of rows) if (thread !== undefined) this.#kept.set(thread.threadId, thread);
    return { resume, heads: headsOf(rows) };
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
    const discard = ({ threadId, fetched }: { readonly threadId: string; readonly fetched?: boolean }): void => {
      // What is fetched says itself what it changes.
      if (fetched) return;
      // Among what was skipped may be what erased a line. What the client still has is as of then.
      const pending = this.#of(threadId);
      pending.items.clear();
      pending.isVoid = true;
      this.keepLines(threadId);
    };
    client.on('restarted', discard);
    client.on('skipped', discard);
  }

  /** Whether this tab is the one that writes. It begins with all that it has: the one before it may not have come so far. */
  set active(active: boolean) {
    const begins = active && !this.#active;
    this.#active = active;
    if (!begins) return;
    this.#claims = true;
    for (const { threadId } of this.#client?.heads() ?? []) this.keepLines(threadId);
    this.#plan();
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
    const read = this.#database.run(['threads', 'items'], 'readonly', (table) =>
      Promise.all([
        result(table('threads').get(threadId) as IDBRequest<Row | undefined>),
        result(table('items').getAll(itemsOf(threadId)) as IDBRequest<Item[]>),
      ]),
    );
    const [{ head } = {}, lines = []] = (await read) ?? [];
    if (head !== undefined) this.#client?.putKept(threadId, head.epoch, lines, head.deliveredSequence);
  }

  /** Writes what is to be written. Resolves when it is on disk; undefined: this tab does not write. */
  flush(): Promise<void> | undefined {
    this.#timer?.cancel();
    this.#timer = undefined;
    return this.#active ? (this.#writing = this.#writing.then(() => this.#write())) : undefined;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#active = false;
  }

  #of(threadId: string): Pending {
    const empty: Pending = { items: new Map(), changes: [], isVoid: false, thread: undefined };
    const pending = this.#pending.get(threadId) ?? empty;
    this.#pending.set(threadId, pending);
    this.#plan();
    return pending;
  }

  #note(threadId: string, entry: Entry): void {
    const { items, changes } = this.#of(threadId);
    const { kind, sequence } = entry;
    if (kind?.$case === 'message') items.set(sequence, undefined);
    else if (kind !== undefined && 'targetSequence' in kind.value) {
      // What the client does not hold is changed where it is: left as it was, it would show what is deleted.
      items.set(kind.value.targetSequence, undefined);
      changes.push(entry);
    } else items.set(sequence, { kind: kind === undefined ? 'unknown' : 'change', sequence, entry });
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
    const batch = [...this.#pending].map(([threadId, pending]) => ({
      ...pending,
      threadId,
      head: client.heads([threadId])[0],
      items: [...pending.items].map(([sequence, item]): readonly [bigint, Item | undefined] => {
        const message = client.message(threadId, sequence);
        return [sequence, message === undefined ? item : { kind: 'message', sequence, message }];
      }),
    }));
    const resume = this.#resume;
    this.#resume = undefined;
    this.#pending.clear();
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
          if (!spare || this.#writes++ % 50 === 0) {
            await this.#trimAll(table('threads'), items, spare ? this.#options.items : 0);
          }
          for (const one of batch) {
            if (one.isVoid) items.delete(itemsOf(one.threadId));
            for (const [sequence, item] of one.items) {
              const key = [one.threadId, Number(sequence)];
              const fold = new Fold(() => client.userId, 1);
              fold.put(await result(items.getAll(key) as IDBRequest<Item[]>), 0n);
              if (item === undefined) one.changes.forEach((entry) => fold.apply(entry));
              // A tab that never read it from disk may know that it was erased, and not what it said.
              else fold.put([item], sequence);
              for (const line of fold.items()) items.put(line, key);
            }
            const old = await result(table('threads').get(one.threadId) as IDBRequest<Row | undefined>);
            const thread = one.thread ?? old?.thread;
            const erases = old?.erases === true || (thread?.retention?.mode ?? keep) > keep;
            table('threads').put({ head: one.head ?? old?.head, thread, erases } satisfies Row, one.threadId);
            if (!erases) await this.#trim(items, one.threadId);
          }
          if (resume !== undefined) meta.put(resume, 'resume');
        },
        spare,
      );
    // A full disk: lines that can be read again go first.
    await write(true).catch(() => write(false));
  }

  async #trim(items: IDBObjectStore, threadId: string): Promise<void> {
    const { itemsPerThread } = this.#options;
    const range = itemsOf(threadId);
    const count = await result(items.count(range));
    if (count <= itemsPerThread * slack) return;
    for (const key of await result(items.getAllKeys(range, count - itemsPerThread))) items.delete(key);
  }

  /** Removes the lines of the threads longest without news until there are so many at most; what the server may have erased stays. */
  async #trimAll(threads: IDBObjectStore, items: IDBObjectStore, most: number): Promise<void> {
    const rows = await result(threads.getAll() as IDBRequest<Row[]>);
    for (const { threadId } of headsOf(rows.filter(({ erases }) => !erases))) {
      if ((await result(items.count())) <= most) return;
      items.delete(itemsOf(threadId));
    }
  }
}

/** Those longest without news first. */
function headsOf(rows: readonly Row[]): ThreadHead[] {
  const secondsOf = ({ activityTime }: ThreadHead): number => Number(activityTime?.seconds ?? 0n);
  return rows.flatMap(({ head }) => head ?? []).toSorted((a, b) => secondsOf(a) - secondsOf(b));
}
