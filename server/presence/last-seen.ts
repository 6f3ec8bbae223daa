import type { UserId } from '../core/ids.ts';
import type { Store } from '../store/store.ts';

/** Users' last-seen times on their way to the store. What it does not take goes with what comes next. */
export class LastSeen {
  readonly #store: Pick<Store, 'seen' | 'lastSeen'>;
  /** What the store has not taken yet. */
  readonly #unsaved = new Map<UserId, number>();
  #saving: Promise<void> | undefined;

  constructor(store: Pick<Store, 'seen' | 'lastSeen'>) {
    this.#store = store;
  }

  save(userId: UserId, lastSeenMs: number): void {
    if (lastSeenMs <= (this.#unsaved.get(userId) ?? 0)) return;
    this.#unsaved.set(userId, lastSeenMs);
    this.#saving ??= this.#saveAll().finally(() => (this.#saving = undefined));
  }

  /** In the order asked; 0 = never, or the store does not say just now. */
  async get(users: readonly UserId[]): Promise<number[]> {
    if (users.length === 0) return [];
    const unsaved = users.map((user) => this.#unsaved.get(user) ?? 0);
    const kept = await this.#store.lastSeen(users).catch((): number[] => []);
    return unsaved.map((atMs, index) => Math.max(atMs, kept[index] ?? 0));
  }

  /** Resolves when the store was offered everything. */
  async settled(): Promise<void> {
    await this.#saving;
  }

  /** What one turn saves goes to the store together. */
  async #saveAll(): Promise<void> {
    await Promise.resolve();
    while (this.#unsaved.size > 0) {
      const times = [...this.#unsaved].map(([userId, atMs]) => ({ userId, atMs }));
      try {
        await this.#store.seen(times);
      } catch {
        return;
      }
      for (const { userId, atMs } of times) if (this.#unsaved.get(userId) === atMs) this.#unsaved.delete(userId);
    }
  }
}
