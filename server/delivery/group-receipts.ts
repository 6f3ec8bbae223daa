import { topicOf } from '../bus/bus.ts';
import type { Clock } from '../core/clock.ts';
import type { BusEvent } from '../core/event.ts';
import { threadLog, type ThreadId, type UserId } from '../core/ids.ts';
import type { Store } from '../store/store.ts';
import type { EntryBatch } from './entry-batch.ts';
import type { Hub, TopicListener } from './hub.ts';
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
  readonly #clock: Clock;
  readonly #watches = new Map<ThreadId, Watch>();

  constructor(store: Store, hub: Hub, views: ThreadViews, clock: Clock) {
    this.#store = store;
    this.#hub = hub;
    this.#views = views;
    this.#clock = clock;
  }

  async join(threadId: ThreadId, session: Session): Promise<void> {
    let watch = this.#watches.get(threadId);
    if (watch === undefined) {
      watch = new Watch(threadId, this.#store, this.#views, this.#clock);
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
  readonly #clock: Clock;
  readonly #positions = new Map<UserId, Kept>();
  /** Sender and sequence of the last messages, oldest first. */
  #recent: { readonly senderId: UserId; readonly sequence: bigint }[] = [];
  #loaded: Promise<void> | undefined;
  #scheduled = false;

  constructor(threadId: ThreadId, store: Store, views: ThreadViews, clock: Clock) {
    this.#threadId = threadId;
    this.#store = store;
    this.#views = views;
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
    for (const entry of await this.#store.entries(threadLog(this.#threadId), range)) {
      if (entry.change.kind === 'message') this.#recent.push(entry);
    }
    this.#recent = this.#recent.sort((a, b) => (a.sequence < b.sequence ? -1 : 1)).slice(-recentEntries);
    for (let after: UserId | undefined; ;) {
      const page = { ...(after === undefined ? {} : { after }), limit: pageOfPositions };
      const positions = await this.#store.positions(this.#threadId, page);
      for (const { userId, delivered, read } of positions) this.#raise(userId, delivered, read);
      after = positions.at(-1)?.userId;
      if (positions.length < pageOfPositions) return;
    }
  }

  hearEntries(batch: EntryBatch): void {
    for (const { sequence, senderId, change } of batch.entries) {
      if (change.kind === 'message') this.#recent.push({ senderId, sequence });
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
    const view = this.#views.peek(this.#threadId);
    if (view === undefined) return;
    for (const session of this.sessions) {
      const { userId } = session.identity;
      const own = this.#recent.slice(-recentEntries).filter(({ senderId }) => senderId === userId);
      if (own.length === 0 || !view.members.has(userId)) continue;
      session.outbox.replace(`c${this.#threadId}`, {
        type: 'receipt-counts',
        threadId: this.#threadId,
        counts: own.map(({ sequence }) => this.#count(view, userId, sequence)).toReversed(),
        memberCount: view.members.size - 1,
      });
    }
  }

  #count(view: ThreadView, author: UserId, sequence: bigint): { sequence: bigint; delivered: number; read: number } {
    let delivered = 0;
    let read = 0;
    for (const [userId, kept] of this.#positions) {
      if (userId === author || !view.members.has(userId)) continue;
      if (kept.delivered >= sequence) delivered += 1;
      if (kept.read >= sequence) read += 1;
    }
    return { sequence, delivered, read };
  }
}
