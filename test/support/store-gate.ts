// Stands before a real store and holds back or refuses calls where a test says so; everything else goes through.
import { Refusal } from '../../server/core/errors.ts';
import type { Store } from '../../server/store/store.ts';

type Method = keyof Store & string;

export interface Held {
  /** Resolves when a call has come. */
  readonly reached: Promise<void>;
  /** Lets it go on. */
  release(): void;
}

export class StoreGate {
  readonly #held = new Map<Method, { reached: () => void; released: Promise<void> }>();
  readonly #refused = new Set<Method>();

  /** For `storeBehind` of a test node. */
  readonly behind = (store: Store): Store =>
    new Proxy(store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        const call = value as (...given: unknown[]) => unknown;
        // Looked at with each call: the method may have been taken from the store before.
        return (...given: unknown[]): unknown => {
          if (!this.#refused.has(name as Method) && !this.#held.has(name as Method)) return call.apply(target, given);
          return this.#atGate(name as Method, () => call.apply(target, given));
        };
      },
    });

  async #atGate(name: Method, goOn: () => unknown): Promise<unknown> {
    const held = this.#held.get(name);
    this.#held.delete(name);
    held?.reached();
    await held?.released;
    if (this.#refused.has(name)) throw new Refusal('STORE_UNAVAILABLE', 'refused by the test');
    return goOn();
  }

  /** Holds back the next call of a method. */
  hold(method: Method): Held {
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    this.#held.set(method, { reached: reached.resolve, released: released.promise });
    return { reached: reached.promise, release: released.resolve };
  }

  /** Refuses calls of methods as a store does that cannot work. */
  refuse(...methods: Method[]): void {
    for (const method of methods) this.#refused.add(method);
  }

  /** Refuses nothing any more. */
  admit(): void {
    this.#refused.clear();
  }
}
