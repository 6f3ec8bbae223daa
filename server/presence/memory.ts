import { type Bus, topicOf } from '../bus/bus.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { UserId } from '../core/ids.ts';
import { cleanCloseGraceMs, heartbeatTimeoutMs, type Presence } from '../core/presence.ts';
import type { Store } from '../store/store.ts';
import { LastSeen } from './last-seen.ts';
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

/**
 * The registry of a single node, in memory. A session costs a map entry; one timer serves everybody's grace.
 *
 * A node that has just started does not know who is about to come back from the one before it. Until `cleanCloseGraceMs`
 * have passed, users who were seen shortly before the start are `unknown`; who was asked about and is still away then is
 * told as offline. So a restart shows nobody as gone who comes back in time.
 */
export class MemoryRegistry implements Registry {
  readonly #clock: Clock;
  readonly #bus: Bus;
  readonly #present = new Map<UserId, Present>();
  /** Users in grace and when it ends (monotonic ms), the earliest first. */
  readonly #grace = new Map<UserId, number>();
  #graceTimer: Timer | undefined;
  readonly #startMs: number;
  /** When the start's own grace ends, monotonic ms. */
  readonly #settledMs: number;
  /** Users who may be about to come back and whom somebody asked about, with when they were last seen. */
  readonly #awaited = new Map<UserId, number>();
  #settleTimer: Timer | undefined;
  readonly #lastSeen: LastSeen;

  constructor(options: MemoryRegistryOptions) {
    this.#clock = options.clock;
    this.#bus = options.bus;
    this.#lastSeen = new LastSeen(options.store);
    this.#startMs = this.#clock.nowMs();
    this.#settledMs = this.#clock.monotonicMs() + cleanCloseGraceMs;
  }

  announce(session: RegistrySession): Promise<void> {
    const { userId } = session;
    const present = this.#present.get(userId);
    if (present !== undefined) {
      if (!present.sessions.has(session.sessionId)) present.sessions.set(session.sessionId, session);
      this.#grace.delete(userId);
      return Promise.resolve();
    }
    this.#awaited.delete(userId);
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
    this.#lastSeen.save(userId, present.lastSeenMs);
    this.#grace.set(userId, this.#clock.monotonicMs() + cleanCloseGraceMs);
    this.#graceTimer ??= this.#clock.after(cleanCloseGraceMs, () => this.#endGrace());
    return Promise.resolve();
  }

  async get(users: readonly UserId[]): Promise<Presence[]> {
    const asOfMs = this.#clock.nowMs();
    const away = users.filter((user) => !this.#present.has(user));
    // Whether somebody is there is known without the store; when they were last seen may not be.
    const times = await this.#lastSeen.get(away);
    const lastSeen = new Map(away.map((user, at) => [user, times[at] ?? 0]));
    return users.map((userId) => {
      const lastSeenMs = lastSeen.get(userId);
      // Somebody may have come while the store was asked.
      const isHere = lastSeenMs === undefined || this.#present.has(userId);
      if (isHere) return { userId, state: 'online', lastSeenMs: 0, asOfMs };
      if (this.#mayComeBack(userId, lastSeenMs)) return { userId, state: 'unknown', lastSeenMs: 0, asOfMs };
      return { userId, state: 'offline', lastSeenMs, asOfMs };
    });
  }

  /** Whether the user may have had a session when the node before this one stopped. Then what becomes of it is told. */
  #mayComeBack(userId: UserId, lastSeenMs: number): boolean {
    const leftMs = this.#settledMs - this.#clock.monotonicMs();
    if (leftMs <= 0) return false;
    // A session that was open had a heartbeat within the time-out; the rest is for the restart itself.
    const isRecent = lastSeenMs < this.#startMs && lastSeenMs >= this.#startMs - heartbeatTimeoutMs - cleanCloseGraceMs;
    if (!isRecent) return false;
    this.#awaited.set(userId, lastSeenMs);
    this.#settleTimer ??= this.#clock.after(leftMs, () => this.#settle());
    return true;
  }

  #settle(): void {
    const asOfMs = this.#clock.nowMs();
    for (const [userId, lastSeenMs] of this.#awaited) {
      this.#publish({ userId, state: 'offline', lastSeenMs, asOfMs });
    }
    this.#awaited.clear();
  }

  locate(user: UserId): Promise<RegistrySession[]> {
    return Promise.resolve([...(this.#present.get(user)?.sessions.values() ?? [])]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#graceTimer?.cancel();
    this.#grace.clear();
    this.#settleTimer?.cancel();
    await this.#lastSeen.settled();
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
    this.#lastSeen.save(userId, lastSeenMs);
    this.#publish({ userId, state: 'offline', lastSeenMs, asOfMs: this.#clock.nowMs() });
  }

  /** A hint: who missed it asks. */
  #publish(presence: Presence): void {
    void this.#bus.publish(topicOf.presence(presence.userId), { type: 'presence', presence }).catch(() => {});
  }
}
