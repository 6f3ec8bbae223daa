import type { Clock } from '../core/clock.ts';
import type { UserId } from '../core/ids.ts';
import type { Presence } from '../core/presence.ts';
import type { Registry } from '../presence/registry.ts';
import type { Store } from '../store/store.ts';
import type { Access } from './access.ts';

/** Who is there, as far as the asker may see it. */
export class Presences {
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #access: Access;
  readonly #clock: Clock;

  constructor(options: {
    readonly store: Store;
    readonly registry: Registry;
    readonly access: Access;
    readonly clock: Clock;
  }) {
    this.#store = options.store;
    this.#registry = options.registry;
    this.#access = options.access;
    this.#clock = options.clock;
  }

  /** In the order asked; hidden for who is not for the viewer to see, known or not. */
  async get(viewer: UserId, users: readonly UserId[], signal?: AbortSignal): Promise<Presence[]> {
    const seen = await this.#access.whosePresence(viewer, users, signal);
    const shown = users.filter((user) => seen.has(user));
    const presences = new Map<UserId, Presence>();
    for (const presence of await this.#registry.get(shown)) presences.set(presence.userId, presence);
    await this.#addLastSeen(presences);
    const asOfMs = this.#clock.nowMs();
    return users.map((userId) => presences.get(userId) ?? { userId, state: 'hidden', lastSeenMs: 0, asOfMs });
  }

  /** The registry forgets who has been away for long; the store does not. */
  async #addLastSeen(presences: Map<UserId, Presence>): Promise<void> {
    const away = [...presences.values()].filter((one) => one.state === 'offline' && one.lastSeenMs === 0);
    if (away.length === 0) return;
    const times = await this.#store.lastSeen(away.map((one) => one.userId));
    away.forEach((presence, index) => {
      const lastSeenMs = times[index] ?? 0;
      presences.set(presence.userId, { ...presence, lastSeenMs });
    });
  }
}
