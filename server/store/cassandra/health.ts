import { type Clock, pause } from '../../core/clock.ts';
import type { StoreLog } from './options.ts';

/** Failures one after the other until the store says that it takes no appends. */
const tolerated = 3;
const probeEveryMs = 1_000;

const fails = 'Cassandra does not answer';

/** Whether Cassandra answers. Once it does not, it is asked once a second, since nobody else may ask then. */
export class Health {
  readonly #clock: Clock;
  readonly #log: StoreLog;
  readonly #probe: () => Promise<void>;
  readonly #stop = new AbortController();
  #failures = 0;
  #failing = false;

  constructor(clock: Clock, log: StoreLog, probe: () => Promise<void>) {
    this.#clock = clock;
    this.#log = log;
    this.#probe = probe;
  }

  get now(): { readonly writable: boolean; readonly why: string } {
    const why = this.#stop.signal.aborted ? 'the store is closed' : this.#failing ? fails : '';
    return { writable: why === '', why };
  }

  worked(): void {
    this.#failures = 0;
    if (!this.#failing) return;
    this.#failing = false;
    this.#log.info({}, 'Cassandra answers again');
  }

  failed(error: unknown): void {
    this.#failures++;
    if (this.#failing || this.#failures < tolerated || this.#stop.signal.aborted) return;
    this.#failing = true;
    this.#log.error({ err: error }, 'Cassandra does not answer: the store takes no appends until it does');
    void this.#ask();
  }

  close(): void {
    this.#stop.abort();
  }

  async #ask(): Promise<void> {
    while (this.#failing && !this.#stop.signal.aborted) {
      await pause(this.#clock, probeEveryMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      await this.#probe().then(
        () => this.worked(),
        () => {},
      );
    }
  }
}
