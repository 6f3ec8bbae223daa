import type { Clock, Timer } from '../../core/clock.ts';
import type { SessionId, UserId } from '../../core/ids.ts';
import { cleanCloseGraceMs } from '../../core/presence.ts';
import type { Shards } from '../../redis/shards.ts';
import type { RegistrySession } from '../registry.ts';
import type { Keys } from './keys.ts';
import type { Leases } from './leases.ts';
import type { Scripts } from './scripts.ts';

/** A session of this node, as it is to be told to Redis. */
interface Own {
  readonly session: RegistrySession;
  state: 'open' | 'closing' | 'gone';
  lastSeenMs: number;
  /** Counts what is to be told; what Redis is known to have. */
  version: number;
  written: number;
  /** The lease it is written under; empty = it may not be there at all. */
  lease: string;
  /** It came or went, and whether Redis knew that before is not known: others are told again. */
  untold: boolean;
  writing: Promise<void> | undefined;
}

export interface OwnSessionsOptions {
  readonly clock: Clock;
  readonly shards: Shards;
  readonly keys: Keys;
  readonly scripts: Scripts;
  readonly leases: Leases;
  /** The user has no other session that may count than under these leases; none = there is none. */
  readonly onOnline: (userId: UserId, others: readonly string[]) => Promise<void>;
  readonly onOffline: (userId: UserId, others: readonly string[], lastSeenMs: number) => Promise<void>;
}

/** For which what has gone is remembered: a write that a paused Redis still holds comes later than what followed it. */
export const rememberMs = 60_000;
/** What could not be written, and what is to be written anew, goes in slices. */
const sliceMs = 100;
const retryMs = 1_000;
const slicesOfAll = 50;
const smallestSlice = 100;
/** Where all is written anew, all nodes do so: they begin within this. */
const spreadMs = 2_000;

/** This node's sessions and what of them Redis knows: writes what it does not, as soon as it can be reached. */
export class OwnSessions {
  readonly #options: OwnSessionsOptions;
  readonly #own = new Map<SessionId, Own>();
  readonly #ofUser = new Map<UserId, Set<Own>>();
  /** What is to be written when there is time or Redis. */
  readonly #due = new Set<Own>();
  #dueTimer: Timer | undefined;
  #pausedUntilMs = 0;
  /** When each grace ends, monotonic ms; the earliest first. */
  readonly #graces = new Map<Own, number>();
  #graceTimer: Timer | undefined;
  #disposed = false;

  constructor(options: OwnSessionsOptions) {
    this.#options = options;
  }

  of(user: UserId): RegistrySession[] {
    return [...(this.#ofUser.get(user) ?? [])].filter((own) => own.state === 'open').map((own) => own.session);
  }

  /** Resolves when it was written, or could not be. */
  open(session: RegistrySession): Promise<void> {
    const own = this.#own.get(session.sessionId) ?? this.#add(session);
    if (own.state === 'open' && own.version > 0) return own.writing ?? Promise.resolve();
    this.#graces.delete(own);
    own.state = 'open';
    own.lastSeenMs = 0;
    return this.#change(own);
  }

  /** The same. False = it is not open here. */
  close(session: RegistrySession, clean: boolean, lastSeenMs: number): Promise<void> | false {
    const own = this.#own.get(session.sessionId);
    if (own?.state !== 'open') return false;
    own.lastSeenMs = lastSeenMs;
    own.state = clean ? 'closing' : 'gone';
    if (clean) {
      this.#graces.set(own, this.#options.clock.monotonicMs() + cleanCloseGraceMs);
      this.#graceTimer ??= this.#options.clock.after(cleanCloseGraceMs, () => this.#endGraces());
    }
    return this.#change(own);
  }

  /** What Redis has may be gone, or counts no more: all is written anew under the newest lease, spread over some seconds. */
  rewriteAll(): void {
    for (const own of this.#own.values()) if (own.lease !== this.#options.leases.current) this.#due.add(own);
    this.#scheduleDue(this.#options.clock.random() * spreadMs);
  }

  /** Redis can be reached again, perhaps. */
  retry(): void {
    this.#pausedUntilMs = 0;
    this.#scheduleDue(this.#options.clock.random() * 1_000);
  }

  /** Sessions of which Redis does not have everything, under the newest lease. */
  get due(): number {
    let due = this.#due.size;
    for (const own of this.#own.values()) if (own.writing !== undefined) due += 1;
    return due;
  }

  /** Resolves when what is being written was written, or could not be. */
  async settled(): Promise<void> {
    for (;;) {
      const writing = [...this.#own.values()].flatMap((own) => own.writing ?? []);
      if (writing.length === 0) return;
      await Promise.all(writing);
    }
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#graceTimer?.cancel();
    this.#dueTimer?.cancel();
  }

  #add(session: RegistrySession): Own {
    const own: Own = {
      session,
      state: 'open',
      lastSeenMs: 0,
      version: 0,
      written: 0,
      lease: '',
      untold: true,
      writing: undefined,
    };
    this.#own.set(session.sessionId, own);
    const others = this.#ofUser.get(session.userId);
    if (others === undefined) this.#ofUser.set(session.userId, new Set([own]));
    else others.add(own);
    return own;
  }

  #forget(own: Own): void {
    this.#own.delete(own.session.sessionId);
    this.#due.delete(own);
    const { userId } = own.session;
    const others = this.#ofUser.get(userId);
    others?.delete(own);
    if (others?.size !== 0) return;
    this.#ofUser.delete(userId);
    const { shards, keys } = this.#options;
    // Who stays in the set by mistake costs its sweeper a look.
    const key = keys.usersOf(own.lease);
    if (own.lease !== '') void shards.call(key, 'SREM', [key, userId]).catch(() => undefined);
  }

  #endGraces(): void {
    this.#graceTimer = undefined;
    const nowMs = this.#options.clock.monotonicMs();
    for (const [own, endMs] of this.#graces) {
      if (endMs > nowMs) {
        this.#graceTimer = this.#options.clock.after(endMs - nowMs, () => this.#endGraces());
        return;
      }
      this.#graces.delete(own);
      own.state = 'gone';
      void this.#change(own);
    }
  }

  #change(own: Own): Promise<void> {
    own.version += 1;
    return this.#write(own);
  }

  #write(own: Own): Promise<void> {
    return (own.writing ??= this.#writeAll(own));
  }

  async #writeAll(own: Own): Promise<void> {
    while (own.written !== own.version) {
      const { version } = own;
      try {
        const lease = await this.#options.leases.ensure();
        if (lease === undefined) throw new Error('there is no lease to be had');
        const told = await this.#writeOnce(own, lease);
        own.written = version;
        await told();
      } catch {
        this.#postpone(own);
        break;
      }
    }
    // Nothing is awaited between the last look at `version` and this.
    own.writing = undefined;
    if (own.state === 'gone' && own.written === own.version) this.#forget(own);
  }

  /** Whether it was written is not known: what is written next is later, and is told to others again. */
  #postpone(own: Own): void {
    own.version += 1;
    if (own.state !== 'closing') own.untold = true;
    // With the lease the rows are over, and whoever sweeps them tells who has gone.
    if (own.state === 'gone' && this.#options.leases.over) return this.#forget(own);
    this.#due.add(own);
    this.#pausedUntilMs = this.#options.clock.monotonicMs() + retryMs;
    this.#scheduleDue(retryMs);
  }

  /** Gives what tells others of it. */
  async #writeOnce(own: Own, lease: string): Promise<() => Promise<void>> {
    const { shards, keys, scripts, onOnline, onOffline } = this.#options;
    const { session, state, version, untold } = own;
    const { sessionId, userId, startMs, deviceId } = session;
    const args = [sessionId, version, state, lease, startMs, deviceId, own.lastSeenMs, rememberMs];
    const usersKey = keys.usersOf(lease);
    // The set says whom to look after when the lease is over: it may name more users than there are, never fewer.
    const [reply] = await Promise.all([
      scripts.write.run(shards, [keys.user(userId)], args),
      state === 'gone' ? undefined : shards.call(usersKey, 'SADD', [usersKey, userId]),
    ]);
    const [applied, before, seen, ...others] = reply as [number, string, number, ...string[]];
    if (applied === 0) throw new Error('something later was written of this session');
    own.lease = lease;
    if (state === 'closing') return () => Promise.resolve();
    own.untold = false;
    if (state === 'open') {
      // Told already where the row was there, unless nobody knows whether it was told.
      const known = before === '' || untold ? others : [before, ...others];
      return () => onOnline(userId, known);
    }
    if (before === '' && !untold) return () => Promise.resolve();
    return () => onOffline(userId, others, Math.max(seen, own.lastSeenMs));
  }

  #scheduleDue(delayMs: number): void {
    if (this.#dueTimer !== undefined || this.#due.size === 0 || this.#disposed) return;
    this.#dueTimer = this.#options.clock.after(delayMs, () => {
      this.#dueTimer = undefined;
      const pauseMs = this.#pausedUntilMs - this.#options.clock.monotonicMs();
      if (pauseMs > 0) return this.#scheduleDue(pauseMs);
      const slice = Math.max(smallestSlice, Math.ceil(this.#due.size / slicesOfAll));
      for (const own of [...this.#due].slice(0, slice)) {
        this.#due.delete(own);
        void this.#change(own);
      }
      this.#scheduleDue(sliceMs);
    });
  }
}
