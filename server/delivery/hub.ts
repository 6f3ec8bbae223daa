import type { Bus, Subscription, Topic } from '../bus/bus.ts';
import type { Clock } from '../core/clock.ts';
import type { Entry, Head } from '../core/entry.ts';
import type { BusEvent } from '../core/event.ts';
import type { SessionId, ThreadId } from '../core/ids.ts';
import { EntryBatch } from './entry-batch.ts';
import type { ThreadView, ThreadViews } from './thread-views.ts';

/** What a session (or anything on this node) hears of the topics it joined. Called in order, must not throw. */
export interface TopicListener {
  /** Entries of a thread, with a view of its members that is at least as new as they are. */
  hearEntries(batch: EntryBatch, view: ThreadView): void;
  /** Everything else. */
  hearEvent(event: BusEvent): void;
}

/** Events of a group wait at most this long for others to share a frame with. */
const maxTickMs = 100;
/** One ms of waiting for each this many listeners: a handful hears at once. */
const listenersPerTickMs = 10;

interface TopicState {
  readonly topic: Topic;
  readonly listeners: Set<TopicListener>;
  readonly subscription: Promise<Subscription>;
  /** Entries events that wait for the next tick. */
  pending: Extract<BusEvent, { type: 'entries' }>[];
  ticking: boolean;
  lastTickMs: number;
  /** Deliveries that had to wait for a view follow one another. */
  chain: Promise<void> | undefined;
}

/**
 * The topics that this node's sessions need: subscribed with the first listener, left with the last. Entries of a busy
 * topic are put together into one batch per tick; the batch is encoded once for all.
 */
export class Hub {
  readonly #bus: Bus;
  readonly #views: ThreadViews;
  readonly #clock: Clock;
  readonly #topics = new Map<Topic, TopicState>();

  constructor(bus: Bus, views: ThreadViews, clock: Clock) {
    this.#bus = bus;
    this.#views = views;
    this.#clock = clock;
  }

  get topics(): number {
    return this.#topics.size;
  }

  /** Resolves when everything published from then on is heard. */
  async join(topic: Topic, listener: TopicListener): Promise<void> {
    let state = this.#topics.get(topic);
    if (state === undefined) {
      const made: TopicState = {
        topic,
        listeners: new Set(),
        subscription: this.#bus.subscribe(topic, (event) => this.#hear(made, event)),
        pending: [],
        ticking: false,
        lastTickMs: 0,
        chain: undefined,
      };
      this.#topics.set(topic, made);
      state = made;
    }
    state.listeners.add(listener);
    try {
      await state.subscription;
    } catch (error) {
      this.leave(topic, listener);
      throw error;
    }
  }

  leave(topic: Topic, listener: TopicListener): void {
    const state = this.#topics.get(topic);
    if (state === undefined || !state.listeners.delete(listener) || state.listeners.size > 0) return;
    this.#topics.delete(topic);
    state.subscription.then(
      (subscription) => subscription.unsubscribe(),
      () => undefined,
    );
  }

  #hear(state: TopicState, event: BusEvent): void {
    if (event.type !== 'entries') {
      for (const listener of state.listeners) listener.hearEvent(event);
      return;
    }
    this.#views.apply(event.threadId, event.entries, event.head);
    state.pending.push(event);
    if (state.ticking) return;
    const now = this.#clock.monotonicMs();
    const tickMs = Math.min(maxTickMs, state.listeners.size / listenersPerTickMs);
    const waitMs = state.lastTickMs + tickMs - now;
    if (waitMs < 1) return this.#tick(state, now);
    state.ticking = true;
    this.#clock.after(waitMs, () => {
      state.ticking = false;
      this.#tick(state, this.#clock.monotonicMs());
    });
  }

  #tick(state: TopicState, nowMs: number): void {
    state.lastTickMs = nowMs;
    const pending = state.pending;
    state.pending = [];
    for (const batch of gather(pending)) {
      const view = this.#views.peek(batch.threadId);
      const current = view !== undefined && view.head.membersSequence >= batch.head.membersSequence;
      if (current && state.chain === undefined) {
        deliver(state, batch, view);
        continue;
      }
      const chain: Promise<void> = (state.chain ?? Promise.resolve())
        .then(() => this.#views.get(batch.threadId, batch.head.membersSequence))
        .then(
          (read) => {
            if (read !== undefined) deliver(state, batch, read);
          },
          // Not readable just now: nobody hears it; the repair of heads tells it later.
          () => undefined,
        )
        .then(() => {
          if (state.chain === chain) state.chain = undefined;
        });
      state.chain = chain;
    }
  }
}

function deliver(state: TopicState, batch: EntryBatch, view: ThreadView): void {
  for (const listener of state.listeners) listener.hearEntries(batch, view);
}

/** Puts events of one thread that follow on one another into one batch; keeps their order. */
function gather(events: readonly Extract<BusEvent, { type: 'entries' }>[]): EntryBatch[] {
  if (events.length === 1 && events[0] !== undefined) {
    const { threadId, head, entries, origin } = events[0];
    return [new EntryBatch(threadId, head, entries, origin)];
  }
  const batches: EntryBatch[] = [];
  let threadId: ThreadId | undefined;
  let entries: Entry[] = [];
  let head: Head | undefined;
  let origin: SessionId | undefined;
  const close = (): void => {
    if (threadId !== undefined && head !== undefined) batches.push(new EntryBatch(threadId, head, entries, origin));
  };
  for (const event of events) {
    const follows = event.threadId === threadId && event.entries[0]?.sequence === (entries.at(-1)?.sequence ?? 0n) + 1n;
    if (follows && entries.length < 200) {
      entries.push(...event.entries);
      head = event.head;
      if (event.origin !== origin) origin = undefined;
    } else {
      close();
      ({ threadId, head, origin } = event);
      entries = [...event.entries];
    }
  }
  close();
  return batches;
}
