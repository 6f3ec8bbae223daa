import type { BusEvent } from '../core/event.ts';
import type { Bus, Listener, Subscription, Topic } from './bus.ts';
import { Listeners } from './listeners.ts';

/** The bus of a single node: a map. Nothing is lost, so nothing is ever interrupted. */
export class MemoryBus implements Bus {
  readonly #listeners = new Listeners();
  readonly #published = Promise.resolve();

  publish(topic: Topic, event: BusEvent): Promise<void> {
    this.#listeners.hand(topic, event);
    return this.#published;
  }

  subscribe(topic: Topic, listener: Listener): Promise<Subscription> {
    const remove = this.#listeners.add(topic, listener);
    return Promise.resolve({ unsubscribe: () => void remove() });
  }

  onInterruption(): void {
    // A map does not lose events.
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
    return Promise.resolve();
  }
}
