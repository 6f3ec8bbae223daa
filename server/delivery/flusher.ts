/** Whoever has something to write in this turn of the event loop. */
export interface Flushable {
  flush(): void;
}

/** How long outboxes are flushed in one turn of the event loop, before everything else has its go. */
const budgetMs = 8;
/** So many of a batch are flushed before the next batch has its go. */
const chunkSize = 64;

/** Who asked in one turn of the event loop. */
interface Batch {
  readonly members: readonly Flushable[];
  next: number;
}

/**
 * Flushes outboxes once per turn of the event loop, so that what one commit brings a session leaves as one message.
 *
 * Promises: one turn of the loop flushes for 8 ms and a chunk of 64 at most, however many wait. Who asked in one turn is a batch; the
 * newest has the first go, so that an answer does not wait for the ten thousand listeners of a large group; then batches go by turns, a
 * chunk each, and in every turn at least one that has waited, so that none waits for ever. Who asks is flushed once, and after that
 * may ask again; an outbox writes what it has in its own order.
 */
export class Flusher {
  readonly #soon: (run: () => void) => void;
  readonly nowMs: () => number;
  #asking: Flushable[] = [];
  #batches: Batch[] = [];
  #scheduled = false;

  /** @param soon calls back after the present turn; @param nowMs monotonic ms */
  constructor(soon: (run: () => void) => void, nowMs: () => number) {
    this.#soon = soon;
    this.nowMs = nowMs;
  }

  add(flushable: Flushable): void {
    this.#asking.push(flushable);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#soon(this.#run);
  }

  readonly #run = (): void => {
    this.#scheduled = false;
    if (this.#asking.length > 0) {
      this.#batches.unshift({ members: this.#asking, next: 0 });
      this.#asking = [];
    }
    const untilMs = this.nowMs() + budgetMs;
    // Two chunks at least: the newest's, and one of those that have waited.
    for (let chunks = 0; chunks < 2 || this.nowMs() < untilMs; chunks++) {
      const batch = this.#batches.shift();
      if (batch === undefined) return;
      flushChunk(batch);
      if (batch.next < batch.members.length) this.#batches.push(batch);
    }
    if (this.#batches.length > 0) this.#schedule();
  };
}

function flushChunk(batch: Batch): void {
  const end = Math.min(batch.next + chunkSize, batch.members.length);
  while (batch.next < end) batch.members[batch.next++]?.flush();
}
