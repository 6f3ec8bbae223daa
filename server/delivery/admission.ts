import type { Clock } from '../core/clock.ts';

/** What happens within one slot counts as at its end. */
const slotMs = 50;
const secondMs = 1_000;
/** A whole second, wherever in a slot it begins. */
const slots = secondMs / slotMs + 1;

/** Of the rate, what is promised to those who wait: others come too, and nobody comes to the millisecond. */
const promisedPart = 0.9;
/** Nobody is told to wait longer, in ms. */
const longestMs = 60_000;

/**
 * At most so many in any second, however they come: all at once, or evenly. Who finds no room is told when there will be some that was not
 * promised to others yet: so thousands who come at once, after their node died, are let in at the full rate, one after the other,
 * and do not all come back together to be refused again.
 */
export class Admission {
  readonly #clock: Clock;
  readonly #perS: number;
  /** Taken in the slots of the last second. */
  readonly #taken: number[] = Array.from({ length: slots }, () => 0);
  #sum = 0;
  #slot: number;
  /** Monotonic ms that was promised last. */
  #promisedMs = 0;

  constructor(clock: Clock, perS: number) {
    this.#clock = clock;
    this.#perS = perS;
    this.#slot = Math.floor(clock.monotonicMs() / slotMs);
  }

  /** 0 = taken; else ms until there is room that nobody else was promised. */
  take(): number {
    const nowMs = this.#clock.monotonicMs();
    this.#forget(Math.floor(nowMs / slotMs));
    if (this.#sum < this.#perS) {
      this.#taken[this.#slot % slots] = this.#at(this.#slot) + 1;
      this.#sum += 1;
      return 0;
    }
    for (let slot = this.#slot - slots + 1; ; slot++) {
      if (this.#at(slot) > 0) return this.#promise(nowMs, (slot + slots) * slotMs);
    }
  }

  #promise(nowMs: number, roomMs: number): number {
    const nextMs = this.#promisedMs + secondMs / (this.#perS * promisedPart);
    this.#promisedMs = Math.min(Math.max(nextMs, roomMs), nowMs + longestMs);
    return this.#promisedMs - nowMs;
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
