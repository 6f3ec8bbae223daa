import type { BusEvent } from '../core/event.ts';
import type { Bus, Listener, Subscription, Topic } from './bus.ts';

/**
 * The bus of a node that is alone: a map. Nothing is ever lost, so there are no interruptions. Events are handed over
 * at once; one published while another is handed over waits behind it, so that listeners are never re-entered.
 */
export class MemoryBus implements Bus {
  readonly #listeners = new Map<Topic, Set<Listener>>();
  readonly #waiting: [Topic, BusEvent][] = [];
  #handing = false;

  publish(topic: Topic, event: BusEvent): Promise<void> {
    this.#waiting.push([topic, event]);
    if (!this.#handing) this.#hand();
    return done;
  }

  subscribe(topic: Topic, listener: Listener): Promise<Subscription> {
    let listeners = this.#listeners.get(topic);
    if (listeners === undefined) {
      listeners = new Set();
      this.#listeners.set(topic, listeners);
    }
    // A listener of its own for each subscription: the same function may listen twice.
    const own: Listener = (event) => listener(event);
    listeners.add(own);
    return Promise.resolve({ unsubscribe: () => this.#unsubscribe(topic, own) });
  }

  onInterruption(): void {
    // There are none.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
    this.#waiting.length = 0;
  }

  #unsubscribe(topic: Topic, listener: Listener): void {
    const listeners = this.#listeners.get(topic);
    if (listeners === undefined || !listeners.delete(listener) || listeners.size > 0) return;
    this.#listeners.delete(topic);
  }

  #hand(): void {
    this.#handing = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        const [topic, event] = next;
        for (const listener of this.#listeners.get(topic) ?? []) listener(event);
      }
    } finally {
      this.#handing = false;
    }
  }
}

const done = Promise.resolve();
