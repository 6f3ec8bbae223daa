import { type ThreadId, type UserId, directThreadId, threadLog, userLog } from '../core/ids.ts';
import { Lru } from '../core/lru.ts';
import type { PointerRow } from '../core/rows.ts';
import type { ThreadViews } from '../delivery/thread-views.ts';
import type { Store } from '../store/store.ts';
import { rowsUnder } from './rows-under.ts';

/** Direct threads remembered, about 150 bytes each. */
const rememberedThreads = 10_000;
/** Ranges of a direct thread that one question reads at most; the next one goes on from there. */
const rangesPerQuestion = 20;
const rangeEntries = 1_000;

interface Scan {
  upTo: bigint;
  readonly writers: Set<string>;
}

/**
 * Who knows whom: users who share a group, or a direct thread in which both have written.
 *
 * That both have written stays true once it is, so it is read from the log once: each entry at most once per node and
 * remembered thread. A thread with more than 20,000 entries by one side only is answered "no" until enough questions were asked.
 */
export class Acquaintance {
  readonly #store: Store;
  readonly #threads: ThreadViews;
  readonly #scans = new Lru<ThreadId, Scan>(rememberedThreads);

  constructor(options: { readonly store: Store; readonly threads: ThreadViews }) {
    this.#store = options.store;
    this.#threads = options.threads;
  }

  /** `groups`: those of `a`, where they are at hand. */
  async between(a: UserId, b: UserId, signal?: AbortSignal, groups?: readonly ThreadId[]): Promise<boolean> {
    return (await this.bothWrote(a, b, signal)) || (await this.shareGroup(a, b, signal, groups));
  }

  /** Costs two scans of pointers and usually one view, whatever the groups' sizes. */
  async shareGroup(a: UserId, b: UserId, signal?: AbortSignal, groups?: readonly ThreadId[]): Promise<boolean> {
    const [ofA, ofB] = await Promise.all([groups ?? this.groupsOf(a, signal), this.groupsOf(b, signal)]);
    const others = new Set(ofB);
    for (const threadId of ofA) {
      if (!others.has(threadId)) continue;
      // Pointers only point: the thread's log is the truth.
      const view = await this.#threads.get(threadId);
      if (view?.members.has(a) === true && view.members.has(b)) return true;
    }
    return false;
  }

  async bothWrote(a: UserId, b: UserId, signal?: AbortSignal): Promise<boolean> {
    const threadId = directThreadId(a, b);
    const scan = this.#scanOf(threadId);
    for (let ranges = 0; ranges < rangesPerQuestion; ranges += 1) {
      if (scan.writers.has(a) && scan.writers.has(b)) return true;
      const head = await this.#store.head(threadLog(threadId), signal);
      // Another question may have read up to there meanwhile: what it found counts for this one too.
      if (head === undefined || head.sequence <= scan.upTo) break;
      const range = { after: scan.upTo, upTo: head.sequence, limit: rangeEntries };
      for (const entry of await this.#store.entries(threadLog(threadId), range, signal)) {
        if (entry.change.kind === 'message') scan.writers.add(entry.senderId);
        if (entry.sequence > scan.upTo) scan.upTo = entry.sequence;
      }
    }
    return scan.writers.has(a) && scan.writers.has(b);
  }

  /** Groups that the user's own log points to. */
  async groupsOf(userId: UserId, signal?: AbortSignal): Promise<ThreadId[]> {
    const groups: ThreadId[] = [];
    for await (const rows of rowsUnder(this.#store, userLog(userId), 'thread/g_', { signal })) {
      for (const row of rows) {
        if ((row.value as PointerRow).added) groups.push(row.key.slice('thread/'.length) as ThreadId);
      }
    }
    return groups;
  }

  #scanOf(threadId: ThreadId): Scan {
    const kept = this.#scans.get(threadId);
    if (kept !== undefined) return kept;
    const scan = { upTo: 0n, writers: new Set<string>() };
    this.#scans.set(threadId, scan);
    return scan;
  }
}
