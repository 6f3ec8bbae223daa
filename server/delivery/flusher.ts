/** Whoever has something to write in this turn of the event loop. */
export interface Flushable {
  flush(): void;
}

/**
 * Flushes outboxes once per turn of the event loop, so that what one commit brings a session leaves as one message.
 * Walks large turns in slices, so that ten thousand listeners do not hold up the others.
 */
export class Flusher {
  readonly #soon: (run: () => void) => void;
  readonly nowMs: () => number;
  #waiting: Flushable[] = [];
  #scheduled = false;

  /** @param soon calls back after the present turn; @param nowMs monotonic ms */
  constructor(soon: (run: () => void) => void, nowMs: () => number) {
    this.#soon = soon;
    this.nowMs = nowMs;
  }

  add(flushable: Flushable): void {
    this.#waiting.push(flushable);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#soon(this.#run);
  }

  readonly #run = (): void => {
    const turn = this.#waiting;
    this.#waiting = [];
    this.#scheduled = false;
    this.#slice(turn, 0);
  };

  #slice(turn: Flushable[], from: number): void {
    const until = this.nowMs() + 8;
    let index = from;
    while (index < turn.length) {
      turn[index++]?.flush();
      if ((index & 63) === 0 && this.nowMs() > until) break;
    }
    if (index < turn.length) this.#soon(() => this.#slice(turn, index));
  }
}
