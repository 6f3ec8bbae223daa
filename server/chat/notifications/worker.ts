import { pause, type Clock } from '../../core/clock.ts';
import type { Job, NotifyQueue, QueueCounts } from '../../notify/queue.ts';
import type { Looks } from './looks.ts';
import type { Sender } from './sender.ts';

/** Jobs under way on this node. */
const mostAtOnce = 256;
const leastFree = 32;
/** What is under way when the worker ends has this long: a push service may take longer, and then the job is another worker's. */
const endWithinMs = 2_000;
/** How soon the queue is asked again when it had nothing, and when it has had nothing for a while; and when it cannot be asked. */
const idleMs = 50;
const mostIdleMs = 400;
const troubledMs = 1_000;
/** What cannot be done just now is given again after about this. */
const againMs = 2_000;
const countEveryMs = 5_000;

export interface WorkerOptions {
  readonly queue: NotifyQueue;
  readonly looks: Looks;
  readonly sender: Sender;
  readonly clock: Clock;
  /** A job could not be done, or the queue not be asked. */
  readonly onTrouble: (error: unknown) => void;
}

/** Takes jobs from the queue and has them done, so many at once. Every node runs one. */
export class Worker implements AsyncDisposable {
  readonly #options: WorkerOptions;
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #loop: Promise<void>;
  #free: (() => void) | undefined;
  #counts: QueueCounts = { looks: 0, waiting: 0, dead: 0 };
  #countedMs = -Infinity;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#loop = this.#run();
  }

  /** As the queue said a few seconds ago. */
  get counts(): QueueCounts {
    return this.#counts;
  }

  /** Takes nothing more, and waits a while for what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#free?.();
    await this.#loop;
    await Promise.race([Promise.all(this.#running), pause(this.#options.clock, endWithinMs)]);
  }

  async #run(): Promise<void> {
    const { queue, clock, onTrouble } = this.#options;
    const { signal } = this.#stop;
    let idle = idleMs;
    while (!signal.aborted) {
      const room = mostAtOnce - this.#running.size;
      if (room < leastFree) {
        await new Promise<void>((resolve) => (this.#free = resolve));
        continue;
      }
      try {
        await this.#count();
        const jobs = await queue.take(room);
        for (const job of jobs) this.#start(job);
        if (jobs.length === 0) await pause(clock, idle, signal);
        idle = jobs.length === 0 ? Math.min(mostIdleMs, idle * 2) : idleMs;
      } catch (error) {
        onTrouble(error);
        await pause(clock, troubledMs, signal);
      }
    }
  }

  #start(job: Job): void {
    const work = this.#do(job).finally(() => {
      this.#running.delete(work);
      this.#free?.();
    });
    this.#running.add(work);
  }

  async #do(job: Job): Promise<void> {
    const { queue, looks, sender, clock, onTrouble } = this.#options;
    try {
      if (job.kind === 'look') await looks.look(job);
      else if (job.kind === 'recheck') await looks.recheck(job);
      else await sender.push(job);
    } catch (error) {
      onTrouble(error);
      // Where that fails too, its lease ends.
      await queue.again(job, againMs * (0.5 + clock.random()), false).catch(() => undefined);
    }
  }

  async #count(): Promise<void> {
    const { queue, clock, onTrouble } = this.#options;
    if (clock.monotonicMs() - this.#countedMs < countEveryMs) return;
    this.#countedMs = clock.monotonicMs();
    // What is out of reach of it does not keep the rest from being done.
    this.#counts = await queue.counts().catch((error: unknown) => {
      onTrouble(error);
      return this.#counts;
    });
  }
}
