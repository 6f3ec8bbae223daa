import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How often the loop is looked at: what comes late by more is a delay. */
const everyMs = 10;

/** How late the event loop is with what is due: the time that whoever writes to this node waits before anything is done for them. */
export class LoopDelay {
  readonly #monitor = monitorEventLoopDelay({ resolution: everyMs });

  constructor() {
    this.#monitor.enable();
  }

  /** Seconds that 99 of 100 looks since the last call of this were late by at most. */
  takeP99(): number {
    const lateNs = this.#monitor.percentile(99) - everyMs * 1e6;
    const seen = this.#monitor.count;
    this.#monitor.reset();
    return seen === 0 ? 0 : Math.max(0, lateNs) / 1e9;
  }
}
