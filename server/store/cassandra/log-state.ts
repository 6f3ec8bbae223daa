import type { Head } from '../../core/entry.ts';
import type { LogId, UserId } from '../../core/ids.ts';
import { Lru } from '../../core/lru.ts';

/** Where a log stands, and in which bucket. */
export interface LogHead extends Head {
  readonly bucket: bigint;
  /** Of the last append that had to write something outside its partition: first and last sequence. 0 = there was none. */
  readonly effectsFrom: bigint;
  readonly effectsTo: bigint;
}

/**
 * What this node remembers of a log. Never trusted by itself: other nodes append too, so a head is only where to look, and
 * what an append is conditional on.
 */
export interface LogState {
  readonly log: LogId;
  /** As last seen; undefined = not looked at yet, or without entries then. */
  head: LogHead | undefined;
  /** Effects of appends up to here are known to be written. */
  effectsDone: bigint;
  /** Inbox rows were raised by this node up to this sequence. */
  raised: bigint;
  /** Users for whom the log stands under the day `indexedDay`. */
  indexed: Set<UserId>;
  indexedDay: bigint;
}

const capacity = 20_000;

export class LogStates {
  readonly #states = new Lru<LogId, LogState>(capacity);

  get(log: LogId): LogState {
    const known = this.#states.get(log);
    if (known !== undefined) return known;
    const state: LogState = {
      log,
      head: undefined,
      effectsDone: 0n,
      raised: 0n,
      indexed: new Set(),
      indexedDay: -1n,
    };
    this.#states.set(log, state);
    return state;
  }
}
