import { topicOf } from '../bus/bus.ts';
import type { Clock } from '../core/clock.ts';
import type { Entry } from '../core/entry.ts';
import type { BusEvent } from '../core/event.ts';
import { threadLog, type ThreadId, type UserId } from '../core/ids.ts';
import type { Store } from '../store/store.ts';
import type { EntryBatch } from './entry-batch.ts';
import type { Hub, TopicListener } from './hub.ts';
import type { Policy } from './policy.ts';
import type { Session } from './session.ts';
import type { ThreadView, ThreadViews } from './thread-views.ts';

/** Counts are told at most this often per thread, for own messages among this many last entries. */
const tellMs = 1_000;
const recentEntries = 64;
const pageOfPositions = 2_000;

interface Kept {
  delivered: bigint;
  read: bigint;
}

/**
 * How many members have the messages of a group, for the authors who have it on screen on this node. Positions are read once when the first
 * of them comes, then kept by the events of the group's topic; a group that nobody here looks at costs nothing.
 */
export class GroupReceipts {
  readonly #store: Store;
  readonly #hub: Hub;
  readonly #views: ThreadViews;
  readonly #policy: Policy;
  readonly #clock: Clock;
  readonly #watches = new Map<ThreadId, Watch>();

  constructor(store: Store, hub: Hub, views: ThreadViews, policy: Policy, clock: Clock) {
    this.#store = store;
    this.#hub = hub;
    this.#views = views;
    this.#policy = policy;
    this.#clock = clock;
  }

  async join(threadId: ThreadId, session: Session): Promise<void> {
    let watch = this.#watches.get(threadId);
    if (watch === undefined) {
      watch = new Watch(threadId, this.#store, this.#views, this.#policy, this.#clock);
      this.#watches.set(threadId, watch);
    }
    watch.sessions.add(session);
    await this.#hub.join(topicOf.thread(threadId), watch);
    await watch.load();
    watch.changed();
  }

  leave(threadId: ThreadId, session: Session): void {
    const watch = this.#watches.get(threadId);
    if (watch === undefined || !watch.sessions.delete(session) || watch.sessions.size > 0) return;
    this.#watches.delete(threadId);
    this.#hub.leave(topicOf.thread(threadId), watch);
  }
}

class Watch implements TopicListener {
  readonly sessions = new Set<Session>();
  readonly #threadId: ThreadId;
  readonly #store: Store;
  readonly #views: ThreadViews;
  readonly #policy: Policy;
  readonly #clock: Clock;
  readonly #positions = new Map<UserId, Kept>();
  /** Sender and sequence of the last messages, oldest first. */
  #recent: { readonly senderId: UserId; readonly sequence: bigint }[] = [];
  #loaded: Promise<void> | undefined;
  #scheduled = false;

  constructor(threadId: ThreadId, store: Store, views: ThreadViews, policy: Policy, clock: Clock) {
    this.#threadId = threadId;
    this.#store = store;
    this.#views = views;
    this.#policy = policy;
    this.#clock = clock;
  }

  load(): Promise<void> {
    this.#loaded ??= this.#read().catch((error: unknown) => {
      // The next who asks reads again.
      this.#loaded = undefined;
      throw error;
    });
    return this.#loaded;
  }

  async #read(): Promise<void> {
    const head = (await this.#views.get(this.#threadId))?.head.sequence ?? 0n;
    const range = { after: 0n, upTo: head, limit: recentEntries, fromEnd: true };
    const entries = await this.#store.entries(threadLog(this.#threadId), range);
    // What was heard meanwhile follows what was read, or is in it.
    const heard = this.#recent;
    this.#recent = [];
    this.#note(entries);
    for (const message of heard) if (message.sequence > head) this.#recent.push(message);
    for (let after: UserId | undefined; ;) {
      const page = { ...(after === undefined ? {} : { after }), limit: pageOfPositions };
      const positions = await this.#store.positions(this.#threadId, page);
      await Promise.all(
        positions.map(async ({ userId, delivered, read }) => {
          const isPrivate = read > 0n && (await this.#policy.readsPrivately(userId));
          this.#raise(userId, delivered, isPrivate ? 0n : read);
        }),
      );
      after = positions.at(-1)?.userId;
      if (positions.length < pageOfPositions) return;
    }
  }

  hearEntries(batch: EntryBatch): void {
    this.#note(batch.entries);
  }

  /** Notes messages, each once. */
  #note(entries: readonly Entry[]): void {
    for (const { senderId, sequence, change } of entries) {
      if (change.kind === 'message' && sequence > (this.#recent.at(-1)?.sequence ?? 0n)) {
        this.#recent.push({ senderId, sequence });
      }
    }
    if (this.#recent.length > recentEntries * 2) this.#recent = this.#recent.slice(-recentEntries);
  }

  hearEvent(event: BusEvent): void {
    if (event.type !== 'positions') return;
    for (const { userId, delivered, read, readPrivately } of event.positions) {
      this.#raise(userId, delivered, readPrivately ? 0n : read);
    }
    this.changed();
  }

  #raise(userId: UserId, delivered: bigint, read: bigint): void {
    const kept = this.#positions.get(userId);
    if (kept === undefined) {
      this.#positions.set(userId, { delivered, read });
      return;
    }
    if (delivered > kept.delivered) kept.delivered = delivered;
    if (read > kept.read) kept.read = read;
  }

  changed(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.after(tellMs, () => {
      this.#scheduled = false;
      this.#tell();
    });
  }

  #tell(): void {
    for (const session of this.sessions) {
      const { userId } = session.identity;
      const own = this.#recent.slice(-recentEntries).filter(({ senderId }) => senderId === userId);
      if (own.length === 0) continue;
      // Who reads privately is told of no reading. Nothing is told where the rules cannot be read just now.
      this.#policy.readsPrivately(userId).then(
        (isPrivate) => this.#tellOne(session, own, isPrivate),
        () => undefined,
      );
    }
  }

  #tellOne(session: Session, own: readonly { readonly sequence: bigint }[], isPrivate: boolean): void {
    const { userId } = session.identity;
    const view = this.#views.peek(this.#threadId);
    if (view === undefined || !view.members.has(userId) || !this.sessions.has(session)) return;
    session.outbox.replace(`c${this.#threadId}`, {
      type: 'receipt-counts',
      threadId: this.#threadId,
      counts: own.map(({ sequence }) => this.#count(view, userId, sequence, isPrivate)).toReversed(),
      memberCount: view.members.size - 1,
    });
  }

  #count(
    view: ThreadView,
    author: UserId,
    sequence: bigint,
    isPrivate: boolean,
  ): { sequence: bigint; delivered: number; read: number } {
    let delivered = 0;
    let read = 0;
    for (const [userId, kept] of this.#positions) {
      if (userId === author || !view.members.has(userId)) continue;
      if (kept.delivered >= sequence) delivered += 1;
      if (kept.read >= sequence && !isPrivate) read += 1;
    }
    return { sequence, delivered, read };
  }
}
