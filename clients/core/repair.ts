import { Backoff } from './backoff.ts';
import { betweenMs } from './runtime.ts';
import type { Runtime, Timer } from './runtime.ts';

/** A log with holes, and how to fill them. */
export interface Repairable {
  /** Where the first hole begins: everything up to here is held. Undefined = no hole. */
  hole(): bigint | undefined;
  /** Fetches a page after what is held and takes it in. Rejects when it could not be had. */
  fetch(signal: AbortSignal): Promise<void>;
}

/** The node repairs gaps itself: only what is still missing after this time is fetched. */
const waitFromMs = 300;
const waitToMs = 1000;
/** Logs of one client that are fetched at once. */
const mostAtOnce = 4;

interface Job {
  readonly log: Repairable;
  readonly backoff: Backoff;
  at: bigint;
  timer: Timer | undefined;
  running: boolean;
}

/** Fills holes that stay: waits 0.3–1 s, then fetches the difference, for a few logs at a time. */
export class Repair {
  readonly #runtime: Runtime;
  readonly #jobs = new Map<string, Job>();
  readonly #queue: Job[] = [];
  #running = 0;
  #live = false;
  #abort = new AbortController();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Holes are filled from now on. Before, the stream is still bringing what was missed. */
  resume(): void {
    this.#live = true;
  }

  /** Stops: the next stream begins with what is missing. */
  pause(): void {
    this.#live = false;
    for (const job of this.#jobs.values()) job.timer?.cancel();
    this.#jobs.clear();
    this.#queue.length = 0;
    this.#abort.abort();
    this.#abort = new AbortController();
  }

  /** Looks at a log in which something changed. `now`: it is known that the stream will not bring it. */
  look(key: string, log: Repairable, now = false): void {
    const hole = log.hole();
    const job = this.#jobs.get(key);
    if (hole === undefined) {
      if (job !== undefined && !job.running) this.#drop(key, job);
      return;
    }
    if (!this.#live) return;
    if (job === undefined) {
      const made: Job = { log, backoff: new Backoff(this.#runtime), at: hole, timer: undefined, running: false };
      this.#jobs.set(key, made);
      if (now) this.#enqueue(key, made);
      else this.#wait(key, made, betweenMs(this.#runtime, waitFromMs, waitToMs));
    } else if (now && job.timer !== undefined && !job.running) {
      job.timer.cancel();
      job.timer = undefined;
      this.#enqueue(key, job);
    }
  }

  #drop(key: string, job: Job): void {
    job.timer?.cancel();
    this.#jobs.delete(key);
  }

  #wait(key: string, job: Job, ms: number): void {
    job.timer = this.#runtime.setTimer(ms, () => {
      job.timer = undefined;
      const hole = job.log.hole();
      if (hole === undefined) {
        this.#drop(key, job);
      } else if (hole !== job.at) {
        // Another hole than the one that was waited for: it has its own time.
        job.at = hole;
        this.#wait(key, job, betweenMs(this.#runtime, waitFromMs, waitToMs));
      } else this.#enqueue(key, job);
    });
  }

  #enqueue(key: string, job: Job): void {
    job.running = true;
    this.#queue.push(job);
    void this.#work(key, job);
  }

  async #work(key: string, job: Job): Promise<void> {
    if (this.#running >= mostAtOnce) return;
    const at = this.#queue.indexOf(job);
    if (at < 0) return;
    this.#queue.splice(at, 1);
    this.#running += 1;
    const { signal } = this.#abort;
    try {
      for (let hole = job.log.hole(); hole !== undefined; hole = job.log.hole()) {
        await job.log.fetch(signal);
        if (signal.aborted) return;
        // An answer that brings nothing is not asked for again at once.
        if (job.log.hole() === hole) throw new Error('nothing came');
      }
      job.running = false;
      this.#drop(key, job);
    } catch {
      job.running = false;
      if (!signal.aborted && this.#jobs.get(key) === job) {
        job.at = job.log.hole() ?? job.at;
        this.#wait(key, job, waitFromMs + job.backoff.nextMs());
      }
    } finally {
      this.#running -= 1;
      const [next] = this.#queue;
      if (next !== undefined) {
        for (const [otherKey, other] of this.#jobs) if (other === next) void this.#work(otherKey, other);
      }
    }
  }
}
