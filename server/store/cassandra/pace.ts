/** However fast others are: nodes that contend for one log make each other wait, and asking again makes it worse. */
const leastMs = 1_000;
/** Cassandra itself gives up on a contended commit after 1.8 s. */
const mostMs = 2_500;
const timesTheUsual = 20;
const step = 1.05;

/**
 * How long to wait for the answer to a commit, by how long they usually take: so a node that is paused holds nobody up for
 * long, and a cluster that is slow as a whole is not asked everything twice. The usual is a running median, which a third
 * of the nodes being away does not move.
 */
export class Pace {
  #usualMs = 50;

  get patienceMs(): number {
    return Math.min(mostMs, Math.max(leastMs, Math.ceil(this.#usualMs * timesTheUsual)));
  }

  /** An answer came after so long, or did not within it. */
  took(ms: number): void {
    this.#usualMs = ms > this.#usualMs ? this.#usualMs * step : Math.max(1, this.#usualMs / step);
  }
}
