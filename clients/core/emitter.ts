import type { Runtime } from './runtime.ts';

/** Handlers by event name. One that throws disturbs neither the others nor the SDK: see `Runtime.report`. */
export class Emitter<Events extends object> {
  readonly #handlers = new Map<keyof Events, ((event: never) => void)[]>();
  readonly #runtime: Pick<Runtime, 'report'>;

  constructor(runtime: Pick<Runtime, 'report'>) {
    this.#runtime = runtime;
  }

  /** Adds a handler; the answer takes it away again. */
  on<K extends keyof Events>(name: K, handler: (event: Events[K]) => void): () => void {
    // Lists are replaced, never changed: a handler may come or go while its event is told.
    this.#handlers.set(name, [...(this.#handlers.get(name) ?? []), handler]);
    return () => {
      const left = (this.#handlers.get(name) ?? []).filter((other) => other !== handler);
      if (left.length === 0) this.#handlers.delete(name);
      else this.#handlers.set(name, left);
    };
  }

  /** Whether anybody listens: spares making an event that nobody hears. */
  hears(name: keyof Events): boolean {
    return this.#handlers.has(name);
  }

  emit<K extends keyof Events>(name: K, event: Events[K]): void {
    const handlers = this.#handlers.get(name);
    if (handlers === undefined) return;
    for (const handler of handlers) {
      try {
        (handler as (event: Events[K]) => void)(event);
      } catch (error) {
        this.#runtime.report(error);
      }
    }
  }
}
