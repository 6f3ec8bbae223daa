import { topicOf } from '../bus/bus.ts';
import type { Clock } from '../core/clock.ts';
import { changesMembers, isMessage, sizeOfEntry, type Entry, type Head, type NewEntry } from '../core/entry.ts';
import { Refusal, throwIfAborted } from '../core/errors.ts';
import { threadLog, userLog, type LogId, type ThreadId, type UserId } from '../core/ids.ts';
import type { Publisher } from '../delivery/publisher.ts';
import type { ThreadView, ThreadViews } from '../delivery/thread-views.ts';
import type { AppendResult, Duplicate, Store } from '../store/store.ts';
import { inboxOf, topicsOf } from './addressees.ts';
import {
  answerDuplicate,
  idOf,
  isAbort,
  settle,
  sizeOfRequest,
  soleOrigin,
  type AppendRequest,
  type BodyKeeper,
  type Waiting,
} from './append-request.ts';
import type { Company } from './company.ts';
import type { AppendOutcome } from './draft.ts';
import type { Marking } from './notifications/marks.ts';
import type { RoutedSend, SendRouter } from './send-router.ts';

/** Requests that one commit of a thread takes. */
const maxBatch = 128;
/** Bytes that one commit takes, unless one request alone has more: well below what the store takes, and a frame of a stream. */
const maxBatchBytes = 512 * 1_024;
/** Requests that may wait for one thread. */
const maxWaiting = 4_096;

export interface AppenderOptions {
  /** Default: everything is appended here. */
  readonly router?: SendRouter | undefined;
  /** Default: what is alone is appended at once. */
  readonly company?: Company | undefined;
  /** Default: all is kept. */
  readonly bodies?: BodyKeeper | undefined;
  /** Marks threads with new messages, for those who are not there. Default: nobody is notified. */
  readonly marks?: Marking | undefined;
  /** Another node had moved the head of a log meanwhile: the append is tried again. */
  readonly onConflict?: () => void;
  /** A commit to a thread was made: of so many entries, in so many ms. */
  readonly onCommit?: (entries: number, tookMs: number) => void;
}

/**
 * Appends to threads: what waits for one thread goes into one conditional commit, judged by one view; different threads
 * do not wait for each other. After the commit the view is moved, the replies go out and the entries are published, in either
 * order: both name the sequence.
 * Order of checks: duplicate, then whatever `build` checks (membership first).
 */
export class Appender {
  readonly #store: Store;
  readonly #publisher: Publisher;
  readonly #views: ThreadViews;
  readonly #clock: Clock;
  readonly #router: SendRouter | undefined;
  readonly #onConflict: (() => void) | undefined;
  readonly #onCommit: AppenderOptions['onCommit'];
  readonly #company: Company | undefined;
  readonly #bodies: BodyKeeper | undefined;
  readonly #marks: Marking | undefined;
  readonly #queues = new Map<ThreadId, Waiting[]>();

  constructor(
    store: Store,
    publisher: Publisher,
    views: ThreadViews,
    clock: Clock,
    { router, company, bodies, marks, onConflict, onCommit }: AppenderOptions = {},
  ) {
    this.#store = store;
    this.#publisher = publisher;
    this.#views = views;
    this.#clock = clock;
    this.#router = router;
    this.#onConflict = onConflict;
    this.#onCommit = onCommit;
    this.#company = company;
    this.#bodies = bodies;
    this.#marks = marks;
  }

  /** Requests of one caller are taken in the order they are made. */
  append(threadId: ThreadId, request: AppendRequest): Promise<AppendOutcome> {
    return new Promise((resolve, reject) => {
      const waiting = this.#queues.get(threadId);
      if (waiting === undefined) {
        const queue = [{ request, resolve, reject }];
        this.#queues.set(threadId, queue);
        void this.#run(threadId, queue);
      } else if (waiting.length >= maxWaiting) {
        const message = 'too many messages wait for this thread: send again, with the same id';
        reject(new Refusal('OVERLOADED', message, { retryAfterMs: 1_000 }));
      } else {
        waiting.push({ request, resolve, reject });
        this.#company?.came(threadId);
      }
    });
  }

  /** Appends to a user's own log, and tells their devices. `build` gives nothing when it is so already. Returns the sequence, 0 = nothing changed. */
  async appendUser(userId: UserId, build: () => Promise<readonly NewEntry[]>, signal?: AbortSignal): Promise<bigint> {
    const result = await this.appendRows(userLog(userId), build, signal);
    if (result === undefined) return 0n;
    if (result.outcome === 'duplicate') return [...result.duplicates.values()].at(-1)?.sequence ?? 0n;
    const { head, entries } = result;
    this.#publisher.publish([topicOf.user(userId)], { type: 'user-entries', userId, head, entries });
    return head.sequence;
  }

  /** Appends to a log without members: a user's or a channel's. `build` is called again when the head has moved. Undefined: it gave nothing. */
  async appendRows(
    log: LogId,
    build: () => Promise<readonly NewEntry[]>,
    signal?: AbortSignal,
  ): Promise<Exclude<AppendResult, { outcome: 'conflict' }> | undefined> {
    for (;;) {
      throwIfAborted(signal);
      const head = await this.#store.head(log);
      const entries = await build();
      if (entries.length === 0) return undefined;
      const expected = head === undefined ? undefined : { sequence: head.sequence, membersSequence: 0n };
      const result = await this.#store.append(log, { expected, entries, nowMs: this.#clock.nowMs(), inbox: [] });
      if (result.outcome !== 'conflict') return result;
      this.#onConflict?.();
    }
  }

  async #run(threadId: ThreadId, queue: Waiting[]): Promise<void> {
    /** Requests that are taken one by one. */
    let singly = 0;
    // Who came while another was being committed has waited already.
    const company = this.#company?.awaited(threadId);
    if (company !== undefined) await company;
    while (queue.length > 0) {
      // What arrives while this commit is under way goes into the next.
      const batch = queue.slice(0, singly > 0 ? 1 : maxBatch);
      let done: number;
      try {
        done =
          (singly === 0 && (await this.#route(threadId, batch))) || (await this.#commitTimed(threadId, batch, queue));
      } catch (error) {
        if (batch.length > 1 && !(error instanceof Refusal)) {
          // A bug that one of them brings out is not for the others to bear.
          singly = batch.length;
          continue;
        }
        for (const waiting of batch) waiting.reject(error);
        done = batch.length;
      }
      singly -= Math.min(singly, done);
      queue.splice(0, done);
    }
    this.#queues.delete(threadId);
  }

  /**
   * Has another node append a prefix of the batch, where one appends for all, and returns its length; 0 = it is to be
   * appended here. One call at a time, so that the order of a caller's requests holds whichever way they go.
   */
  #route(threadId: ThreadId, batch: readonly Waiting[]): Promise<number> | 0 {
    const nodeId = this.#router?.nodeFor(threadId);
    if (this.#router === undefined || nodeId === undefined) return 0;
    const sends: RoutedSend[] = [];
    let bytes = 0;
    for (const { request } of batch) {
      const send = request.routable;
      if (send === undefined || request.signal?.aborted === true) break;
      bytes += sizeOfRequest(request, send);
      if (sends.length > 0 && bytes > maxBatchBytes) break;
      sends.push(send);
    }
    if (sends.length === 0) return 0;
    return this.#router.send(nodeId, sends).then((results) => {
      results?.forEach((result, index) => settle(batch[index], result));
      return results?.length ?? 0;
    });
  }

  async #commitTimed(threadId: ThreadId, batch: readonly Waiting[], queue: readonly Waiting[]): Promise<number> {
    const beganMs = this.#clock.monotonicMs();
    const done = await this.#commit(threadId, batch);
    this.#company?.committed(threadId, this.#clock.monotonicMs() - beganMs, queue.length > batch.length);
    return done;
  }

  /** Settles a prefix of the batch and returns its length; 0 = another way is to be tried. */
  async #commit(threadId: ThreadId, batch: readonly Waiting[]): Promise<number> {
    const log = threadLog(threadId);
    const settled = new Set<Waiting>();
    for (;;) {
      const view = this.#views.peek(threadId) ?? (await this.#views.get(threadId));
      const head = view?.head;
      const entries: NewEntry[] = [];
      const knownHeads: bigint[] = [];
      const owners: [waiting: Waiting, end: number][] = [];
      let next = (head?.sequence ?? 0n) + 1n;
      let taken = 0;
      let bytes = 0;
      let alone = false;
      let isBehind = false;
      const ids = new Set<string>();
      for (const waiting of batch) {
        if (settled.has(waiting)) {
          taken++;
          continue;
        }
        const building = this.#build(threadId, waiting, view, next);
        // Nearly always there is nothing to look up, and nothing to wait for.
        const built = building instanceof Promise ? await building : building;
        if (built === 'behind') {
          isBehind = true;
          break;
        }
        if (built === undefined) {
          settled.add(waiting);
          taken++;
          continue;
        }
        // A change of members moves what the following are judged by: it ends the commit, and begins one unless it is first.
        const members = built.some((entry) => changesMembers(entry.change));
        for (const entry of built) bytes += sizeOfEntry(entry);
        const full = entries.length + built.length > maxBatch * 2 || bytes > maxBatchBytes;
        // An id that stands in this commit already is a duplicate of what it stands for: the next one shows it.
        const id = idOf(waiting.request);
        if (entries.length > 0 && (members || full || ids.has(id))) break;
        if (id !== '') ids.add(id);
        entries.push(...built);
        for (let at = 0; at < built.length; at++) knownHeads.push(waiting.request.knownHead);
        owners.push([waiting, entries.length]);
        next += BigInt(built.length);
        taken++;
        alone = members;
        if (alone) break;
      }
      if (isBehind) continue;
      if (entries.length === 0) return taken;
      const listed = this.#bodies?.willAppend(threadId, view, entries, this.#clock.nowMs());
      if (listed !== undefined) await listed;
      const beganMs = this.#clock.monotonicMs();
      const after = head?.sequence ?? 0n;
      const marks = entries.some(({ change }) => isMessage(change)) ? this.#marks : undefined;
      marks?.begin(threadId, after);
      const result = await this.#store.append(log, {
        expected: head && { sequence: head.sequence, membersSequence: head.membersSequence },
        entries,
        knownHeads,
        nowMs: this.#clock.nowMs(),
        inbox: inboxOf(view, entries, (head?.sequence ?? 0n) + 1n),
      });
      if (result.outcome === 'appended') {
        this.#onCommit?.(entries.length, this.#clock.monotonicMs() - beganMs);
        this.#appended(threadId, view, result.entries, result.head, owners, marks?.end(threadId, after));
        return taken;
      }
      if (result.outcome === 'conflict') {
        this.#onConflict?.();
        this.#router?.conflicted(threadId);
        await this.#views.catchUp(threadId, result.head);
        // Now one node may append for all: it is tried that way, if those that are settled are the first.
        const first = batch.findIndex((waiting) => !settled.has(waiting));
        if (settled.size === first && this.#router?.nodeFor(threadId) !== undefined) return first;
        continue;
      }
      for (const [index, duplicate] of result.duplicates) {
        const owner = owners.find(([, end]) => index < end)?.[0];
        if (owner === undefined || settled.has(owner)) continue;
        settled.add(owner);
        this.#answerAgain(threadId, owner, duplicate);
      }
    }
  }

  /** The entries of one request, undefined when it is settled already; or the view was behind and is not any more. */
  #build(threadId: ThreadId, waiting: Waiting, view: ThreadView | undefined, next: bigint): Built | Promise<Built> {
    const { request } = waiting;
    const judgedBy = view?.head;
    try {
      throwIfAborted(request.signal);
      const prepared = request.prepare?.(view);
      if (prepared === undefined) return built(waiting, view, next);
      return prepared
        .then(() => built(waiting, view, next))
        .catch((error: unknown) => this.#refuse(threadId, waiting, judgedBy, error));
    } catch (error) {
      return this.#refuse(threadId, waiting, judgedBy, error);
    }
  }

  /**
   * A retry of what was acknowledged is answered, whatever has changed since: even after a removal. And only the present view refuses:
   * one that is behind does not know who was added, or what was said, by way of other nodes.
   */
  async #refuse(
    threadId: ThreadId,
    waiting: Waiting,
    judgedBy: Head | undefined,
    refusal: unknown,
  ): Promise<undefined | 'behind'> {
    const { senderId, clientMessageId, knownHead } = waiting.request;
    const refuse = (error: unknown): undefined => {
      waiting.reject(error);
    };
    if (!(refusal instanceof Refusal) || isAbort(refusal)) return refuse(refusal);
    const log = threadLog(threadId);
    try {
      const duplicate =
        clientMessageId === '' ? undefined : await this.#store.duplicate(log, senderId, clientMessageId, knownHead);
      if (duplicate !== undefined) {
        this.#answerAgain(threadId, waiting, duplicate);
        return undefined;
      }
      const head = await this.#store.head(log);
      if (head?.epoch === judgedBy?.epoch && head?.sequence === judgedBy?.sequence) return refuse(refusal);
      await this.#views.catchUp(threadId, head);
      return 'behind';
    } catch (error) {
      // Not known to be one: it may be asked again.
      return refuse(error);
    }
  }

  #answerAgain(threadId: ThreadId, waiting: Waiting, duplicate: Duplicate): void {
    // Who marked it, or was about to, may have died.
    const before = duplicate.sequence - 1n;
    this.#marks?.begin(threadId, before);
    const marked = this.#marks?.end(threadId, before);
    if (marked === undefined) answerDuplicate(waiting, duplicate);
    else void marked.then(() => answerDuplicate(waiting, duplicate));
    this.publishAgain(threadId, duplicate.sequence);
  }

  /** For what is found to have been appended before, by whoever finds it. */
  publishAgain(threadId: ThreadId, sequence: bigint): void {
    this.#publishHead(threadId, sequence).catch(() => undefined);
  }

  /**
   * What was appended before may never have been published: its commit was in doubt, or its node died. Who lacks
   * something before the head reads it; the others have it.
   */
  async #publishHead(threadId: ThreadId, atLeast: bigint): Promise<void> {
    let view = await this.#views.get(threadId);
    if (view !== undefined && view.head.sequence < atLeast) view = await this.#views.refresh(threadId);
    if (view === undefined) return;
    const { head } = view;
    const range = { after: head.sequence - 1n, upTo: head.sequence, limit: 1 };
    const entries = await this.#store.entries(threadLog(threadId), range);
    this.#publisher.publish(topicsOf(threadId, view, entries), {
      type: 'entries',
      threadId,
      head,
      entries,
      origin: undefined,
    });
  }

  #appended(
    threadId: ThreadId,
    before: ThreadView | undefined,
    entries: readonly Entry[],
    head: Head,
    owners: readonly [Waiting, number][],
    marked: Promise<void> | undefined,
  ): void {
    this.#views.apply(threadId, entries, head);
    const origin = soleOrigin(owners);
    const event = { type: 'entries', threadId, head, entries, origin } as const;
    // What is acknowledged is marked.
    if (marked === undefined) replyTo(owners, entries, head);
    else void marked.then(() => replyTo(owners, entries, head));
    this.#publisher.publish(topicsOf(threadId, before, entries), event);
    this.#bodies?.appended(threadId, before, entries);
  }
}

function replyTo(owners: readonly [Waiting, number][], entries: readonly Entry[], head: Head): void {
  let start = 0;
  for (const [waiting, end] of owners) {
    const last = entries[end - 1];
    if (last !== undefined && end > start) {
      const { sequence, ordinal, createTimeMs } = last;
      waiting.resolve({ sequence, ordinal, createTimeMs, epoch: head.epoch, duplicate: false });
    }
    start = end;
  }
}

type Built = readonly NewEntry[] | undefined | 'behind';

function built(waiting: Waiting, view: ThreadView | undefined, next: bigint): readonly NewEntry[] | undefined {
  const entries = waiting.request.build(view, next);
  if (entries.length > 0) return entries;
  waiting.resolve({ sequence: 0n, ordinal: 0n, epoch: 0n, createTimeMs: 0, duplicate: false });
  return undefined;
}
