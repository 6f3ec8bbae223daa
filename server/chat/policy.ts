import type { Clock } from '../core/clock.ts';
import type { UserId } from '../core/ids.ts';
import { Lru } from '../core/lru.ts';
import type { Policy } from '../delivery/policy.ts';
import type { ThreadView } from '../delivery/thread-views.ts';
import type { Store } from '../store/store.ts';
import type { Access, ReceiptSight } from './access.ts';
import { accountOf } from './accounts.ts';

const keptMs = 10_000;

interface Kept<Value> {
  readonly untilMs: number;
  readonly value: Promise<Value>;
}

/** The rules about people for delivery, which asks at every event: answers are kept for 10 s. */
export class PeoplePolicy implements Policy {
  readonly #access: Access;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #presence = new Lru<string, Kept<boolean>>(50_000);
  readonly #receipts = new Lru<string, Kept<ReceiptSight>>(50_000);
  readonly #private = new Lru<string, Kept<boolean>>(50_000);

  constructor(access: Access, store: Store, clock: Clock) {
    this.#access = access;
    this.#store = store;
    this.#clock = clock;
  }

  canSeePresence(viewer: UserId, user: UserId): Promise<boolean> {
    return this.#kept(this.#presence, `${viewer}\n${user}`, () => this.#access.canSeePresence(viewer, user));
  }

  canSeeReceipts(viewer: UserId, user: UserId, view: ThreadView): Promise<ReceiptSight> {
    const key = `${view.threadId}\n${viewer}\n${user}`;
    return this.#kept(this.#receipts, key, () => this.#access.canSeeReceipts(viewer, user, view));
  }

  readsPrivately(user: UserId): Promise<boolean> {
    return this.#kept(this.#private, user, async () => (await accountOf(this.#store, user)).readPrivately);
  }

  #kept<Value>(kept: Lru<string, Kept<Value>>, key: string, read: () => Promise<Value>): Promise<Value> {
    const now = this.#clock.monotonicMs();
    const known = kept.get(key);
    if (known !== undefined && known.untilMs > now) return known.value;
    const value = read();
    kept.set(key, { untilMs: now + keptMs, value });
    // A failure is not kept.
    value.catch(() => kept.delete(key));
    return value;
  }
}
