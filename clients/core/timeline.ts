import type { ThreadHead } from '#proto/parley/v1/thread.ts';

/** Entries that came too early and are kept; what comes beyond is dropped and fetched later. */
const mostAhead = 512;

/** What taking something in brought about. */
export interface Step<E> {
  /** Entries that are held from now on, in order, without a hole to what was held before. */
  readonly applied: readonly E[];
  /** The log is another one than before: all that was made from its entries is void. */
  readonly restarted: boolean;
}

/**
 * One log as this device holds it: everything up to `held`, from where it begins here. Entries may come twice, late, early or not at
 * all; what leaves here is each once and in order. It knows neither time nor network: `missing` says what to fetch.
 *
 * Next sequence → applied. Lower → dropped. Higher → kept until what is between is there. Another epoch → started over.
 */
export class Timeline<E extends { readonly sequence: bigint }> {
  #epoch = 0n;
  #held = 0n;
  /** The highest sequence that is known to be in the log. */
  #told = 0n;
  /** Whether it is known where it begins: from a head, a fetched page, or sequence 1. */
  #placed = false;
  /** The log is the first one known: what this device acknowledged of it counts as held. */
  #first = true;
  readonly #ahead = new Map<bigint, E>();

  /** 0 = none known yet. */
  get epoch(): bigint {
    return this.#epoch;
  }

  /** Everything up to here is held, but for what is not the user's, or is left to history. */
  get held(): bigint {
    return this.#held;
  }

  /** The highest sequence known to exist. */
  get told(): bigint {
    return this.#told;
  }

  /** What to fetch: everything after `after`, up to `upTo`. Undefined = nothing is missing. */
  get missing(): { after: bigint; upTo: bigint } | undefined {
    return this.#told > this.#held ? { after: this.#held, upTo: this.#told } : undefined;
  }

  /** Says from outside what is held: the application kept it from before. Only before anything was taken in. */
  restore(epoch: bigint, held: bigint): void {
    this.#epoch = epoch;
    this.#held = held;
    this.#told = held;
    this.#placed = true;
  }

  /** Takes in where the log stands. A new device begins after what it acknowledged in an earlier life. */
  head(head: Pick<ThreadHead, 'epoch' | 'sequence' | 'visibleFromSequence' | 'deliveredSequence'>): Step<E> {
    const restarted = this.#enter(head.epoch);
    const applied: E[] = [];
    // The first entry to be had is a floor; on a log that is new to this device, so is what it has acknowledged.
    let floor = head.visibleFromSequence > 0n ? head.visibleFromSequence - 1n : 0n;
    if (!this.#placed && this.#first && head.deliveredSequence > floor) floor = head.deliveredSequence;
    this.#placed = true;
    this.#raise(floor, applied);
    if (head.sequence > this.#told) this.#told = head.sequence;
    return { applied, restarted };
  }

  /** Takes in entries as they come on a stream, in any order. */
  entries(epoch: bigint, entries: readonly E[]): Step<E> {
    const restarted = this.#enter(epoch);
    const applied: E[] = [];
    for (const entry of entries) this.#take(entry, applied);
    return { applied, restarted };
  }

  /** Takes in a page that was fetched after `after`: it has no hole, and begins at the first entry to be had. */
  page(
    after: bigint,
    entries: readonly E[],
    head: Pick<ThreadHead, 'epoch' | 'sequence' | 'visibleFromSequence'>,
  ): Step<E> {
    const restarted = this.#enter(head.epoch);
    const applied: E[] = [];
    // After a restart, `after` was a place in a log that is no more.
    if (!restarted) {
      this.#placed = true;
      const first = entries[0];
      if (first !== undefined && after <= this.#held && first.sequence > this.#held + 1n) {
        this.#raise(first.sequence - 1n, applied);
      }
      for (const entry of entries) this.#take(entry, applied);
      // Nothing after it: what was told to be there is not there (any more) for this user.
      if (first === undefined && after <= this.#held) this.#lower(head.sequence);
    }
    if (head.visibleFromSequence > 0n) this.#raise(head.visibleFromSequence - 1n, applied);
    if (head.sequence > this.#told) this.#told = head.sequence;
    return { applied, restarted };
  }

  /** Takes in that some were left out of the stream: they exist. */
  skipped(to: bigint): void {
    if (to > this.#told) this.#told = to;
  }

  /** Leaves everything up to a sequence to history: it counts as held, and is not applied. */
  leave(upTo: bigint): Step<E> {
    const applied: E[] = [];
    this.#placed = true;
    this.#raise(upTo, applied);
    return { applied, restarted: false };
  }

  #enter(epoch: bigint): boolean {
    if (epoch === this.#epoch) return false;
    const restarted = this.#epoch !== 0n;
    this.#epoch = epoch;
    if (!restarted) return false;
    this.#first = false;
    this.#held = 0n;
    this.#told = 0n;
    this.#placed = false;
    this.#ahead.clear();
    return true;
  }

  #take(entry: E, applied: E[]): void {
    const { sequence } = entry;
    if (sequence > this.#told) this.#told = sequence;
    if (sequence <= this.#held) return;
    if (sequence === 1n) this.#placed = true;
    if (sequence === this.#held + 1n && this.#placed) {
      this.#hold(entry, applied);
      this.#release(applied);
    } else if (this.#ahead.size < mostAhead) this.#ahead.set(sequence, entry);
  }

  #hold(entry: E, applied: E[]): void {
    this.#held = entry.sequence;
    applied.push(entry);
  }

  /** Applies what was waiting for its turn. */
  #release(applied: E[]): void {
    while (this.#ahead.size > 0) {
      const next = this.#ahead.get(this.#held + 1n);
      if (next === undefined) return;
      this.#ahead.delete(next.sequence);
      this.#hold(next, applied);
    }
  }

  #raise(floor: bigint, applied: E[]): void {
    if (floor > this.#held) {
      this.#held = floor;
      if (floor > this.#told) this.#told = floor;
      for (const sequence of this.#ahead.keys()) if (sequence <= floor) this.#ahead.delete(sequence);
    }
    this.#release(applied);
  }

  #lower(head: bigint): void {
    if (this.#told > this.#held) this.#told = head > this.#held ? head : this.#held;
    for (const sequence of this.#ahead.keys()) if (sequence > this.#told) this.#ahead.delete(sequence);
  }
}
