import { pause, type Clock, type Timer } from '../core/clock.ts';
import { Refusal } from '../core/errors.ts';
import type { DeviceId, SessionId, UserId } from '../core/ids.ts';
import { KeyedQueue } from '../core/keyed-queue.ts';
import type { Registry } from '../presence/registry.ts';
import { Admission } from './admission.ts';
import type { Goodbye } from './frames.ts';
import type { Session } from './session.ts';

const wheelSlots = 64;
const slotMs = 1_000;

export interface AdmissionLimits {
  /** New streams in any second on this node. */
  readonly connectsPerS: number;
  /** Open sessions of one user, on all nodes. */
  readonly sessionsPerUser: number;
}

/**
 * The sessions of this node: who may open one, when each is looked at again, and how all are handed over. One timing
 * wheel stands for all their timers, so that a hundred thousand idle sessions cost a hundred thousand looks a minute.
 */
export class Sessions {
  readonly #clock: Clock;
  readonly #registry: Registry;
  readonly #limits: AdmissionLimits;
  readonly #open = new Map<SessionId, Session>();
  readonly #wheel: Set<Session>[] = Array.from({ length: wheelSlots }, () => new Set());
  readonly #onEnd: (session: Session, goodbye: Goodbye) => void;
  readonly #onLetIn: () => void;
  readonly #admission: Admission;
  readonly #openings = new KeyedQueue();
  #slot: number;
  #timer: Timer | undefined;
  #draining = false;

  constructor(
    clock: Clock,
    registry: Registry,
    limits: AdmissionLimits,
    onEnd: (session: Session, goodbye: Goodbye) => void,
    onLetIn: () => void = () => undefined,
  ) {
    this.#clock = clock;
    this.#registry = registry;
    this.#limits = limits;
    this.#onEnd = onEnd;
    this.#onLetIn = onLetIn;
    this.#admission = new Admission(clock, limits.connectsPerS);
    this.#slot = Math.floor(clock.monotonicMs() / slotMs);
    this.#schedule();
  }

  get size(): number {
    return this.#open.size;
  }

  /** An open session of this node. */
  find(sessionId: SessionId): Session | undefined {
    return this.#open.get(sessionId);
  }

  get draining(): boolean {
    return this.#draining;
  }

  /**
   * Opens a session, if it may be: `make` gives it, with the time of its opening in wall ms. That is later than that of any
   * session of the device, also when the wall clock was set back, since the later one holds. The session may have ended
   * when this resolves. `meet` refuses the device, when there is room for a session of its user.
   * @throws Refusal DRAINING, OVERLOADED or TOO_MANY_SESSIONS, and what `meet` throws
   */
  async open(
    userId: UserId,
    deviceId: DeviceId,
    make: (startMs: number) => Session,
    meet: () => Promise<void> = async () => undefined,
  ): Promise<Session> {
    this.#refuseDraining();
    this.#takePlace();
    // One of a user at a time, so that each counts the ones before.
    return this.#openings.run(userId, async () => {
      const startMs = await this.#admit(userId, deviceId);
      await meet();
      this.#refuseDraining();
      const session = make(startMs);
      this.#add(session);
      await this.#registry.announce(session.identity);
      // Its end has withdrawn what was not announced yet: nobody else would.
      if (session.phase === 'ended') await this.#withdraw(session, true);
      return session;
    });
  }

  #refuseDraining(): void {
    if (this.#draining) throw new Refusal('DRAINING', 'the node is shutting down: open the stream again');
  }

  #takePlace(): void {
    const retryAfterMs = this.#admission.take();
    if (retryAfterMs === 0) return this.#onLetIn();
    const message = 'the node takes no more streams this second';
    throw new Refusal('OVERLOADED', message, { retryAfterMs: Math.ceil(retryAfterMs) });
  }

  async #admit(userId: UserId, deviceId: DeviceId): Promise<number> {
    const { sessionsPerUser } = this.#limits;
    let others = 0;
    let startMs = this.#clock.nowMs();
    for (const session of await this.#registry.locate(userId)) {
      // The device's own session, often one that is dead and not known to be, gives way to the new one.
      if (session.deviceId !== deviceId) others += 1;
      else if (session.startMs >= startMs) startMs = session.startMs + 1;
    }
    if (others >= sessionsPerUser) {
      throw new Refusal('TOO_MANY_SESSIONS', `at most ${sessionsPerUser} sessions of a user may be open: close one`);
    }
    return startMs;
  }

  #add(session: Session): void {
    this.#open.set(session.identity.sessionId, session);
    session.onEnd = (goodbye) => {
      this.#open.delete(session.identity.sessionId);
      this.#wheel[session.wheelSlot]?.delete(session);
      void this.#withdraw(session, goodbye.reason !== 'heartbeat-missed' && goodbye.reason !== 'failed');
      this.#onEnd(session, goodbye);
    };
    this.#look(session);
  }

  #withdraw(session: Session, clean: boolean): Promise<void> {
    return this.#registry.withdraw(session.identity, { clean, lastSeenMs: session.lastBeatMs });
  }

  /**
   * Hands all sessions over: no new ones from now on, goodbyes in slices over `spreadMs`, then waits until their devices
   * have moved, and ends the rest `graceMs` after the first goodbye.
   */
  async drain(spreadMs: number, graceMs: number): Promise<void> {
    this.#draining = true;
    const until = this.#clock.monotonicMs() + graceMs;
    const sessions = [...this.#open.values()];
    const slices = Math.max(1, Math.min(sessions.length, Math.ceil(spreadMs / 50)));
    const perSlice = Math.ceil(sessions.length / slices);
    for (let start = 0; start < sessions.length; start += perSlice) {
      for (const session of sessions.slice(start, start + perSlice)) session.sayDraining();
      if (start + perSlice < sessions.length) await pause(this.#clock, spreadMs / slices);
    }
    while (this.#open.size > 0 && this.#clock.monotonicMs() < until) await pause(this.#clock, 50);
    for (const session of this.#open.values()) session.endDrained();
  }

  close(): void {
    this.#timer?.cancel();
    for (const session of this.#open.values()) session.end('failed', 'the node stops');
  }

  #look(session: Session): void {
    const now = this.#clock.monotonicMs();
    const next = session.check(now);
    if (next === Infinity) return;
    const slots = Math.min(wheelSlots - 1, Math.max(1, Math.ceil((next - now) / slotMs)));
    session.wheelSlot = (this.#slot + slots) % wheelSlots;
    this.#wheel[session.wheelSlot]?.add(session);
  }

  #schedule(): void {
    this.#timer = this.#clock.after(slotMs, () => {
      const current = Math.floor(this.#clock.monotonicMs() / slotMs);
      // A stalled event loop skips slots: none is left out.
      while (this.#slot < current) {
        this.#slot += 1;
        const due = this.#wheel[this.#slot % wheelSlots];
        if (due === undefined || due.size === 0) continue;
        this.#wheel[this.#slot % wheelSlots] = new Set();
        for (const session of due) this.#look(session);
      }
      this.#schedule();
    });
  }
}
