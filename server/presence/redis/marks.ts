import type { Clock } from '../../core/clock.ts';
import { addressText } from '../../redis/settings.ts';
import type { Shards } from '../../redis/shards.ts';
import type { Keys } from './keys.ts';
import type { Scripts } from './scripts.ts';

/**
 * A mark on every master, which is gone with all else when one is emptied. By its age it is known whether what is not there was
 * never there.
 */
export class Marks {
  readonly #shards: Shards;
  readonly #keys: Keys;
  readonly #scripts: Scripts;
  /** When each mark was made, as this node knows it; by key. */
  readonly #known = new Map<string, number>();
  /** The key of each master's mark, by its address; undefined when the masters may have changed. */
  #keyOf: ReadonlyMap<string, string> | undefined;
  /** When each master was seen to have lost something, monotonic ms; by its address. */
  readonly #forkedMs = new Map<string, number>();
  readonly #clock: Clock;

  constructor(shards: Shards, keys: Keys, scripts: Scripts, clock: Clock) {
    this.#shards = shards;
    this.#keys = keys;
    this.#scripts = scripts;
    this.#clock = clock;
    shards.listen({
      onChange: () => (this.#keyOf = undefined),
      onFork: (master) => this.#forkedMs.set(master, clock.monotonicMs()),
    });
  }

  /** For how long a master has kept everything, in ms, as far as this node knows. @throws what the call rejected with */
  async ageOf(master: string): Promise<number> {
    const mark = this.#markKeys().get(master);
    if (mark === undefined) throw new Error('this master is not known');
    const { ageMs } = await this.#read(mark);
    return Math.min(ageMs, this.#clock.monotonicMs() - (this.#forkedMs.get(master) ?? -Infinity));
  }

  /** True when a master was emptied since the last look. Masters that are not reached are looked at next time. */
  async look(): Promise<boolean> {
    const keys = [...this.#markKeys().values()];
    const made = await Promise.all(keys.map((key) => this.#read(key).catch(() => undefined)));
    let emptied = false;
    keys.forEach((key, index) => {
      const madeMs = made[index]?.madeMs;
      if (madeMs === undefined) return;
      const known = this.#known.get(key);
      if (known !== undefined && known !== madeMs) emptied = true;
      this.#known.set(key, madeMs);
    });
    return emptied;
  }

  async #read(key: string): Promise<{ readonly madeMs: number; readonly ageMs: number }> {
    const [madeMs = 0, ageMs = 0] = (await this.#scripts.mark.run(this.#shards, [key], [])) as number[];
    return { madeMs, ageMs };
  }

  /** The first of all marks that is in a slot of the master. */
  #markKeys(): ReadonlyMap<string, string> {
    if (this.#keyOf !== undefined) return this.#keyOf;
    const wanted = new Set(this.#shards.masters.map(addressText));
    const keys = new Map<string, string>();
    for (let number = 0; keys.size < wanted.size && number < 100_000; number++) {
      const key = this.#keys.mark(number);
      const master = this.#shards.masterName(key);
      if (master !== '' && !keys.has(master)) keys.set(master, key);
    }
    this.#keyOf = keys;
    return keys;
  }
}
