/** The four things that can go wrong with a message, each counted per client that it happened to. */
export const counters = ['lost', 'duplicated', 'reordered', 'altered'] as const;
export type Counter = (typeof counters)[number];

/** How many findings of one counter are told in words; the rest are only counted. */
const toldPerCounter = 10;

export class Tally {
  readonly counts: Record<Counter, number> = { lost: 0, duplicated: 0, reordered: 0, altered: 0 };
  readonly #told: Record<Counter, string[]> = { lost: [], duplicated: [], reordered: [], altered: [] };

  /** `words` is called only while findings of the counter are still told. */
  count(counter: Counter, words: () => string): void {
    this.counts[counter] += 1;
    if (this.counts[counter] <= toldPerCounter) this.#told[counter].push(`${counter}: ${words()}`);
  }

  findings(): string[] {
    return counters.flatMap((counter) => {
      const rest = this.counts[counter] - this.#told[counter].length;
      return rest > 0 ? [...this.#told[counter], `${counter}: and ${rest} more`] : this.#told[counter];
    });
  }
}
