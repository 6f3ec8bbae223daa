// What everybody does all the while: each user does one thing after another at random, whatever is broken. Nobody helps them.
import { setTimeout as delay } from 'node:timers/promises';
import type { Device } from './device.ts';
import { act } from './operations.ts';
import type { Told } from './record.ts';
import type { Chance, World } from './world.ts';

export interface WorkloadOptions {
  readonly world: World;
  readonly chance: Chance;
  readonly tell: (told: Told) => void;
  /** Things done a second, by all together, as long as answers come. */
  readonly rate: number;
}

/** A user with so many things unanswered does no more until one is. */
const mostUnanswered = 4;

export class Workload {
  readonly #options: WorkloadOptions;
  readonly #stop = new AbortController();
  readonly #busy: Promise<void>[];
  /** With the time of its begin. */
  readonly #underWay = new Map<Promise<void>, number>();
  readonly #own = new Map<string, number>();
  #numbered = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#busy = options.world.users.map((user) => this.#live(user));
  }

  /** Nobody begins anything new. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#busy);
  }

  get unanswered(): number {
    return this.#underWay.size;
  }

  /** How many things have had no end for so long. */
  overdue(ms: number): number {
    const now = performance.now();
    return [...this.#underWay.values()].filter((beginMs) => now - beginMs > ms).length;
  }

  async #live(user: string): Promise<void> {
    const { world, chance, tell, rate } = this.#options;
    const { signal } = this.#stop;
    const meanMs = (1000 * world.users.length) / rate;
    const own = new Set<Promise<void>>();
    while (!signal.aborted) {
      await delay(meanMs * (0.5 + chance(1000) / 1000), undefined, { signal }).catch(() => {});
      if (signal.aborted || own.size >= mostUnanswered) continue;
      const devices = world.devicesOf(user);
      const device = devices[chance(devices.length)] as Device;
      const newRef = (): string => `${user}.${(this.#numbered += 1)}`;
      const work = act({ world, device, chance, tell, signal, newRef, own: this.#own });
      const done = work.finally(() => {
        own.delete(done);
        this.#underWay.delete(done);
      });
      own.add(done);
      this.#underWay.set(done, performance.now());
    }
  }
}
