import { topicOf, type Topic } from '../bus/bus.ts';
import { threadLog, type ThreadId } from '../core/ids.ts';
import { audible, knownUpTo, wasIn, type Stretch } from './audible.ts';
import type { DeliveryContext } from './context.ts';
import { EntryBatch, maxBatchBytes } from './entry-batch.ts';
import type { OutFrame, SkipReason } from './frames.ts';
import type { TopicListener } from './hub.ts';
import type { Outbox } from './outbox.ts';
import type { SessionIdentity } from './session.ts';
import type { ThreadView } from './thread-views.ts';
import { UnheardGroups } from './unheard-groups.ts';
import { type Feed, type Skip, Window } from './window.ts';

/** What was heard of a thread while opening. */
export interface Span {
  from: bigint;
  to: bigint;
  /** At `from` the user came in. */
  joins: boolean;
}

/** Groups that a session hears live at most. */
export const maxGroups = 100;

/** What the feeds need of the session they belong to. */
export interface FeedOwner extends TopicListener {
  readonly identity: SessionIdentity;
  readonly outbox: Outbox;
  readonly phase: 'opening' | 'live' | 'ended';
  push(frame: OutFrame): void;
  onScreen(threadId: ThreadId): boolean;
  unsubscribe(threadId: ThreadId): void;
}

/**
 * Entries on their way to one session: each thread in order, each entry once or in a Skipped. What is missing before an
 * entry is read from the log. Who may hear an entry is judged by the view that comes with it.
 */
export class ThreadFeeds {
  readonly window: Window;
  /** Threads of which something was heard while opening, to be told from the log. */
  readonly heardWhileOpening = new Map<ThreadId, Span>();
  readonly #owner: FeedOwner;
  readonly #context: DeliveryContext;
  /** Groups heard live; once there are as many as may be, the one longest without news is the first. */
  readonly #groups = new Set<ThreadId>();
  #unheard: UnheardGroups | undefined;

  constructor(owner: FeedOwner, context: DeliveryContext) {
    this.#owner = owner;
    this.#context = context;
    this.window = new Window(context.limits.windowEntries, context.limits.windowBytes);
  }

  hear(batch: EntryBatch, view: ThreadView): void {
    const { userId } = this.#owner.identity;
    const member = view.members.get(userId);
    if (batch.changesMembers) {
      const isIn = wasIn(batch.entries, userId);
      if (isIn !== undefined) {
        const stretches = audible(batch.entries, userId, isIn);
        for (const stretch of stretches) this.#hearStretch(batch, stretch, view);
        const isOut = stretches.at(-1)?.leaves === true;
        // While the session opens more may follow: the group is settled at the end.
        if (isOut && this.#owner.phase !== 'opening') this.forgetGroup(batch.threadId);
        return;
      }
    }
    if (member === undefined) return this.forgetGroup(batch.threadId);
    // Of before they came in, where the view is newer than the batch.
    if (member.joinSequence > batch.first) return;
    this.#hearStretch(batch, { entries: batch.entries, joins: false, leaves: false }, view);
  }

  #hearStretch(batch: EntryBatch, { entries, joins, leaves }: Stretch, view: ThreadView): void {
    const { threadId } = batch;
    const heard = batch.of(entries);
    if (this.#owner.phase === 'opening') {
      const before = this.heardWhileOpening.get(threadId);
      if (before === undefined) this.heardWhileOpening.set(threadId, { from: heard.first, to: heard.last, joins });
      else widen(before, heard, joins);
      return;
    }
    if (this.#groups.size >= maxGroups && this.#groups.delete(threadId)) this.#groups.add(threadId);
    if (joins) this.#begin(threadId, heard.first);
    this.tell(heard, leaves);
    // Heard by the user's own topic: a group they came into.
    if (!leaves && view.info.kind === 'group' && !this.#groups.has(threadId)) {
      // Where that fails, the device hears of it at its next opening.
      this.enter(threadId).catch(() => undefined);
    }
  }

  /** The user came in at `first`: what is between that and their last removal is not theirs. */
  #begin(threadId: ThreadId, first: bigint): void {
    const feed = this.window.feed(threadId);
    if (feed === undefined) this.window.open(threadId, first);
    // If they have not been told of their removal, what is missing is read, and shows when they left and came.
    else if (feed.left && !feed.repairing) {
      feed.left = false;
      if (feed.next < first) feed.next = first;
    }
  }

  /** Tells the entries that are due; reads what is missing before them. `leaves`: the last is the user's removal. */
  tell(batch: EntryBatch, leaves = false): void {
    const feed = this.window.feed(batch.threadId) ?? this.window.open(batch.threadId, batch.first);
    if (batch.last > feed.heard) feed.heard = batch.last;
    if (batch.last < feed.next || feed.repairing) return;
    if (batch.first > feed.next) return void this.#repair(batch.threadId, feed);
    const due = batch.since(feed.next);
    if (due === undefined) return;
    feed.left = leaves;
    if (due.origin === this.#owner.identity.sessionId && feed.skipFrom === 0n) {
      // The device has the replies; they stand for the entries.
      feed.next = due.last + 1n;
      return;
    }
    this.#admit(feed, due);
  }

  #admit(feed: Feed, due: EntryBatch): void {
    if (!this.window.admit(feed, due.last, due.entries.length, due.bytes)) return;
    this.#owner.outbox.pushBytes(due.encoded(this.#context.encode));
  }

  /** Tells a thread from where its feed is up to `upTo`, and whatever is heard meanwhile, read from the log. */
  async catchUp(threadId: ThreadId, upTo: bigint): Promise<void> {
    const feed = this.window.feed(threadId);
    if (feed === undefined) return;
    if (upTo > feed.heard) feed.heard = upTo;
    // A repair under way goes on to what was raised.
    if (!feed.repairing) await this.#repair(threadId, feed);
  }

  async #repair(threadId: ThreadId, feed: Feed): Promise<void> {
    const { views, store } = this.#context;
    const { userId } = this.#owner.identity;
    feed.repairing = true;
    try {
      // Nothing is awaited between the last look at `heard` and the end: what is heard behind it is told as it comes.
      while (feed.next <= feed.heard) {
        // What would be left out anyway is not read.
        if (feed.skipFrom > 0n) return this.#jump(threadId, feed);
        const view = await views.get(threadId);
        const head = view?.head;
        const range = { after: feed.next - 1n, upTo: feed.heard, limit: 200, maxBytes: maxBatchBytes };
        const read = head === undefined ? [] : await store.entries(threadLog(threadId), range);
        // For who is out of it, what was heard ends with their removal.
        const entries = view?.members.has(userId) === false ? knownUpTo(read, feed.heard) : read;
        if (this.#owner.phase === 'ended') return;
        const last = entries.at(-1);
        if (head === undefined || last === undefined) throw new Error('what was heard of is in the log');
        for (const stretch of audible(entries, userId, !feed.left)) {
          const due = new EntryBatch(threadId, head, stretch.entries, undefined);
          feed.next = due.first;
          this.#admit(feed, due);
          feed.left = stretch.leaves;
        }
        feed.next = last.sequence + 1n;
      }
    } catch {
      // The store cannot be read: the device is told, and asks when it wants them.
      const { next: from, heard: to } = feed;
      if (feed.skipFrom === 0n) this.tellSkip({ threadId, from, to }, 'backfill-limit');
      this.#jump(threadId, feed);
    } finally {
      feed.repairing = false;
    }
  }

  /** Goes on behind what was heard, unread. */
  #jump(threadId: ThreadId, feed: Feed): void {
    feed.next = feed.heard + 1n;
    const member = this.#context.views.peek(threadId)?.members.get(this.#owner.identity.userId);
    feed.left = member === undefined || member.joinSequence > feed.heard;
  }

  /** A group that is live from now on: tells also what was appended before it was heard. */
  async enter(threadId: ThreadId): Promise<void> {
    const head = await this.#hearFromNow(threadId);
    if (head === undefined) return;
    if (this.window.feed(threadId) === undefined) this.window.open(threadId, head + 1n);
    await this.catchUp(threadId, head);
  }

  /** Joins a group's topic; the one longest without news gives way when there are too many. False = it was heard already. */
  async hearGroup(threadId: ThreadId): Promise<boolean> {
    if (this.#groups.has(threadId)) return false;
    this.#groups.add(threadId);
    const { hub } = this.#context;
    if (this.#groups.size > maxGroups) {
      for (const oldest of this.#groups) {
        if (oldest === threadId || this.#owner.onScreen(oldest)) continue;
        this.#groups.delete(oldest);
        hub.leave(topicOf.thread(oldest), this.#owner);
        this.leavesSomeUnheard();
        break;
      }
    }
    try {
      await hub.join(topicOf.thread(threadId), this.#owner);
    } catch (error) {
      this.#groups.delete(threadId);
      throw error;
    }
    if (this.#owner.phase === 'ended') hub.leave(topicOf.thread(threadId), this.#owner);
    return true;
  }

  /** From now on `hearOfUnheard` has something to look for. */
  leavesSomeUnheard(): void {
    const { store, clock } = this.#context;
    this.#unheard ??= new UnheardGroups(this.#owner.identity.userId, store, clock);
  }

  /**
   * Looks for groups that are not heard and in which something happened, at most once a minute. They are heard from now on, instead
   * of those longest without news.
   */
  async hearOfUnheard(): Promise<void> {
    const rows = (await this.#unheard?.look((threadId) => this.#groups.has(threadId))) ?? [];
    for (const { threadId, sequence } of rows.slice(-maxGroups)) {
      if (this.#owner.phase === 'ended') return;
      const feed = this.window.feed(threadId);
      if (feed !== undefined && feed.next > sequence) continue;
      // Where it is not known what the device was told before, the last entry shows it what it lacks.
      if (feed === undefined) this.window.open(threadId, sequence);
      await this.enter(threadId);
    }
  }

  /** The same, with the head after that: what was appended before has to be read. Undefined = it was heard already. */
  async #hearFromNow(threadId: ThreadId): Promise<bigint | undefined> {
    if (!(await this.hearGroup(threadId))) return undefined;
    return (await this.#context.store.head(threadLog(threadId)))?.sequence;
  }

  /** Tells what was heard of a thread while opening. A group is live from now on for a member, and no more for others. */
  async settle(threadId: ThreadId, { from, to, joins }: Span): Promise<void> {
    const view = await this.#context.views.get(threadId);
    let head = to;
    if (view?.info.kind === 'group') {
      if (view.members.has(this.#owner.identity.userId)) head = (await this.#hearFromNow(threadId)) ?? to;
      else this.forgetGroup(threadId);
    }
    if (joins) this.#begin(threadId, from);
    else if (this.window.feed(threadId) === undefined) this.window.open(threadId, from);
    await this.catchUp(threadId, head > to ? head : to);
  }

  forgetGroup(threadId: ThreadId): void {
    this.#owner.unsubscribe(threadId);
    if (this.#groups.delete(threadId)) this.#context.hub.leave(topicOf.thread(threadId), this.#owner);
  }

  /** Tells the skips that may be told now. */
  tellSkips(): void {
    for (const skip of this.window.takeSkips()) this.tellSkip(skip, 'window-full');
  }

  tellSkip(skip: Skip, reason: SkipReason): void {
    const { views, retention } = this.#context;
    const view = views.peek(skip.threadId);
    // Taken for one that erases where that is not known: a client then fetches what it might have left to history.
    const isKnown = view !== undefined && view.head.sequence >= skip.to;
    const heldUntilAcknowledged = !isKnown || retention.waits(view.spans);
    this.#owner.push({ type: 'skipped', ...skip, reason, heldUntilAcknowledged });
  }

  /** Topics that the session has joined for its groups; lets go of what it kept. */
  close(): Topic[] {
    const topics = [...this.#groups].map((group) => topicOf.thread(group));
    this.#groups.clear();
    this.heardWhileOpening.clear();
    return topics;
  }
}

/** Entries of two nodes may come in another order than they were appended in. */
function widen(span: Span, { first, last }: EntryBatch, joins: boolean): void {
  if (last > span.to) span.to = last;
  if (first >= span.from) return;
  span.from = first;
  span.joins = joins;
}
