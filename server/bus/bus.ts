import type { BusEvent } from '../core/event.ts';
import type { ChannelId, ThreadId, UserId } from '../core/ids.ts';

declare const topicBrand: unique symbol;
/** An address on the bus. Made only here; ids are encoded, so that no id can be mistaken for another topic. */
export type Topic = string & { readonly [topicBrand]: true };

export const topicOf = {
  /** Everything that concerns one user: direct threads, own log, sessions. */
  user: (user: UserId) => `user:${encodeURIComponent(user)}` as Topic,
  /** A group. */
  thread: (thread: ThreadId) => `thread:${thread}` as Topic,
  /** Live comments of a channel. */
  post: (channel: ChannelId) => `post:${channel}` as Topic,
  /** Whether one user is there. */
  presence: (user: UserId) => `presence:${encodeURIComponent(user)}` as Topic,
} as const;

/** Whom or what a topic is about. */
export function subjectOf(topic: Topic): { readonly kind: keyof typeof topicOf; readonly id: string } {
  const colon = topic.indexOf(':');
  const kind = topic.slice(0, colon) as keyof typeof topicOf;
  const rest = topic.slice(colon + 1);
  return { kind, id: kind === 'thread' || kind === 'post' ? rest : decodeURIComponent(rest) };
}

/**
 * The door to live traffic between nodes. At most once, in order per publisher and topic as far as nothing is lost; events
 * may be lost or repeated, and whoever needs them all looks into the store. One contract suite (test/contract/bus.ts).
 *
 * Failure: what the node publishes reaches its own listeners in order, once, whether the bus can be reached or not. While it
 * cannot, nothing comes from other nodes; every topic that was subscribed to then, or meanwhile, is reported to
 * `onInterruption` once it is heard again.
 */
export interface Bus extends AsyncDisposable {
  /**
   * Hands an event to every node subscribed to the topic, this one included and before it returns. Resolves when the bus has
   * it; rejects with STORE_UNAVAILABLE when that is in doubt for 1 s, or at once while the bus is down: nothing waits for it.
   */
  publish(topic: Topic, event: BusEvent): Promise<void>;
  /**
   * Resolves when the bus has confirmed: every event published from then on reaches the listener, as far as nothing is lost.
   * While the bus is down, or when that is in doubt for 1 s, it resolves too: what came meanwhile counts as lost. Never rejects.
   */
  subscribe(topic: Topic, listener: Listener): Promise<Subscription>;
  /**
   * Calls back when events of these topics may have been lost (`undefined` = of any), as soon as they are heard again: look
   * into the store.
   */
  onInterruption(callback: (topics: readonly Topic[] | undefined) => void): void;
}

/** Called in order, never re-entered. Must not throw. */
export type Listener = (event: BusEvent) => void;

export interface Subscription {
  /** No event is handed over after this returns. */
  unsubscribe(): void;
}
