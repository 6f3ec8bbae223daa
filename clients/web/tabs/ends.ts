import type { Leader } from './hub-parts.ts';

/** Learns of following tabs' ends: the lock that each holds is free then. */
export class Ends {
  readonly #leader: Leader;
  readonly #ended: (tab: string) => void;
  readonly #watched = new Set<string>();
  readonly #stop = new AbortController();

  constructor(leader: Leader, ended: (tab: string) => void) {
    this.#leader = leader;
    this.#ended = ended;
  }

  watch(tab: string): void {
    if (this.#watched.has(tab)) return;
    this.#watched.add(tab);
    const { name, locks } = this.#leader;
    locks
      ?.request(`${name} ${tab}`, { signal: this.#stop.signal }, () => {
        this.#watched.delete(tab);
        if (!this.#stop.signal.aborted) this.#ended(tab);
      })
      .catch(() => undefined);
  }

  stop(): void {
    this.#stop.abort();
  }
}
