import type { BusEvent } from '../core/event.ts';
import type { Listener, Topic } from './bus.ts';

interface Held {
  readonly listener: Listener;
}

/**
 * The listeners of one node. An event that is handed over by a listener, while another is handed over, reaches its listeners
 * after that one, before the outer `hand` returns.
 */
export class Listeners {
  readonly #listeners = new Map<Topic, Set<Held>>();
  /** Events handed over while another is. */
  readonly #waiting: { readonly topic: Topic; readonly event: BusEvent }[] = [];
  #handing = false;

  has(topic: Topic): boolean {
    return this.#listeners.has(topic);
  }

  /** One listener may be added twice: each is its own. Gives what removes it; true = the topic has no listeners any more. */
  add(topic: Topic, listener: Listener): () => boolean {
    let listeners = this.#listeners.get(topic);
    if (listeners === undefined) this.#listeners.set(topic, (listeners = new Set()));
    const held: Held = { listener };
    listeners.add(held);
    return () => {
      const present = this.#listeners.get(topic);
      if (present?.delete(held) !== true || present.size > 0) return false;
      return this.#listeners.delete(topic);
    };
  }

  hand(topic: Topic, event: BusEvent): void {
    if (this.#handing) {
      this.#waiting.push({ topic, event });
      return;
    }
    const listeners = this.#listeners.get(topic);
    if (listeners === undefined) return;
    this.#handing = true;
    try {
      handOver(listeners, event);
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        const others = this.#listeners.get(next.topic);
        if (others !== undefined) handOver(others, next.event);
      }
    } finally {
      this.#handing = false;
    }
  }

  clear(): void {
    this.#listeners.clear();
    this.#waiting.length = 0;
  }
}

/** Who subscribes meanwhile does not hear this event; who leaves does not either. */
function handOver(listeners: Set<Held>, event: BusEvent): void {
  if (listeners.size === 1) {
    for (const { listener } of listeners) return listener(event);
  }
  for (const held of [...listeners]) if (listeners.has(held)) held.listener(event);
}
