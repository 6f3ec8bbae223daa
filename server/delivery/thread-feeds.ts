import { topicOf, type Topic } from '../bus/bus.ts';
import type { Entry } from '../core/entry.ts';
import { threadLog, type ThreadId, type UserId } from '../core/ids.ts';
import type { DeliveryContext } from './context.ts';
import { EntryBatch } from './entry-batch.ts';
import type { TopicListener } from './hub.ts';
import type { Outbox } from './outbox.ts';
import type { SessionIdentity } from './session.ts';
import type { ThreadView } from './thread-views.ts';
import { Window, type Feed } from './window.ts';

/** Groups that a session hears live at most. */
const maxGroups = 100;

/** What the feeds need of the session they belong to. */
export interface FeedOwner extends TopicListener {
  readonly identity: SessionIdentity;
  readonly outbox: Outbox;
  readonly phase: 'opening' | 'live' | 'ended';
  onScreen(threadId: ThreadId): boolean;
  unsubscribe(threadId: ThreadId): void;
}

/**
 * Entries on their way to one session: each thread in order, each entry once or in a Skipped. What is missing before an
 * entry is read from the log. Who may hear an entry is judged by the view that comes with it.
 */
export class ThreadFeeds {
  readonly window: Window;
  /** Threads of which something was heard while opening, to be told from the log: the last batch of each. */
  readonly heardWhileOpening = new Map<ThreadId, EntryBatch>();
  readonly #owner: FeedOwner;
  readonly #context: DeliveryContext;
  /** Groups heard live, the one longest without news first. */
  readonly #groups = new Set<ThreadId>();

  constructor(owner: FeedOwner, context: DeliveryContext) {
    this.#owner = owner;
    this.#context = context;
    this.window = new Window(context.limits.windowEntries, context.limits.windowBytes);
  }

  hear(batch: EntryBatch, view: ThreadView): void {
    const { threadId } = batch;
    const { userId } = this.#owner.identity;
    const member = view.members.has(userId);
    let heard: EntryBatch | undefined = batch;
    if (!member) {
      // Their own removal is the last that they hear.
      const removal = lastRemoval(batch.entries, userId);
      heard = removal === undefined ? undefined : batch.part(0n, removal.sequence);
    }
    if (heard === undefined) return this.forgetGroup(threadId);
    if (this.#owner.phase === 'opening') {
      this.heardWhileOpening.set(threadId, heard);
      return;
    }
    // Heard by the user's own topic: a group they came into.
    if (member && view.info.kind === 'group' && !this.#groups.has(threadId)) return void this.#enter(view, heard);
    this.tell(heard);
    if (!member) this.forgetGroup(threadId);
  }

  /** Tells the entries that are due; reads what is missing before them. */
  tell(batch: EntryBatch): void {
    const feed = this.window.feed(batch.threadId) ?? this.window.open(batch.threadId, batch.first);
    if (batch.last > feed.heard) feed.heard = batch.last;
    if (batch.last < feed.next || feed.repairing) return;
    if (batch.first > feed.next) return void this.#repair(batch.threadId, feed);
    const due = batch.part(feed.next, batch.last);
    if (due === undefined) return;
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
    feed.repairing = true;
    try {
      // Nothing is awaited between the last look at `heard` and the end: what is heard behind it is told as it comes.
      while (feed.next <= feed.heard && this.#owner.phase !== 'ended') {
        const head = (await views.get(threadId))?.head;
        const range = { after: feed.next - 1n, upTo: feed.heard, limit: 200 };
        const entries = head === undefined ? [] : await store.entries(threadLog(threadId), range);
        if (head === undefined || entries.length === 0) {
          feed.next = feed.heard + 1n;
          return;
        }
        this.#admit(feed, new EntryBatch(threadId, head, entries, undefined));
      }
    } catch {
      // The store cannot be read: the device sees the gap by the next entry's sequence and asks itself.
      feed.next = feed.heard + 1n;
    } finally {
      feed.repairing = false;
    }
  }

  /** A group that the user came into while the session is live. */
  async #enter({ threadId, members }: ThreadView, batch: EntryBatch): Promise<void> {
    const { userId } = this.#owner.identity;
    this.window.open(threadId, members.get(userId)?.joinSequence ?? batch.first);
    this.tell(batch);
    await this.hearGroup(threadId).catch(() => undefined);
    // Appended after the batch and before the subscription.
    const view = await this.#context.views.get(threadId).catch(() => undefined);
    if (view?.members.has(userId) === true) await this.catchUp(threadId, view.head.sequence);
  }

  /** Joins a group's topic; the one longest without news gives way when there are too many. */
  async hearGroup(threadId: ThreadId): Promise<void> {
    if (this.#groups.has(threadId)) return;
    this.#groups.add(threadId);
    if (this.#groups.size > maxGroups) {
      for (const oldest of this.#groups) {
        if (oldest === threadId || this.#owner.onScreen(oldest)) continue;
        this.#groups.delete(oldest);
        this.#context.hub.leave(topicOf.thread(oldest), this.#owner);
        break;
      }
    }
    await this.#context.hub.join(topicOf.thread(threadId), this.#owner);
    if (this.#owner.phase === 'ended') this.#context.hub.leave(topicOf.thread(threadId), this.#owner);
  }

  /** A group that was heard of while opening: live from now on for a member, no more for others. */
  async settleGroup(threadId: ThreadId): Promise<void> {
    const view = await this.#context.views.get(threadId);
    if (view?.info.kind !== 'group') return;
    if (view.members.has(this.#owner.identity.userId)) await this.hearGroup(threadId);
    else this.forgetGroup(threadId);
  }

  forgetGroup(threadId: ThreadId): void {
    this.#owner.unsubscribe(threadId);
    if (this.#groups.delete(threadId)) this.#context.hub.leave(topicOf.thread(threadId), this.#owner);
  }

  /** Tells the skips that may be told now. */
  tellSkips(): void {
    for (const { threadId, from, to } of this.window.takeSkips()) {
      this.#owner.outbox.push({ type: 'skipped', threadId, from, to, reason: 'window-full' });
    }
  }

  /** Topics that the session has joined for its groups; lets go of what it kept. */
  close(): Topic[] {
    const topics = [...this.#groups].map((group) => topicOf.thread(group));
    this.#groups.clear();
    this.heardWhileOpening.clear();
    return topics;
  }
}

function lastRemoval(entries: readonly Entry[], userId: UserId): Entry | undefined {
  return entries.findLast(({ change }) => change.kind === 'member-removed' && change.userId === userId);
}
