import type { BusEvent } from '../core/event.ts';
import type { Bus, Listener, Subscription, Topic } from './bus.ts';

/**
 * The bus of a single node: a map. Nothing is lost, so nothing is ever interrupted. An event published by a listener
 * reaches its listeners after the one that is being handed over, before the outer `publish` returns.
 */
export class MemoryBus implements Bus {
  readonly #listeners = new Map<Topic, Set<Held>>();
  readonly #published = Promise.resolve();
  /** Events published while another is handed over. */
  readonly #waiting: { readonly topic: Topic; readonly event: BusEvent }[] = [];
  #handing = false;

  publish(topic: Topic, event: BusEvent): Promise<void> {
    if (this.#handing) {
      this.#waiting.push({ topic, event });
      return this.#published;
    }
    const listeners = this.#listeners.get(topic);
    if (listeners === undefined) return this.#published;
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
    return this.#published;
  }

  subscribe(topic: Topic, listener: Listener): Promise<Subscription> {
    let listeners = this.#listeners.get(topic);
    if (listeners === undefined) this.#listeners.set(topic, (listeners = new Set()));
    // One listener may subscribe twice: each subscription is its own.
    const held: Held = { listener };
    listeners.add(held);
    return Promise.resolve({ unsubscribe: () => this.#unsubscribe(topic, held) });
  }

  #unsubscribe(topic: Topic, held: Held): void {
    const listeners = this.#listeners.get(topic);
    if (listeners?.delete(held) === true && listeners.size === 0) this.#listeners.delete(topic);
  }

  onInterruption(): void {
    // A map does not lose events.
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
    this.#waiting.length = 0;
    return Promise.resolve();
  }
}

interface Held {
  readonly listener: Listener;
}

/** Who subscribes meanwhile does not hear this event; who leaves does not either. */
function handOver(listeners: Set<Held>, event: BusEvent): void {
  if (listeners.size === 1) {
    for (const { listener } of listeners) return listener(event);
  }
  for (const held of [...listeners]) if (listeners.has(held)) held.listener(event);
}
