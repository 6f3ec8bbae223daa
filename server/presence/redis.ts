import { type Bus, topicOf } from '../bus/bus.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { UserId } from '../core/ids.ts';
import { cleanCloseGraceMs, type Presence } from '../core/presence.ts';
import type { Shards } from '../redis/shards.ts';
import type { Store } from '../store/store.ts';
import { LastSeen } from './last-seen.ts';
import { keysOf, type Keys } from './redis/keys.ts';
import { Leases } from './redis/leases.ts';
import { Marks } from './redis/marks.ts';
import { OwnSessions } from './redis/own-sessions.ts';
import { readUserRows, type UserRows } from './redis/rows.ts';
import { loadScripts } from './redis/scripts.ts';
import { Sweeper } from './redis/sweeper.ts';
import type { NodeAddress, NodeDirectory, NodeLocation, Registry, RegistrySession } from './registry.ts';

export interface RedisRegistryOptions {
  readonly clock: Clock;
  readonly bus: Bus;
  /** Disposed with the registry. */
  readonly shards: Shards;
  /** Keeps when users were last seen. */
  readonly store: Pick<Store, 'seen' | 'lastSeen'>;
  readonly nodeId: string;
  /** Where other nodes reach this one, host:port. Default: nowhere. */
  readonly address?: string;
  /** Before every key, so that deployments can share a Redis. No braces. Default `parley:`. */
  readonly prefix?: string;
  /** How long a node counts as alive without a word of it, in ms; it says one three times as often. Default 15,000. */
  readonly leaseMs?: number;
  /**
   * After Redis was emptied, failed over or could not be reached, who has no row that counts is `unknown` for this long, in ms:
   * meanwhile all nodes write their sessions anew. Default 15,000.
   */
  readonly settleMs?: number;
  readonly onProblem?: (problem: Error) => void;
}

/** Users whose change could not be told yet. Beyond, those who watch hear of it when they next ask. */
const maxUntold = 10_000;

/**
 * The registry of several nodes, in Redis: a row per session, which counts while the lease of its node holds. So Redis
 * hears of sessions that come and go, and once in a while of nodes; never of heartbeats.
 *
 * - A node that dies leaves its lease to run out; another one then takes its rows away and tells who has gone.
 * - What could not be written is written when Redis is back. When its data may be gone or older than it was (emptied,
 *   restarted, a replica promoted), each node takes a new lease and writes all its sessions anew.
 */
export class RedisRegistry implements Registry, NodeDirectory {
  readonly #clock: Clock;
  readonly #bus: Bus;
  readonly #shards: Shards;
  readonly #keys: Keys;
  readonly #leaseMs: number;
  readonly #settleMs: number;
  readonly #lastSeen: LastSeen;
  readonly #leases: Leases;
  readonly #marks: Marks;
  readonly #own: OwnSessions;
  readonly #sweeper: Sweeper;
  readonly #untold = new Set<UserId>();
  /** The lease that all sessions are written under, or are being. */
  #lease: string | undefined;
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #disposed = false;

  constructor(options: RedisRegistryOptions) {
    const { clock, shards, nodeId, bus, store } = options;
    const scripts = loadScripts();
    const keys = keysOf(options.prefix ?? 'parley:');
    const onProblem = options.onProblem ?? (() => undefined);
    this.#clock = clock;
    this.#bus = bus;
    this.#shards = shards;
    this.#keys = keys;
    const leaseMs = options.leaseMs ?? 15_000;
    this.#leaseMs = leaseMs;
    this.#settleMs = options.settleMs ?? 15_000;
    this.#lastSeen = new LastSeen(store);
    const address = options.address ?? '';
    this.#leases = new Leases({ clock, shards, keys, scripts, nodeId, address, leaseMs, onProblem });
    this.#marks = new Marks(shards, keys, scripts, clock);
    this.#own = new OwnSessions({
      clock,
      shards,
      keys,
      scripts,
      leases: this.#leases,
      onOnline: (userId, others) => this.#tell(userId, others, 'online', 0),
      onOffline: (userId, others, lastSeenMs) => this.#tell(userId, others, 'offline', lastSeenMs),
    });
    const onGone = (userId: UserId, others: readonly string[], lastSeenMs: number): Promise<void> => {
      this.#lastSeen.save(userId, lastSeenMs);
      return this.#tell(userId, others, 'offline', lastSeenMs);
    };
    this.#sweeper = new Sweeper({ shards, keys, scripts, leaseMs, onGone });
    const onChange = (): void => {
      void this.#look(false);
      this.#own.retry();
    };
    shards.listen({ onChange, onFork: () => void this.#look(true) });
    void this.#look(false);
  }

  async announce(session: RegistrySession): Promise<void> {
    await this.#own.open(session);
  }

  async withdraw(
    session: RegistrySession,
    end: { readonly clean: boolean; readonly lastSeenMs: number },
  ): Promise<void> {
    const closed = this.#own.close(session, end.clean, end.lastSeenMs);
    if (closed === false) return;
    this.#lastSeen.save(session.userId, end.lastSeenMs);
    await closed;
  }

  async get(users: readonly UserId[]): Promise<Presence[]> {
    const asOfMs = this.#clock.nowMs();
    const distinct = [...new Set(users)];
    const found = await Promise.all(distinct.map((user) => this.#rowsOf(user)));
    const leases = new Set(found.flatMap((one) => one?.rows.map((row) => row.lease) ?? []));
    const living = await this.#leases.living([...leases]).catch(() => undefined);
    const ages = new Map<string, Promise<boolean>>();
    const states = await Promise.all(distinct.map((user, at) => this.#stateOf(user, found[at], living, ages)));
    const away = distinct.filter((_, at) => states[at] === 'offline');
    const times = await this.#lastSeen.get(away);
    const lastSeen = new Map(away.map((user, at) => [user, times[at] ?? 0]));
    const presences = new Map(
      distinct.map((userId, at): [UserId, Presence] => {
        const kept = states[at] === 'offline' ? (found[at]?.lastSeenMs ?? 0) : 0;
        const lastSeenMs = Math.max(kept, lastSeen.get(userId) ?? 0);
        return [userId, { userId, state: states[at] ?? 'unknown', lastSeenMs, asOfMs }];
      }),
    );
    return users.map((userId) => presences.get(userId) as Presence);
  }

  async locate(user: UserId): Promise<RegistrySession[]> {
    try {
      const found = await this.#readRows(user);
      const living = await this.#leases.living([...new Set(found.rows.map((row) => row.lease))]);
      return found.rows.filter((row) => row.open && living.has(row.lease)).map((row) => row.session);
    } catch {
      return this.#own.of(user);
    }
  }

  async locateNode(nodeId: string): Promise<NodeLocation> {
    try {
      const address = await this.#leases.addressOf(nodeId);
      if (address !== undefined) return { state: 'living', address };
      const isKnown = this.#isSettled && (await this.#keepsAll(this.#shards.masterName(this.#keys.leases)));
      return { state: isKnown ? 'gone' : 'unknown' };
    } catch {
      return { state: 'unknown' };
    }
  }

  livingNodes(): Promise<readonly NodeAddress[] | undefined> {
    return this.#leases.nodes().catch(() => undefined);
  }

  /** Sessions of this node of which Redis does not have everything yet. */
  get due(): number {
    return this.#own.due;
  }

  /** Resolves when what was begun was written to Redis and told, or could not be. */
  async settled(): Promise<void> {
    await this.#own.settled();
    await this.#looking;
    await this.#lastSeen.settled();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#timer?.cancel();
    await this.settled();
    this.#own[Symbol.dispose]();
    // Who is in their grace may come back to another node; who does not is found when the lease is over.
    await this.#leases.end(cleanCloseGraceMs);
    this.#shards[Symbol.dispose]();
  }

  // ---- what is asked --------------------------------------------------------------------------

  async #readRows(user: UserId): Promise<UserRows> {
    const key = this.#keys.user(user);
    return readUserRows(user, (await this.#shards.call(key, 'HGETALL', [key])) as string[]);
  }

  #rowsOf(user: UserId): Promise<UserRows | undefined> {
    return this.#readRows(user).catch(() => undefined);
  }

  async #stateOf(
    user: UserId,
    found: UserRows | undefined,
    living: ReadonlySet<string> | undefined,
    ages: Map<string, Promise<boolean>>,
  ): Promise<Presence['state']> {
    if (found === undefined) return 'unknown';
    if (found.rows.length > 0) {
      if (living === undefined) return 'unknown';
      if (found.rows.some((row) => living.has(row.lease))) return 'online';
    }
    // What is not there means something only where nothing was lost lately. Rows without a lease: where the leases are.
    if (found.rows.length > 0 && !this.#isSettled) return 'unknown';
    const master = this.#shards.masterName(found.rows.length > 0 ? this.#keys.leases : this.#keys.user(user));
    const kept = ages.get(master) ?? this.#keepsAll(master);
    ages.set(master, kept);
    return (await kept) ? 'offline' : 'unknown';
  }

  /** Whether a master has lost nothing that would not have been written anew by now. */
  #keepsAll(master: string): Promise<boolean> {
    return this.#marks.ageOf(master).then(
      (ageMs) => ageMs >= this.#settleMs,
      () => false,
    );
  }

  /** Whether a node whose lease is over would have taken a new one by now. */
  get #isSettled(): boolean {
    return this.#leases.reachedForMs >= this.#settleMs;
  }

  // ---- what is told ---------------------------------------------------------------------------

  /** Tells of a change, unless the user is there by another session. */
  async #tell(
    userId: UserId,
    others: readonly string[],
    state: 'online' | 'offline',
    lastSeenMs: number,
  ): Promise<void> {
    // Told too often rather than not at all, where the leases cannot be asked.
    const living = await this.#leases.living([...new Set(others)]).catch(() => new Set<string>());
    if (living.size > 0) return;
    if (state === 'offline' && others.length > 0 && !this.#isSettled) this.#oweTo(userId);
    else this.#publish({ userId, state, lastSeenMs, asOfMs: this.#clock.nowMs() });
  }

  #publish(presence: Presence): void {
    const { userId } = presence;
    this.#bus.publish(topicOf.presence(userId), { type: 'presence', presence }).then(
      () => this.#untold.delete(userId),
      () => this.#oweTo(userId),
    );
  }

  #oweTo(userId: UserId): void {
    if (this.#untold.size < maxUntold) this.#untold.add(userId);
  }

  /** What could not be told is asked anew: it may have changed. */
  async #tellAgain(): Promise<void> {
    if (this.#untold.size === 0) return;
    for (const presence of await this.get([...this.#untold].slice(0, 500))) {
      if (presence.state !== 'unknown') this.#publish(presence);
    }
  }

  // ---- what is done now and then --------------------------------------------------------------

  /** Holds on to the lease, looks whether Redis has lost anything, and sweeps what other nodes have left. */
  #look(isLost: boolean): Promise<void> {
    if (this.#looking !== undefined && !isLost) return this.#looking;
    const before = this.#looking ?? Promise.resolve();
    const looking = before
      .then(() => this.#lookOnce(isLost))
      .then(() => {
        if (this.#looking === looking) this.#looking = undefined;
      });
    this.#looking = looking;
    return looking;
  }

  async #lookOnce(isLost: boolean): Promise<void> {
    if (this.#disposed) return;
    this.#timer?.cancel();
    await this.#leases.refresh();
    if ((await this.#marks.look()) || isLost) await this.#leases.renew();
    if (this.#leases.current !== this.#lease) {
      this.#lease = this.#leases.current;
      this.#own.rewriteAll();
    } else if (this.#own.due === 0) {
      await this.#leases.dropOlder();
    }
    // Whoever cannot be reached just now is looked after next time.
    if (this.#isSettled) await this.#sweeper.sweep().catch(() => undefined);
    await this.#tellAgain();
    if (this.#disposed) return;
    const delayMs = (this.#leaseMs / 3) * (0.9 + this.#clock.random() * 0.2);
    this.#timer = this.#clock.after(delayMs, () => void this.#look(false));
  }
}
