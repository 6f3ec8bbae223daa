import { Refusal } from '../../server/core/errors.ts';
import type { Random } from './random.ts';
import type { Weather } from './weather.ts';
import type { Life, World } from './world.ts';

/** How long one way to the database takes, in ms. */
const wayMs = [0.2, 3] as const;
const refusedAfterMs = [1, 2_000] as const;
/** A write without an answer counts as unknown after this; it may come to pass this much later. */
const doubtMs = [100, 2_000] as const;
const lateMs = 3_000;

/** What became of a write without an answer. */
export class InDoubt extends Error {}

export interface WireOptions {
  readonly world: World;
  readonly life: Life;
  readonly weather: Weather;
  readonly random: Random;
  /** Called after each write, before its answer is on its way: where a node may die. */
  readonly onWrite: () => void;
}

/**
 * One node's way to the database: each call takes a time there and a time back. A node that dies gets no answer any more;
 * what it had sent is written or not, as it happens.
 */
export class StoreWire {
  readonly #options: WireOptions;

  constructor(options: WireOptions) {
    this.#options = options;
  }

  async read<Value>(get: () => Value): Promise<Value> {
    await this.#way();
    await this.#mayRefuse();
    const value = get();
    await this.#way();
    return value;
  }

  /** @throws InDoubt: it took effect, may do so later, or never does. */
  async write<Value>(what: string, apply: () => Value): Promise<Value> {
    const { world, life, weather, random } = this.#options;
    await this.#mayRefuse();
    return new Promise((resolve, reject) => {
      const fate = random.chance(weather.storeInDoubt) ? random.pick(['done', 'late', 'never']) : 'answered';
      const put = (): Value => {
        const value = apply();
        world.note(`${life.name} writes ${what}`);
        if (life.alive) this.#options.onWrite();
        return value;
      };
      this.#after(this.#wayMs(), false, () => {
        if (!life.alive && random.chance(0.5)) return;
        if (fate === 'answered') {
          const value = put();
          this.#after(this.#wayMs(), true, () => resolve(value));
          return;
        }
        if (fate === 'done') put();
        if (fate === 'late') world.after(random.between(0, lateMs), put);
        this.#after(random.between(...doubtMs), true, () => reject(new InDoubt(what)));
      });
    });
  }

  /** Waits, as far as the node lives. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#after(ms, true, resolve));
  }

  chanceMs(fromMs: number, toMs: number): number {
    return this.#options.random.between(fromMs, toMs);
  }

  #way(): Promise<void> {
    return this.pause(this.#wayMs());
  }

  #wayMs(): number {
    const { weather, random } = this.#options;
    return random.between(...wayMs) * weather.slowness;
  }

  async #mayRefuse(): Promise<void> {
    const { weather, random } = this.#options;
    if (!random.chance(weather.storeRefuses)) return;
    await this.pause(random.between(...refusedAfterMs));
    throw unavailable();
  }

  #after(ms: number, onlyAlive: boolean, run: () => void): void {
    const { world, life } = this.#options;
    world.after(ms, () => {
      if (life.alive || !onlyAlive) run();
    });
  }
}

export function unavailable(cause?: unknown): Refusal {
  return new Refusal('STORE_UNAVAILABLE', 'the simulated store does not answer', { cause });
}
