import { topicOf, type Bus } from '../bus/bus.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { SessionId, UserId } from '../core/ids.ts';
import { cleanCloseGraceMs, type Presence } from '../core/presence.ts';
import type { Store } from '../store/store.ts';
import type { Registry, RegistrySession } from './registry.ts';

interface Present {
  readonly sessions: Map<SessionId, RegistrySession>;
  /** Latest heartbeat of a session that was withdrawn. */
  lastSeenMs: number;
  /** Runs while the last session is gone and the user still counts as online. */
  grace: Timer | undefined;
}

/**
 * The registry of a node that is alone. Users who are there are in memory, with a timer only for those in grace; when
 * others were last seen is in the store.
 */
export class MemoryRegistry implements Registry {
  readonly #clock: Clock;
  readonly #bus: Bus;
  readonly #store: Pick<Store, 'seen' | 'lastSeen'>;
  readonly #present = new Map<UserId, Present>();

  constructor(options: { readonly clock: Clock; readonly bus: Bus; readonly store: Pick<Store, 'seen' | 'lastSeen'> }) {
    this.#clock = options.clock;
    this.#bus = options.bus;
    this.#store = options.store;
  }

  async announce(session: RegistrySession): Promise<void> {
    const { userId, sessionId } = session;
    const present = this.#present.get(userId);
    if (present !== undefined) {
      present.grace?.cancel();
      present.grace = undefined;
      present.sessions.set(sessionId, session);
      return;
    }
    this.#present.set(userId, { sessions: new Map([[sessionId, session]]), lastSeenMs: 0, grace: undefined });
    this.#publish({ userId, state: 'online', lastSeenMs: 0, asOfMs: this.#clock.nowMs() });
    // Should the process die, this is what is known of the user.
    this.#remember([{ userId, atMs: session.startMs }]);
  }

  async withdraw(
    { userId, sessionId }: RegistrySession,
    { clean, lastSeenMs }: { readonly clean: boolean; readonly lastSeenMs: number },
  ): Promise<void> {
    const present = this.#present.get(userId);
    if (present === undefined || !present.sessions.delete(sessionId)) return;
    present.lastSeenMs = Math.max(present.lastSeenMs, lastSeenMs);
    if (present.sessions.size > 0) return;
    this.#remember([{ userId, atMs: present.lastSeenMs }]);
    if (!clean) return this.#gone(userId, present);
    present.grace = this.#clock.after(cleanCloseGraceMs, () => this.#gone(userId, present));
  }

  async get(users: readonly UserId[]): Promise<Presence[]> {
    const asOfMs = this.#clock.nowMs();
    const away = users.filter((userId) => !this.#present.has(userId));
    let times: number[];
    try {
      times = away.length === 0 ? [] : await this.#store.lastSeen(away);
    } catch {
      return users.map((userId) => ({ userId, state: 'unknown', lastSeenMs: 0, asOfMs }));
    }
    const seen = new Map(away.map((userId, index) => [userId, times[index] ?? 0]));
    return users.map((userId) => {
      const lastSeenMs = seen.get(userId);
      return lastSeenMs === undefined
        ? { userId, state: 'online', lastSeenMs: 0, asOfMs }
        : { userId, state: 'offline', lastSeenMs, asOfMs };
    });
  }

  async locate(user: UserId): Promise<RegistrySession[]> {
    return [...(this.#present.get(user)?.sessions.values() ?? [])];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const present of this.#present.values()) present.grace?.cancel();
    this.#present.clear();
  }

  #gone(userId: UserId, present: Present): void {
    if (this.#present.get(userId) !== present) return;
    this.#present.delete(userId);
    const { lastSeenMs } = present;
    this.#publish({ userId, state: 'offline', lastSeenMs, asOfMs: this.#clock.nowMs() });
  }

  #publish(presence: Presence): void {
    // A hint: who misses it asks `get` at the next opening.
    this.#bus.publish(topicOf.presence(presence.userId), { type: 'presence', presence }).catch(() => undefined);
  }

  #remember(times: readonly { readonly userId: UserId; readonly atMs: number }[]): void {
    this.#store.seen(times).catch(() => undefined);
  }
}
