import { type Clock, pause } from '../../core/clock.ts';

/** What the queue did not take is offered again after this. */
const againMs = 1_000;
const atOnce = 500;
const mostOwed = 100_000;
/** Whoever ends waits no longer than this for the queue. */
const endWithinMs = 2_000;

export interface DebtsOptions<Key, Value> {
  readonly clock: Clock;
  /** Which of them the queue took, in their order; those that are missing it did not. */
  readonly pay: (some: readonly (readonly [Key, Value])[]) => Promise<readonly boolean[]>;
  /** What stands for both. */
  readonly merge: (one: Value, other: Value) => Value;
  /** So much is owed that one was given up. */
  readonly onLost?: (() => void) | undefined;
}

/** What the queue is owed, by key: it is offered every second until the queue takes it, and once more at the end. In memory: it is lost with the process. */
export class Debts<Key, Value> implements AsyncDisposable {
  readonly #options: DebtsOptions<Key, Value>;
  readonly #owed = new Map<Key, Value>();
  #payment: Promise<void> | undefined;
  #waits = false;
  #disposed = false;

  constructor(options: DebtsOptions<Key, Value>) {
    this.#options = options;
  }

  get size(): number {
    return this.#owed.size;
  }

  /** Of what is being offered just now nothing: the queue may have it already. */
  get(key: Key): Value | undefined {
    return this.#owed.get(key);
  }

  add(key: Key, value: Value): void {
    const before = this.#owed.get(key);
    if (before === undefined && this.#owed.size >= mostOwed) return this.#options.onLost?.();
    this.#owed.set(key, before === undefined ? value : this.#options.merge(before, value));
    this.#paySoon();
  }

  /** Everything is offered once more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    const ended = new AbortController();
    const paid = this.#payAll();
    await Promise.race([paid, pause(this.#options.clock, endWithinMs, ended.signal)]);
    ended.abort();
  }

  async #payAll(): Promise<void> {
    await this.#payment;
    // What is not taken is owed again, behind the others.
    for (let left = this.#owed.size; left > 0; left -= atOnce) await this.#pay();
  }

  #paySoon(): void {
    if (this.#waits || this.#payment !== undefined || this.#disposed) return;
    this.#waits = true;
    this.#options.clock.after(againMs, () => {
      this.#waits = false;
      if (this.#disposed) return;
      this.#payment = this.#pay().finally(() => {
        this.#payment = undefined;
        if (this.#owed.size > 0) this.#paySoon();
      });
    });
  }

  async #pay(): Promise<void> {
    const some = [...this.#owed].slice(0, atOnce);
    for (const [key] of some) this.#owed.delete(key);
    const taken = await this.#options.pay(some).catch(() => []);
    for (const [at, [key, value]] of some.entries()) if (taken[at] !== true) this.add(key, value);
  }
}
