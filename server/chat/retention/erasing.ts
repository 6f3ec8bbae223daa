import { chunksOf } from '../../core/chunks.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Entry, NewEntry } from '../../core/entry.ts';
import { type ThreadId, threadLog, type UserId } from '../../core/ids.ts';
import { KeyedQueue } from '../../core/keyed-queue.ts';
import { Lru } from '../../core/lru.ts';
import type { RetentionRules } from '../../core/retention.ts';
import { type RetentionRow, rowKey } from '../../core/rows.ts';
import type { AcknowledgedListener } from '../../delivery/acknowledged.ts';
import type { ThreadView, ThreadViews } from '../../delivery/thread-views.ts';
import type { Due, Store } from '../../store/store.ts';
import type { BodyKeeper } from '../append-request.ts';
import { againMs, dueMsOf, nextMsOf, soonAtMostMs, soonMs } from './due-times.ts';
import type { Looks } from './look.ts';

/** After an acknowledgement others are waited for so long; in groups over `largeGroup`, whose positions are stored less often, longer. */
const gatherMs = 100;
const largeGatherMs = 2_000;
const largeGroup = 50;
/** The list is gone through so often, a part of it sooner or later, so that not all nodes do so at once. */
const sweepMs = 60_000;
const sweepJitterMs = 10_000;
const looksAtOnce = 8;

export interface ErasingOptions {
  readonly store: Store;
  readonly views: ThreadViews;
  readonly rules: RetentionRules;
  readonly looks: Looks;
  readonly clock: Clock;
  /** Threads and minutes of which it is remembered that they are listed. */
  readonly remembered: number;
  readonly onFailed: (error: unknown) => void;
}

/**
 * Has threads looked at when something in them may be due: soon after devices acknowledged, after somebody left, and at the times that
 * the store's list says. Whatever this node means to do stands in the list before its cause is stored, so that a node that is killed
 * leaves nothing behind but what the next sweep of any node finds, its own at start-up at the latest.
 *
 * What it costs: a message, edit or acknowledgement in a thread that erases, one row of the list per thread, node and two minutes (for
 * what has a time: per thousandth of it); a look at the thread, at most one in 100 ms, per node that stores acknowledgements; where a
 * device stays away a look after 2, 4, 8 … 256 minutes, and every 256 then. A sweep without anything due reads the list alone.
 */
export class Erasing implements AcknowledgedListener, BodyKeeper, AsyncDisposable {
  readonly #options: ErasingOptions;
  readonly #listed: Lru<string, Promise<void>>;
  /** Looks that failed one after another, by thread. */
  readonly #failures: Lru<ThreadId, number>;
  readonly #gathering = new Set<ThreadId>();
  /** Users whose run has yet to begin. */
  readonly #bereaved = new Set<UserId>();
  readonly #queue = new KeyedQueue();
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #timer: Timer | undefined;

  constructor(options: ErasingOptions) {
    this.#options = options;
    this.#listed = new Lru(options.remembered);
    this.#failures = new Lru(options.remembered);
  }

  /** From now on the list is gone through, at first at once, then also what is due soon: a node that was killed may owe it. Resolves when that was done. */
  start(): Promise<void> {
    return this.#track(this.#sweep(soonAtMostMs).finally(() => this.#schedule()));
  }

  /** Before entries are appended: undefined where nothing has to be listed, or is already. */
  willAppend(
    threadId: ThreadId,
    view: ThreadView | undefined,
    entries: readonly NewEntry[],
    nowMs: number,
  ): Promise<void> | undefined {
    return this.#listAll(threadId, view, entries, nowMs);
  }

  /** After they were: who has left is not waited for any more. Where that took long, they are listed anew: what was listed may be off the list. */
  appended(threadId: ThreadId, view: ThreadView | undefined, entries: readonly Entry[]): void {
    const { rules, clock } = this.#options;
    const listed = this.#listAll(threadId, view, entries, entries[0]?.createTimeMs ?? clock.nowMs());
    if (listed !== undefined) this.#attempt(listed);
    if (!entries.some(({ change }) => change.kind === 'member-removed')) return;
    if (rules.waits(view?.spans ?? [])) this.#lookSoon(threadId);
  }

  #listAll(
    threadId: ThreadId,
    view: ThreadView | undefined,
    entries: readonly Pick<NewEntry, 'change'>[],
    sinceMs: number,
  ): Promise<void> | undefined {
    const { rules, clock } = this.#options;
    const nowMs = clock.nowMs();
    const spans = view?.spans ?? [];
    let waits: Promise<void>[] | undefined;
    const list = (atMs: number): void => {
      const listed = this.#list(threadId, atMs > nowMs ? atMs : soonMs(threadId, nowMs));
      if (listed !== undefined) (waits ??= []).push(listed);
    };
    let current = rules.current(spans);
    for (const { change } of entries) {
      if (change.kind === 'retention-changed') current = rules.bounded(change.retention);
      else if (change.kind === 'message' && current.mode !== 'keep') list(dueMsOf(threadId, current, sinceMs));
      else if (change.kind === 'message-edited') {
        const rule = rules.of(spans, change.target);
        if (rule.mode !== 'keep') list(dueMsOf(threadId, rule, sinceMs));
      } else if (change.kind === 'member-removed' && rules.waits(spans)) list(soonMs(threadId, nowMs));
    }
    return waits && Promise.all(waits).then(() => undefined);
  }

  async willStore(acknowledged: ReadonlyMap<ThreadId, bigint>): Promise<() => void> {
    const { rules, views, clock } = this.#options;
    const waiting: ThreadId[] = [];
    const list = async (threadId: ThreadId, upTo: bigint): Promise<void> => {
      let view = views.peek(threadId);
      // What is behind does not say under which rule what was acknowledged came.
      if (view === undefined || view.head.sequence < upTo) view = await views.latest(threadId);
      if (view === undefined || !rules.waits(view.spans)) return;
      await this.#list(threadId, soonMs(threadId, clock.nowMs()));
      waiting.push(threadId);
    };
    await Promise.all([...acknowledged].map(([threadId, upTo]) => list(threadId, upTo)));
    return () => waiting.forEach((threadId) => this.#lookSoon(threadId));
  }

  /**
   * A device of the user's was signed out, and is not waited for any more. Looks at their threads that wait for devices; not waited for either.
   * One run of a user at a time: those that are signed out meanwhile come together to one more.
   */
  deviceGone(userId: UserId): void {
    if (this.#bereaved.has(userId)) return;
    this.#bereaved.add(userId);
    const work = async (): Promise<void> => {
      this.#bereaved.delete(userId);
      if (this.#stop.signal.aborted) return;
      const { store } = this.#options;
      const rows = await store.inbox(userId, 0, this.#stop.signal);
      const threads = rows.filter(({ member }) => member).map(({ threadId }) => threadId);
      for (const some of chunksOf(threads, looksAtOnce))
        await Promise.all(some.map((threadId) => this.#lookIfItWaits(threadId)));
    };
    this.#attempt(this.#queue.run(`gone ${userId}`, work));
  }

  /** Costs one row where it does not, and not what a look costs. */
  async #lookIfItWaits(threadId: ThreadId): Promise<void> {
    const { store, rules } = this.#options;
    const row = await store.row(threadLog(threadId), rowKey.retention, this.#stop.signal);
    if (rules.waits((row?.value as RetentionRow | undefined)?.spans ?? [])) await this.#look(threadId);
  }

  /** Resolves when what was begun is done. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel();
    this.#stop.abort();
    await this.settled();
  }

  #list(threadId: ThreadId, atMs: number): Promise<void> | undefined {
    const key = `${threadId} ${atMs}`;
    const known = this.#listed.get(key);
    if (known !== undefined) return known === done ? undefined : known;
    const listing = this.#options.store.putDue(threadId, atMs).then(
      () => this.#listed.set(key, done),
      (error: unknown) => {
        this.#listed.delete(key);
        throw error;
      },
    );
    this.#listed.set(key, listing);
    return listing;
  }

  #lookSoon(threadId: ThreadId): void {
    if (this.#gathering.has(threadId) || this.#stop.signal.aborted) return;
    this.#gathering.add(threadId);
    const { clock, views } = this.#options;
    const isLarge = (views.peek(threadId)?.members.size ?? 0) > largeGroup;
    clock.after(isLarge ? largeGatherMs : gatherMs, () => {
      this.#gathering.delete(threadId);
      this.#attempt(this.#look(threadId));
    });
  }

  /** When it is to be looked at again; undefined: nothing is held. */
  #look(threadId: ThreadId): Promise<number | undefined> {
    const { looks, clock } = this.#options;
    return this.#queue.run(threadId, async () => {
      if (this.#stop.signal.aborted) return undefined;
      const nowMs = clock.nowMs();
      const looked = await looks.look(threadId, nowMs);
      return looked && nextMsOf(threadId, looked, nowMs);
    });
  }

  #schedule(): void {
    if (this.#stop.signal.aborted) return;
    const { clock } = this.#options;
    this.#timer = clock.after(sweepMs + clock.random() * sweepJitterMs, () => {
      this.#attempt(this.#sweep(0).finally(() => this.#schedule()));
    });
  }

  async #sweep(ahead: number): Promise<void> {
    const { store, clock, onFailed } = this.#options;
    const nowMs = clock.nowMs();
    try {
      for await (const page of store.due(nowMs + ahead, this.#stop.signal)) {
        for (const some of chunksOf(page, looksAtOnce)) {
          await Promise.all(some.map((due) => this.#seeTo(due, nowMs)));
        }
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) onFailed(error);
    }
  }

  async #seeTo(due: Due, nowMs: number): Promise<void> {
    const { store, onFailed } = this.#options;
    try {
      const nextMs = await this.#look(due.threadId);
      this.#failures.delete(due.threadId);
      if (this.#stop.signal.aborted) return;
      if (nextMs !== undefined && nextMs !== Infinity) await store.putDue(due.threadId, nextMs);
      // What is ahead of its time may be listed again for that same minute: it stays for then.
      if (due.minute * 60_000 <= nowMs) await store.dropDue([due]);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      onFailed(error);
      if (due.minute * 60_000 <= nowMs) await this.#putOff(due, nowMs);
    }
  }

  /** A look failed: it is due again later and later, so that the list does not have to be gone through from there each time. */
  async #putOff(due: Due, nowMs: number): Promise<void> {
    const { store, onFailed } = this.#options;
    const failures = (this.#failures.get(due.threadId) ?? 0) + 1;
    this.#failures.set(due.threadId, failures);
    try {
      await store.putDue(due.threadId, againMs(due.threadId, failures, nowMs));
      await store.dropDue([due]);
    } catch (error) {
      // It stays where it is on the list.
      onFailed(error);
    }
  }

  #attempt(work: Promise<unknown>): void {
    const { onFailed } = this.#options;
    void this.#track(
      work.then(
        () => undefined,
        (error: unknown) => {
          if (!this.#stop.signal.aborted) onFailed(error);
        },
      ),
    );
  }

  #track(work: Promise<void>): Promise<void> {
    this.#running.add(work);
    return work.finally(() => this.#running.delete(work));
  }
}

/** Stands for all that is listed. */
const done = Promise.resolve();
