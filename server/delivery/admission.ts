import type { Clock } from '../core/clock.ts';

/** What happens within one slot counts as at its end. */
const slotMs = 50;
const secondMs = 1_000;
/** A whole second, wherever in a slot it begins. */
const slots = secondMs / slotMs + 1;

/** At most so many in any second, however they come: all at once, or evenly. */
export class Admission {
  readonly #clock: Clock;
  readonly #perS: number;
  /** Taken in the slots of the last second. */
  readonly #taken: number[] = Array.from({ length: slots }, () => 0);
  #sum = 0;
  #slot: number;

  constructor(clock: Clock, perS: number) {
    this.#clock = clock;
    this.#perS = perS;
    this.#slot = Math.floor(clock.monotonicMs() / slotMs);
  }

  /** 0 = taken; else ms until there is room again. */
  take(): number {
    const nowMs = this.#clock.monotonicMs();
    this.#forget(Math.floor(nowMs / slotMs));
    if (this.#sum < this.#perS) {
      this.#taken[this.#slot % slots] = this.#at(this.#slot) + 1;
      this.#sum += 1;
      return 0;
    }
    for (let slot = this.#slot - slots + 1; ; slot++) {
      if (this.#at(slot) > 0) return (slot + slots) * slotMs - nowMs;
    }
  }

  #forget(current: number): void {
    if (current - this.#slot >= slots) {
      this.#taken.fill(0);
      this.#sum = 0;
    }
    for (let slot = Math.max(this.#slot + 1, current - slots + 1); slot <= current; slot++) {
      this.#sum -= this.#at(slot);
      this.#taken[slot % slots] = 0;
    }
    this.#slot = Math.max(this.#slot, current);
  }

  #at(slot: number): number {
    return this.#taken[slot % slots] ?? 0;
  }
}
