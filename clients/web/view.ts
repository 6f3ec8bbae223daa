import type { Runtime, Timer } from '../core/runtime.ts';

/**
 * Something to look at that changes: the present value, and a call at each change. Values are never changed in place: the
 * same value means that nothing changed. It is what React's useSyncExternalStore takes, and needs no framework.
 */
export interface View<T> {
  /** The value now. The same object until something changes. */
  get(): T;
  /**
   * Calls after each change, later than the change and once for several at the same time; never during `subscribe`. What a view
   * needs from the server is asked for while somebody is subscribed, and 2 s longer. The answer ends it.
   */
  subscribe(changed: () => void): () => void;
}

/** After the last one is gone, what was asked for is kept this long: a page that is drawn anew asks again at once. */
const lingerMs = 2000;

/** A view whose value is made when it is asked for. */
export abstract class Live<T> implements View<T> {
  readonly #runtime: Runtime;
  readonly #listeners = new Set<() => void>();
  #value: { readonly now: T } | undefined;
  #telling = false;
  #stop: (() => void) | undefined;
  #timer: Timer | undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  get(): T {
    this.#value ??= { now: this.make() };
    return this.#value.now;
  }

  subscribe(changed: () => void): () => void {
    // A function may be given twice.
    const listener = (): void => changed();
    this.#listeners.add(listener);
    this.#timer?.cancel();
    this.#stop ??= this.begin();
    return () => {
      if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
      this.#timer?.cancel();
      this.#timer = this.#runtime.setTimer(lingerMs, () => {
        this.#stop?.();
        this.#stop = undefined;
      });
    };
  }

  /** Somebody is subscribed. */
  protected get isWatched(): boolean {
    return this.#stop !== undefined;
  }

  protected abstract make(): T;

  /** Somebody looks: asks for what is needed. The answer ends it. */
  protected begin(): () => void {
    return () => undefined;
  }

  protected changed(): void {
    this.#value = undefined;
    if (this.#telling || this.#listeners.size === 0) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }
}

/** A view of a value that is set. */
export class Value<T> extends Live<T> {
  #now: T;

  constructor(runtime: Runtime, now: T) {
    super(runtime);
    this.#now = now;
  }

  set(now: T): void {
    if (now === this.#now) return;
    this.#now = now;
    this.changed();
  }

  protected make(): T {
    return this.#now;
  }
}
