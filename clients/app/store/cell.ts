import type { View } from '../../web/view.ts';

/** A value that changes by being replaced, and those who want to know. Several changes of one task are told once. */
export class Cell<T> implements View<T> {
  #value: T;
  #told = true;
  readonly #subscribers = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    if (!this.#told) return;
    this.#told = false;
    queueMicrotask(() => {
      this.#told = true;
      for (const subscriber of this.#subscribers) subscriber();
    });
  }

  /** Changes some fields of a value that is an object. */
  change(part: Partial<T>): void {
    this.set({ ...this.#value, ...part });
  }

  subscribe(changed: () => void): () => void {
    this.#subscribers.add(changed);
    return () => this.#subscribers.delete(changed);
  }
}
