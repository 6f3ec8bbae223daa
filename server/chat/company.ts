import type { Clock } from '../core/clock.ts';
import type { ThreadId } from '../core/ids.ts';
import { Lru } from '../core/lru.ts';

/** A request that is alone waits for this part of what commits take lately, in ms at most; less than the least is not worth a timer. */
const partOfCommit = 2;
const longestMs = 50;
const leastMs = 2;
/** After so many waits in vain there was no company lately. */
const mostInVain = 4;
/** Threads in memory. The longest untouched are forgotten: they do not wait. */
const maxThreads = 10_000;
/** Weight of the last commit in what commits take. */
const weight = 0.1;

/**
 * Company for a request that is alone in its thread's queue. Where a store needs rounds of agreement, a commit of one message costs as
 * much as one of twenty; and what several people say at once comes in pairs. So in threads where requests lately came while another
 * was being committed, one that is alone waits a moment for the next, for half a commit at most. It costs who
 * talks alone nothing, and nothing where commits are quick, as in the embedded store.
 */
export class Company {
  readonly #clock: Clock;
  /** Waits in vain, by thread; threads without company lately are not in it. */
  readonly #inVain = new Lru<ThreadId, number>(maxThreads);
  readonly #waiting = new Map<ThreadId, () => void>();
  #commitMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A commit took so long; `company`: another request came meanwhile. */
  committed(threadId: ThreadId, tookMs: number, company: boolean): void {
    this.#commitMs += (tookMs - this.#commitMs) * weight;
    if (company) this.#inVain.set(threadId, 0);
  }

  /** Resolves when the request that is alone is to be committed; undefined = at once. */
  awaited(threadId: ThreadId): Promise<void> | undefined {
    const inVain = this.#inVain.size === 0 ? undefined : this.#inVain.get(threadId);
    const waitMs = Math.min(longestMs, this.#commitMs / partOfCommit);
    if (inVain === undefined || waitMs < leastMs) return undefined;
    return new Promise((resolve) => {
      const end = (misses: number): void => {
        timer.cancel();
        this.#waiting.delete(threadId);
        if (misses < mostInVain) this.#inVain.set(threadId, misses);
        else this.#inVain.delete(threadId);
        resolve();
      };
      const timer = this.#clock.after(waitMs, () => end(inVain + 1));
      this.#waiting.set(threadId, () => end(0));
    });
  }

  /** Another request came. */
  came(threadId: ThreadId): void {
    this.#waiting.get(threadId)?.();
  }
}
