import type { Clock } from '../../core/clock.ts';
import type { Shards } from '../../redis/shards.ts';
import type { NodeAddress } from '../registry.ts';
import type { Keys } from './keys.ts';
import type { Scripts } from './scripts.ts';

export interface LeasesOptions {
  readonly clock: Clock;
  readonly shards: Shards;
  readonly keys: Keys;
  readonly scripts: Scripts;
  readonly nodeId: string;
  /** Where other nodes reach this one; empty = nowhere. */
  readonly address: string;
  /** How long a lease holds without being refreshed. */
  readonly leaseMs: number;
  readonly onProblem: (problem: Error) => void;
}

/** By which part of it the end of a lease may be judged wrongly from here: the way to Redis and back. */
const slack = 1 / 8;

/**
 * What this node's sessions count by. A lease that is over never comes back: others may have said that its sessions are
 * gone. Then, and when the data of Redis may have gone back, the node takes a new one.
 */
export class Leases {
  readonly #options: LeasesOptions;
  /** The newest first. Earlier ones are held on to until all sessions are written under the newest. */
  #held: string[] = [];
  /** Until when the newest surely holds, monotonic ms. */
  #surelyUntilMs = -Infinity;
  #refreshing: Promise<string | undefined> | undefined;
  #outnumbered = false;
  /** Since when every refresh succeeded, monotonic ms. */
  #reachedSinceMs = Infinity;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** The newest; it may be over. */
  get current(): string | undefined {
    return this.#held[0];
  }

  /** All that was held is over; nobody will ever hold on to it. */
  get over(): boolean {
    return this.#options.clock.monotonicMs() >= this.#surelyUntilMs + 2 * slack * this.#options.leaseMs;
  }

  /**
   * For how long the leases were reached without a break. After one they may all be over, and their nodes need a moment to
   * take new ones: meanwhile nothing follows from a lease that is over.
   */
  get reachedForMs(): number {
    return Math.max(0, this.#options.clock.monotonicMs() - this.#reachedSinceMs);
  }

  /** A lease that held a moment ago; undefined when there is none to be had. Never rejects. */
  ensure(): Promise<string | undefined> | string | undefined {
    if (this.#options.clock.monotonicMs() < this.#surelyUntilMs) return this.#held[0];
    return this.refresh();
  }

  /** Holds on to what is held, and takes a new one when that is over. Never rejects. */
  refresh(): Promise<string | undefined> {
    return (this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined)));
  }

  /** Takes a new one beside what is held. Never rejects. */
  async renew(): Promise<void> {
    await this.#refreshing;
    await this.#acquire().catch(() => undefined);
  }

  /** All sessions are written under the newest: what is left of the others is to be swept. */
  async dropOlder(): Promise<void> {
    const older = this.#held.splice(1);
    if (older.length > 0) await this.#release(older, 0).catch(() => undefined);
  }

  /** Lets all end in `delayMs`. */
  async end(delayMs: number): Promise<void> {
    const all = this.#held.splice(0);
    this.#surelyUntilMs = -Infinity;
    if (all.length > 0) await this.#release(all, delayMs).catch(() => undefined);
  }

  /** Which of these hold. @throws what the call rejected with */
  async living(leases: readonly string[]): Promise<Set<string>> {
    if (leases.length === 0) return new Set();
    const { scripts, shards, keys } = this.#options;
    const holds = (await scripts.living.run(shards, [keys.leases], leases)) as number[];
    return new Set(leases.filter((_, index) => holds[index] === 1));
  }

  /** Where a node is reached; undefined = its newest lease is over. @throws what the call rejected with */
  async addressOf(nodeId: string): Promise<string | undefined> {
    const { scripts, shards, keys } = this.#options;
    const reply = await scripts.node.run(shards, [keys.leases, keys.nodes], [encodeURIComponent(nodeId)]);
    return (reply as string | null) ?? undefined;
  }

  /** The nodes that live, and where each is reached. @throws what the call rejected with */
  async nodes(): Promise<NodeAddress[]> {
    const { scripts, shards, keys } = this.#options;
    const reply = (await scripts.nodes.run(shards, [keys.leases, keys.nodes], [])) as string[];
    return Array.from({ length: reply.length / 2 }, (_, index) => ({
      nodeId: decodeURIComponent(reply[index * 2] ?? ''),
      address: reply[index * 2 + 1] ?? '',
    }));
  }

  async #refresh(): Promise<string | undefined> {
    const lease = await this.#holdOn();
    const { clock } = this.#options;
    if (lease === undefined) this.#reachedSinceMs = Infinity;
    else if (this.#reachedSinceMs === Infinity) this.#reachedSinceMs = clock.monotonicMs();
    return lease;
  }

  async #holdOn(): Promise<string | undefined> {
    const { clock, scripts, shards, keys, nodeId, address, leaseMs, onProblem } = this.#options;
    const sentMs = clock.monotonicMs();
    try {
      if (this.over) {
        // A refresh that a paused Redis has kept must not bring them back.
        if (this.#held.length > 0) await this.#release(this.#held, 0);
        this.#held = [];
        return await this.#acquire();
      }
      const asked = [...this.#held];
      const args = [leaseMs, encodeURIComponent(nodeId), address, ...asked];
      const [newer, ...holds] = (await scripts.refresh.run(shards, [keys.leases, keys.nodes], args)) as number[];
      if (newer === 1 && !this.#outnumbered) onProblem(new Error(`another node is called ${nodeId} too: rename one`));
      this.#outnumbered = newer === 1;
      this.#held = this.#held.filter((lease) => holds[asked.indexOf(lease)] !== 0);
      if (holds[0] !== 1) return await this.#acquire();
      this.#surelyUntilMs = sentMs + leaseMs * (1 - slack);
      return this.#held[0];
    } catch {
      return undefined;
    }
  }

  async #acquire(): Promise<string> {
    const { clock, scripts, shards, keys, nodeId, address, leaseMs } = this.#options;
    const sentMs = clock.monotonicMs();
    const args = [encodeURIComponent(nodeId), address, leaseMs];
    const lease = (await scripts.acquire.run(shards, [keys.leases, keys.nodes], args)) as string;
    this.#held.unshift(lease);
    this.#surelyUntilMs = sentMs + leaseMs * (1 - slack);
    return lease;
  }

  #release(leases: readonly string[], delayMs: number): Promise<unknown> {
    const { scripts, shards, keys } = this.#options;
    return scripts.release.run(shards, [keys.leases], [delayMs, ...leases]);
  }
}
