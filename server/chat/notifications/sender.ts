import { type Clock, pause } from '../../core/clock.ts';
import type { Notification, Notifier, Verdict } from '../../notify/notifier.ts';
import type { Job, NotifyQueue } from '../../notify/queue.ts';
import type { Store } from '../../store/store.ts';
import type { Composed, Pushes } from './pushes.ts';

/** After so long it is given up, if it failed often enough: quiet hours alone are no failure. */
const mostMs = 86_400_000;
const fewestTries = 10;
const firstBackoffMs = 1_000;
const mostBackoffMs = 900_000;
/** A permit is for now: those that came so late would be used in a second that has its own. */
const staleMs = 100;
/** Whoever has to wait longer than this for a permit is put back, long before the lease ends. */
const patienceMs = 2_000;

/** A push service that has not answered by then is not waited for: well before the lease of the job ends. */
const answerWithinMs = 20_000;

export interface SenderOptions {
  readonly queue: NotifyQueue;
  readonly notifier: Notifier;
  readonly pushes: Pushes;
  readonly store: Store;
  readonly clock: Clock;
  readonly onOutcome: (outcome: Outcome, why: string, job: Job) => void;
}

/** sent and withdrawn: the push service has it. nothing: it was too late to tell. gone: its token is dead, and forgotten. */
export type Outcome = 'sent' | 'withdrawn' | 'nothing' | 'held' | 'retried' | 'gone' | 'dead';

interface Waiting {
  readonly give: (waitMs: number) => void;
  readonly sinceMs: number;
}

/** Sends what is to be pushed, within the quota, and says what becomes of each job. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #waiting: Waiting[] = [];
  #asking = false;
  /** Monotonic ms until which there are no permits, as the queue said last. */
  #pausedUntilMs = -Infinity;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Settles the job. Rejects when something cannot be read or written: the job is to be given again. */
  async push(job: Job): Promise<void> {
    const { queue, pushes, clock } = this.#options;
    const pausedMs = this.#pausedUntilMs - clock.monotonicMs();
    if (pausedMs > patienceMs) return this.#hold(job, pausedMs);
    const composed: Composed = await (job.kind === 'withdraw' ? pushes.withdrawal(job) : pushes.message(job));
    if (composed === 'nothing') {
      await queue.done([job]);
      return this.#tell('nothing', '', job);
    }
    if ('heldMs' in composed) return this.#hold(job, composed.heldMs);
    const waitMs = await this.#permit();
    if (waitMs > 0) return this.#hold(job, waitMs);
    const verdict = await this.#send(composed.send);
    try {
      await this.#settle(job, verdict, composed.send.to.pushToken);
    } catch (error) {
      // It may be shown: what is read now is to be withdrawn, not only taken out of the queue.
      await queue.again(job, firstBackoffMs * (1 + clock.random()), true).catch(() => undefined);
      throw error;
    }
  }

  async #send(notification: Notification): Promise<Verdict> {
    const { notifier, clock } = this.#options;
    const [late, answered] = [new AbortController(), new AbortController()];
    const unanswered = async (): Promise<Verdict> => {
      await pause(clock, answerWithinMs, answered.signal);
      if (!answered.signal.aborted) late.abort();
      return { outcome: 'later', why: `no answer within ${answerWithinMs / 1_000} s` };
    };
    const verdict = await Promise.race([notifier.send(notification, late.signal), unanswered()]);
    answered.abort();
    return verdict;
  }

  async #settle(job: Job, verdict: Verdict, pushToken: string): Promise<void> {
    const { queue, store, clock } = this.#options;
    switch (verdict.outcome) {
      case 'sent':
        if (job.kind === 'push') await this.#withdrawIfRead(job);
        await queue.done([job]);
        return this.#tell(job.kind === 'withdraw' ? 'withdrawn' : 'sent', '', job);
      case 'gone':
        await store.dropPushToken(job.userId, job.deviceId, pushToken);
        await queue.done([job]);
        return this.#tell('gone', verdict.why, job);
      case 'refused':
        return this.#bury(job, verdict.why);
      case 'later': {
        const { retryAfterMs = 0, why } = verdict;
        if (verdict.everything === true && retryAfterMs > 0) {
          this.#pausedUntilMs = Math.max(this.#pausedUntilMs, clock.monotonicMs() + retryAfterMs);
          await queue.pause(retryAfterMs);
        }
        if (job.takenMs - job.madeMs > mostMs && job.tries >= fewestTries) return this.#bury(job, why);
        // Full jitter, behind what the push service asked for.
        const ceilingMs = Math.min(mostBackoffMs, firstBackoffMs * 2 ** job.tries);
        await queue.again(job, retryAfterMs + clock.random() * ceilingMs, true);
        return this.#tell('retried', why, job);
      }
    }
  }

  /** Who read it while it was on its way had it withdrawn before it came. */
  async #withdrawIfRead({ userId, threadId, deviceId, upTo }: Job): Promise<void> {
    const { queue, store } = this.#options;
    const [position] = await store.positionsOf(userId, [threadId]);
    if ((position?.read ?? 0n) < upTo) return;
    await queue.put([{ kind: 'withdraw', userId, threadId, deviceId, after: 0n, upTo, delayMs: 0 }]);
  }

  async #bury(job: Job, why: string): Promise<void> {
    await this.#options.queue.bury({ ...job, tries: job.tries + 1 }, why);
    this.#tell('dead', why, job);
  }

  /** Not a failure. Those that are held for one reason do not all come back at once. */
  async #hold(job: Job, forMs: number): Promise<void> {
    const { queue, clock } = this.#options;
    await queue.again(job, forMs + clock.random() * Math.min(1_000, forMs), false);
    this.#tell('held', '', job);
  }

  #tell(outcome: Outcome, why: string, job: Job): void {
    this.#options.onOutcome(outcome, why, job);
  }

  /** Resolves to 0 when one may be sent now, to the ms to wait when that is long. */
  #permit(): Promise<number> {
    return new Promise((give) => {
      this.#waiting.push({ give, sinceMs: this.#options.clock.monotonicMs() });
      void this.#ask();
    });
  }

  async #ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const { queue, clock } = this.#options;
    // A turn later, so that those who come together ask together.
    await Promise.resolve();
    let isSlow = false;
    while (this.#waiting.length > 0) {
      const askedMs = clock.monotonicMs();
      // Of a queue that is slow one is used, though it is stale: more at once would be used in a second that has its own.
      const want: number = isSlow ? 1 : this.#waiting.length;
      const { granted, waitMs } = await queue.permits(want).catch(() => ({ granted: 0, waitMs: 500 }));
      const nowMs = clock.monotonicMs();
      isSlow = granted > 0 && nowMs - askedMs > staleMs;
      const used = isSlow ? Math.min(granted, want, 1) : granted;
      for (const { give } of this.#waiting.splice(0, used)) give(0);
      if (waitMs > patienceMs) {
        this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs + waitMs);
        for (const { give } of this.#waiting.splice(0)) give(waitMs);
      }
      while (nowMs - (this.#waiting[0]?.sinceMs ?? nowMs) > patienceMs) this.#waiting.shift()?.give(patienceMs / 2);
      if (granted === 0 && this.#waiting.length > 0) {
        await new Promise<void>((resolve) => void clock.after(Math.min(waitMs, patienceMs), resolve));
      }
    }
    this.#asking = false;
  }
}
