// Which places of a log a device has heard, as ranges: a run has millions of hearings of some ten thousand places.

export class Coverage {
  /** Ascending, apart from each other. */
  readonly #ranges: [from: number, to: number][] = [];

  /** False = it was in already. */
  add(place: number): boolean {
    const ranges = this.#ranges;
    // Mostly it is the next one.
    let at = ranges.length;
    while (at > 0 && (ranges[at - 1]?.[0] ?? 0) > place) at -= 1;
    const before = ranges[at - 1];
    const after = ranges[at];
    if (before !== undefined && place <= before[1]) return false;
    const joinsBefore = before !== undefined && place === before[1] + 1;
    const joinsAfter = after !== undefined && place === after[0] - 1;
    if (joinsBefore && joinsAfter) {
      before[1] = after[1];
      ranges.splice(at, 1);
    } else if (joinsBefore) before[1] = place;
    else if (joinsAfter) after[0] = place;
    else ranges.splice(at, 0, [place, place]);
    return true;
  }

  /** 0 = nothing is in. */
  get highest(): number {
    return this.#ranges.at(-1)?.[1] ?? 0;
  }

  has(place: number): boolean {
    return this.#ranges.some(([from, to]) => from <= place && place <= to);
  }

  /** Places of `from`..`to` that are not in. */
  missing(from: number, to: number): number[] {
    const missing: number[] = [];
    let next = from;
    for (const [first, last] of this.#ranges) {
      for (; next < first && next <= to; next += 1) missing.push(next);
      next = Math.max(next, last + 1);
    }
    for (; next <= to; next += 1) missing.push(next);
    return missing;
  }

  /** Places that are in and in none of the ranges (both ends count). */
  outside(allowed: readonly (readonly [from: number, to: number])[]): number[] {
    const outside: number[] = [];
    for (const [first, last] of this.#ranges) {
      if (allowed.some(([from, to]) => from <= first && last <= to)) continue;
      for (let place = first; place <= last; place += 1) {
        if (!allowed.some(([from, to]) => from <= place && place <= to)) outside.push(place);
      }
    }
    return outside;
  }
}
