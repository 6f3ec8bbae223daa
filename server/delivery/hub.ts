import type { Bus, Subscription, Topic } from '../bus/bus.ts';
import { pause, type Clock } from '../core/clock.ts';
import { sizeOfEntry, type Entry } from '../core/entry.ts';
import type { BusEvent, LogHead } from '../core/event.ts';
import { threadLog, userLog, type LogId, type SessionId } from '../core/ids.ts';
import { EntryBatch, maxBatchBytes } from './entry-batch.ts';
import { tickMsOf } from './tick.ts';
import type { ThreadView, ThreadViews } from './thread-views.ts';

/** What a session (or anything on this node) hears of the topics it joined. Called in order, must not throw. */
export interface TopicListener {
  /** Entries of a thread, with a view of its members that is at least as new as they are. */
  hearEntries(batch: EntryBatch, view: ThreadView): void;
  /** Everything else. */
  hearEvent(event: BusEvent, topic: Topic): void;
  /** What was said on this topic lately may not have been heard. Entries need no care: they are looked for. */
  hearInterruption?(topic: Topic): void;
}

/** Looks after topics whose events may be lost. */
export interface HubKeeper {
  /** The topic is served from now on. */
  serves(topic: Topic): void;
  /** And from now on no more. */
  leaves(topic: Topic): void;
  /** Another node could not publish what led to these heads. */
  hearHeads(topic: Topic, heads: readonly LogHead[]): void;
}

type EntriesEvent = Extract<BusEvent, { type: 'entries' }>;

/** Batches of a topic that wait for the store; when it cannot be read, it is asked again after this time. */
const maxWaiting = 256;
const unreadableMs = 1_000;

interface TopicState {
  readonly topic: Topic;
  readonly listeners: Set<TopicListener>;
  readonly subscription: Promise<Subscription>;
  /** Entries events that wait for the next tick. */
  pending: EntriesEvent[];
  ticking: boolean;
  lastTickMs: number;
  /** Batches that wait for a view of the members, and all that came after them. */
  readonly waiting: EntryBatch[];
  reading: boolean;
  /** The highest sequence heard of each log; kept only where there is a keeper. */
  heard: Map<LogId, bigint> | undefined;
}

/** Logs of one topic of which it is known what was heard: a user's threads. */
const maxHeardLogs = 256;

/**
 * The topics that this node's sessions need: subscribed with the first listener, left with the last. Entries of a busy
 * topic are put together into one batch per tick; the batch is encoded once for all.
 */
export class Hub {
  readonly #bus: Bus;
  readonly #views: ThreadViews;
  readonly #clock: Clock;
  readonly #maxTickMs: number;
  readonly #topics = new Map<Topic, TopicState>();
  /** Set where the bus may lose events. */
  keeper: HubKeeper | undefined;

  /** @param maxTickMs entries of a group wait at most this long for others to share a frame with */
  constructor(bus: Bus, views: ThreadViews, clock: Clock, maxTickMs = 100) {
    this.#bus = bus;
    this.#views = views;
    this.#clock = clock;
    this.#maxTickMs = maxTickMs;
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
        waiting: [],
        reading: false,
        heard: undefined,
      };
      this.#topics.set(topic, made);
      state = made;
      this.keeper?.serves(topic);
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
    this.keeper?.leaves(topic);
    state.subscription.then(
      (subscription) => subscription.unsubscribe(),
      () => undefined,
    );
  }

  /** Whether all who listen to one topic listen to another too. */
  listensAlso(topic: Topic, other: Topic): boolean {
    const others = this.#topics.get(other)?.listeners;
    for (const listener of this.#topics.get(topic)?.listeners ?? []) if (others?.has(listener) !== true) return false;
    return true;
  }

  /** The highest sequence heard of a log on this topic; 0 = not known. */
  heard(topic: Topic, log: LogId): bigint {
    return this.#topics.get(topic)?.heard?.get(log) ?? 0n;
  }

  /** Has a topic's listeners hear what the bus did not bring. */
  hear(topic: Topic, event: BusEvent): void {
    const state = this.#topics.get(topic);
    if (state !== undefined) this.#hear(state, event);
  }

  /** Tells a topic's listeners that something may have been lost. */
  hearInterruption(topic: Topic): void {
    for (const listener of this.#topics.get(topic)?.listeners ?? []) listener.hearInterruption?.(topic);
  }

  #hear(state: TopicState, event: BusEvent): void {
    if (event.type === 'heads') {
      this.keeper?.hearHeads(state.topic, event.heads);
      return;
    }
    if (this.keeper !== undefined) noteHeard(state, event);
    if (event.type !== 'entries') {
      for (const listener of state.listeners) listener.hearEvent(event, state.topic);
      return;
    }
    this.#views.apply(event.threadId, event.entries, event.head);
    state.pending.push(event);
    if (state.ticking) return;
    const now = this.#clock.monotonicMs();
    const waitMs = state.lastTickMs + tickMsOf(state.listeners.size, this.#maxTickMs) - now;
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
      if (current && !state.reading) deliver(state, batch, view);
      else this.#wait(state, batch);
    }
  }

  #wait(state: TopicState, batch: EntryBatch): void {
    // What is dropped shows as a gap: each session reads it from the log.
    if (state.waiting.length >= maxWaiting) state.waiting.shift();
    state.waiting.push(batch);
    if (!state.reading) void this.#deliverWaiting(state);
  }

  /** Nobody hears an entry before it can be judged who may. */
  async #deliverWaiting(state: TopicState): Promise<void> {
    state.reading = true;
    for (;;) {
      const batch = state.waiting[0];
      if (batch === undefined || state.listeners.size === 0) break;
      try {
        const view = await this.#views.get(batch.threadId, batch.head.membersSequence);
        if (view !== undefined && state.waiting[0] === batch) deliver(state, batch, view);
      } catch {
        await pause(this.#clock, unreadableMs);
        continue;
      }
      if (state.waiting[0] === batch) state.waiting.shift();
    }
    state.waiting.length = 0;
    state.reading = false;
  }
}

function noteHeard(state: TopicState, event: BusEvent): void {
  if (event.type !== 'entries' && event.type !== 'user-entries') return;
  const last = event.entries.at(-1);
  if (last === undefined) return;
  const log = event.type === 'entries' ? threadLog(event.threadId) : userLog(event.userId);
  const heard = (state.heard ??= new Map());
  if (last.sequence <= (heard.get(log) ?? 0n)) return;
  heard.delete(log);
  heard.set(log, last.sequence);
  if (heard.size <= maxHeardLogs) return;
  for (const oldest of heard.keys()) {
    heard.delete(oldest);
    return;
  }
}

function deliver(state: TopicState, batch: EntryBatch, view: ThreadView): void {
  for (const listener of state.listeners) listener.hearEntries(batch, view);
}

/**
 * Puts events of one thread that follow on one another into one batch, up to a size; larger ones are taken apart, so that
 * a window takes as much as it has room for. Keeps their order.
 */
function gather(events: readonly EntriesEvent[]): EntryBatch[] {
  const batches: EntryBatch[] = [];
  let open: { event: EntriesEvent; entries: Entry[]; origin: SessionId | undefined; bytes: number } | undefined;
  const close = (): void => {
    if (open === undefined) return;
    const { threadId, head } = open.event;
    batches.push(new EntryBatch(threadId, head, open.entries, open.origin));
  };
  for (const event of events) {
    for (const entry of event.entries) {
      const bytes = sizeOfEntry(entry);
      const last = open?.event.threadId === event.threadId ? open.entries.at(-1) : undefined;
      if (open !== undefined && last?.sequence === entry.sequence - 1n && open.bytes + bytes <= maxBatchBytes) {
        open.entries.push(entry);
        open.bytes += bytes;
        open.event = event;
        if (event.origin !== open.origin) open.origin = undefined;
      } else {
        close();
        open = { event, entries: [entry], origin: event.origin, bytes };
      }
    }
  }
  close();
  return batches;
}
