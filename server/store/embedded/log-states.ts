import type { Head } from '../../core/entry.ts';
import type { LogId, UserId } from '../../core/ids.ts';

/** What is kept in memory of a log that is being appended to. */
export interface LogState {
  readonly log: LogId;
  /** Of the last append, durable or not: what the next is checked against. */
  head: Head | undefined;
  /** Of the last durable one: what reads give. */
  durable: Head | undefined;
  /** Users whose inbox rows exist and are listed under the day `indexedDay`. */
  indexed: Set<UserId>;
  indexedDay: number;
}

/** Weight of what is kept: one for a log and one for every four of its indexed users. */
const capacity = 16_384;

/**
 * Least recently used logs go first, in two generations: what was not asked for while a generation filled is dropped
 * whole. A log with an append under way must not go: `pinned` names them.
 */
export class LogStates {
  #young = new Map<LogId, LogState>();
  #old = new Map<LogId, LogState>();
  #weight = 0;
  readonly #pinned: () => Iterable<LogState>;

  constructor(pinned: () => Iterable<LogState>) {
    this.#pinned = pinned;
  }

  get(log: LogId): LogState | undefined {
    const young = this.#young.get(log);
    if (young !== undefined) return young;
    const old = this.#old.get(log);
    if (old !== undefined) this.add(old);
    return old;
  }

  add(state: LogState): void {
    if (this.#weight >= capacity) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#weight = 0;
      for (const pinned of this.#pinned()) this.#keep(pinned);
    }
    this.#keep(state);
  }

  #keep(state: LogState): void {
    this.#young.set(state.log, state);
    this.#weight += 1;
    this.grew(state.indexed.size);
  }

  /** Says that this many users were added to states. */
  grew(users: number): void {
    this.#weight += users / 4;
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
    this.#weight = 0;
  }
}
