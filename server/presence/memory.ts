import { type Bus, topicOf } from '../bus/bus.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { UserId } from '../core/ids.ts';
import { cleanCloseGraceMs, type Presence } from '../core/presence.ts';
import type { Store } from '../store/store.ts';
import type { Registry, RegistrySession } from './registry.ts';

export interface MemoryRegistryOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  /** Keeps when users were last seen over a restart. */
  readonly store: Pick<Store, 'seen' | 'lastSeen'>;
}

interface Present {
  /** Empty in the grace after a clean close. */
  readonly sessions: Map<string, RegistrySession>;
  /** Latest of the sessions that closed since the user came online. */
  lastSeenMs: number;
}

/** The registry of a single node, in memory. A session costs a map entry; one timer serves everybody's grace. */
export class MemoryRegistry implements Registry {
  readonly #clock: Clock;
  readonly #bus: Bus;
  readonly #store: Pick<Store, 'seen' | 'lastSeen'>;
  readonly #present = new Map<UserId, Present>();
  /** Users in grace and when it ends (monotonic ms), the earliest first. */
  readonly #grace = new Map<UserId, number>();
  #graceTimer: Timer | undefined;
  /** Last-seen times that the store has not taken yet. */
  readonly #unsaved = new Map<UserId, number>();
  #saving: Promise<void> | undefined;

  constructor(options: MemoryRegistryOptions) {
    this.#clock = options.clock;
    this.#bus = options.bus;
    this.#store = options.store;
  }

  announce(session: RegistrySession): Promise<void> {
    const { userId } = session;
    const present = this.#present.get(userId);
    if (present !== undefined) {
      if (!present.sessions.has(session.sessionId)) present.sessions.set(session.sessionId, session);
      this.#grace.delete(userId);
      return Promise.resolve();
    }
    this.#present.set(userId, { sessions: new Map([[session.sessionId, session]]), lastSeenMs: 0 });
    this.#publish({ userId, state: 'online', lastSeenMs: 0, asOfMs: this.#clock.nowMs() });
    return Promise.resolve();
  }

  withdraw(session: RegistrySession, end: { readonly clean: boolean; readonly lastSeenMs: number }): Promise<void> {
    const { userId } = session;
    const present = this.#present.get(userId);
    if (present === undefined || !present.sessions.delete(session.sessionId)) return Promise.resolve();
    present.lastSeenMs = Math.max(present.lastSeenMs, end.lastSeenMs);
    if (present.sessions.size > 0) return Promise.resolve();
    if (!end.clean) {
      this.#leave(userId, present);
      return Promise.resolve();
    }
    // Saved already: a node that stops does not live through its users' grace.
    this.#save(userId, present.lastSeenMs);
    this.#grace.set(userId, this.#clock.monotonicMs() + cleanCloseGraceMs);
    this.#graceTimer ??= this.#clock.after(cleanCloseGraceMs, () => this.#endGrace());
    return Promise.resolve();
  }

  async get(users: readonly UserId[]): Promise<Presence[]> {
    const asOfMs = this.#clock.nowMs();
    const away = users.filter((user) => !this.#present.has(user));
    const lastSeen = new Map<UserId, number>();
    if (away.length > 0) {
      const unsaved = away.map((user) => this.#unsaved.get(user) ?? 0);
      // Whether somebody is there is known without the store; when they were last seen may not be.
      const kept = await this.#store.lastSeen(away).catch((): number[] => []);
      away.forEach((user, at) => lastSeen.set(user, Math.max(kept[at] ?? 0, unsaved[at] ?? 0)));
    }
    return users.map((userId) => {
      const lastSeenMs = lastSeen.get(userId);
      return lastSeenMs === undefined
        ? { userId, state: 'online', lastSeenMs: 0, asOfMs }
        : { userId, state: 'offline', lastSeenMs, asOfMs };
    });
  }

  locate(user: UserId): Promise<RegistrySession[]> {
    return Promise.resolve([...(this.#present.get(user)?.sessions.values() ?? [])]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#graceTimer?.cancel();
    this.#grace.clear();
    await this.#saving;
  }

  #endGrace(): void {
    this.#graceTimer = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (const [userId, endMs] of this.#grace) {
      if (endMs > nowMs) {
        this.#graceTimer = this.#clock.after(endMs - nowMs, () => this.#endGrace());
        return;
      }
      this.#grace.delete(userId);
      const present = this.#present.get(userId);
      if (present !== undefined) this.#leave(userId, present);
    }
  }

  #leave(userId: UserId, { lastSeenMs }: Present): void {
    this.#present.delete(userId);
    this.#save(userId, lastSeenMs);
    this.#publish({ userId, state: 'offline', lastSeenMs, asOfMs: this.#clock.nowMs() });
  }

  /** A hint: who missed it asks. */
  #publish(presence: Presence): void {
    void this.#bus.publish(topicOf.presence(presence.userId), { type: 'presence', presence }).catch(() => {});
  }

  #save(userId: UserId, lastSeenMs: number): void {
    if (lastSeenMs <= (this.#unsaved.get(userId) ?? 0)) return;
    this.#unsaved.set(userId, lastSeenMs);
    this.#saving ??= this.#saveAll().finally(() => (this.#saving = undefined));
  }

  /** What one turn withdrew goes to the store together. What it does not take goes with what comes next. */
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
