import type { Clock } from '../core/clock.ts';
import type { DeviceId, ThreadId, UserId } from '../core/ids.ts';
import { DueHeap } from './due-heap.ts';
import { DeadLetters } from './embedded/dead-letters.ts';
import { Journal } from './embedded/journal.ts';
import { Notified } from './embedded/notified.ts';
import {
  bucketOf,
  type DeadLetter,
  type DeadLetterPlace,
  deadLetterId,
  errorText,
  isLook,
  type Job,
  keyOfJob,
  keysOfDevices,
  type NewJob,
  type NotifyQueue,
  parseJobKey,
  type QueueBounds,
  queueBounds,
  type QueueCounts,
  roomFor,
} from './queue.ts';

export interface EmbeddedQueueOptions extends Partial<QueueBounds> {
  /** Made if it does not exist. One process at a time has it open. */
  readonly folder: string;
  readonly clock: Clock;
}

interface Kept {
  after: bigint;
  upTo: bigint;
  tries: number;
  madeMs: number;
  /** Monotonic ms at which it is given, or given to another; on disk wall ms. A step of the wall clock brings nothing forward. */
  dueMs: number;
  /** Of the worker that has it; 0 = none. */
  ticket: number;
  /** Put while a worker has it: when the rest is due. */
  restMs: number | undefined;
}

const prefix = 'job ';

/**
 * The queue of one machine: jobs are in memory, and in a LevelDB of their own, which is written before a call resolves. What a worker had when the process
 * ended is due when the queue is opened again.
 */
export class EmbeddedQueue implements NotifyQueue {
  readonly #clock: Clock;
  readonly #bounds: QueueBounds;
  readonly #journal: Journal;
  readonly #dead: DeadLetters;
  readonly #notified: Notified;
  readonly #jobs = new Map<string, Kept>();
  readonly #due = new DueHeap();
  #looks = 0;
  #tickets = 0;
  #tokens: number;
  /** Monotonic ms at which `#tokens` were counted. */
  #countedMs: number;
  #pausedUntilMs = -Infinity;

  private constructor(options: EmbeddedQueueOptions, journal: Journal, dead: DeadLetters) {
    this.#clock = options.clock;
    this.#bounds = { ...queueBounds, ...options };
    this.#journal = journal;
    this.#dead = dead;
    this.#notified = new Notified(journal);
    this.#tokens = bucketOf(this.#bounds.perS).capacity;
    this.#countedMs = options.clock.monotonicMs();
  }

  /** @throws what LevelDB throws when the folder is in use or damaged */
  static async open(options: EmbeddedQueueOptions): Promise<EmbeddedQueue> {
    const journal = await Journal.open(options.folder);
    const queue = new EmbeddedQueue(options, journal, await DeadLetters.open(journal));
    await journal.scan(prefix, (key, value) => queue.#load(key.slice(prefix.length), value));
    return queue;
  }

  async put(jobs: readonly NewJob[]): Promise<readonly (number | undefined)[]> {
    const dueIn = jobs.map((job) => this.#put(job));
    await this.#journal.flush();
    return dueIn;
  }

  async take(limit: number): Promise<readonly Job[]> {
    const nowMs = this.#clock.nowMs();
    await this.#notified.sweep(nowMs);
    const taken: Job[] = [];
    const byMs = this.#clock.monotonicMs();
    while (taken.length < limit) {
      const next = this.#due.take(byMs);
      if (next === undefined) break;
      const kept = this.#jobs.get(next.key);
      if (kept === undefined || kept.dueMs !== next.dueMs) continue;
      kept.ticket = ++this.#tickets;
      const { after, upTo, tries, madeMs, ticket } = kept;
      this.#schedule(next.key, kept, byMs + this.#bounds.leaseMs);
      taken.push({ ...parseJobKey(next.key), after, upTo, tries, madeMs, takenMs: nowMs, ticket: String(ticket) });
    }
    return taken;
  }

  async done(jobs: readonly Job[]): Promise<void> {
    for (const job of jobs) this.#settle(job);
    await this.#journal.flush();
  }

  async again(job: Job, delayMs: number, counts: boolean): Promise<void> {
    const key = keyOfJob(job);
    const kept = this.#of(key, job);
    if (kept === undefined) return;
    if (counts) kept.tries += 1;
    const dueMs = this.#clock.monotonicMs() + delayMs;
    this.#give(key, kept, counts || kept.restMs === undefined ? dueMs : Math.min(dueMs, kept.restMs));
    await this.#journal.flush();
  }

  async bury(job: Job, error: string): Promise<void> {
    const { kind, threadId, userId, deviceId, upTo: sequence, tries } = job;
    if (this.#of(keyOfJob(job), job) === undefined) return;
    const deadMs = this.#clock.nowMs();
    const id = deadLetterId(job);
    this.#dead.add({ kind, threadId, userId, deviceId, id, deadMs, sequence, tries, error: errorText(error) });
    this.#settle(job);
    await this.#journal.flush();
  }

  async notified(thread: ThreadId, users: readonly UserId[]): Promise<readonly ReadonlyMap<DeviceId, bigint>[]> {
    const nowMs = this.#clock.nowMs();
    return users.map((user) => this.#notified.of(thread, user, nowMs));
  }

  async withdraw(userId: UserId, threadId: ThreadId, upTo: bigint): Promise<number> {
    const nowMs = this.#clock.nowMs();
    const outstanding = this.#notified.takeOutstanding(threadId, userId, upTo, nowMs);
    let withdrawn = 0;
    for (const { deviceId, sequence, waits } of outstanding) {
      const job: NewJob = { kind: 'withdraw', threadId, userId, deviceId, after: 0n, upTo: sequence, delayMs: 0 };
      if (waits && this.#dropUntried({ ...job, kind: 'push' })) continue;
      this.#merge(job);
      withdrawn += 1;
    }
    if (outstanding.length > 0) await this.#journal.flush();
    return withdrawn;
  }

  async forget(userId: UserId, threadId: ThreadId): Promise<void> {
    const devices = this.#notified.forget(threadId, userId, this.#clock.nowMs());
    for (const jobKey of keysOfDevices(userId, threadId, devices)) {
      const key = keyOfJob(jobKey);
      if (this.#jobs.delete(key)) this.#journal.put(prefix + key, undefined);
      this.#dead.remove(deadLetterId(jobKey));
    }
    await this.#journal.flush();
  }

  async permits(want: number): Promise<{ readonly granted: number; readonly waitMs: number }> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#pausedUntilMs) return { granted: 0, waitMs: this.#pausedUntilMs - nowMs };
    const { refillPerMs, capacity } = bucketOf(this.#bounds.perS);
    this.#tokens = Math.min(capacity, this.#tokens + (nowMs - this.#countedMs) * refillPerMs);
    this.#countedMs = nowMs;
    const granted = Math.min(want, Math.floor(this.#tokens));
    this.#tokens -= granted;
    return { granted, waitMs: granted > 0 ? 0 : Math.ceil((1 - this.#tokens) / refillPerMs) };
  }

  async pause(forMs: number): Promise<void> {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#clock.monotonicMs() + forMs);
  }

  async counts(): Promise<QueueCounts> {
    const dead = this.#dead.count(this.#clock.nowMs());
    return { looks: this.#looks, waiting: this.#jobs.size - this.#looks, dead };
  }

  async deadLetters(limit: number, before?: DeadLetterPlace): Promise<readonly DeadLetter[]> {
    return this.#dead.list(this.#clock.nowMs(), limit, before);
  }

  async revive(id: string): Promise<boolean> {
    const letter = this.#dead.remove(id);
    if (letter === undefined) return false;
    const { kind, threadId, userId, deviceId, sequence } = letter;
    const job: NewJob = { kind, threadId, userId, deviceId, after: sequence - 1n, upTo: sequence, delayMs: 0 };
    this.#merge(job);
    await this.#journal.flush();
    return true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#journal.close();
  }

  #load(key: string, value: string): void {
    const [after, upTo, tries, madeMs, dueMs] = JSON.parse(value) as [string, string, number, number, number];
    const kept = { after: BigInt(after), upTo: BigInt(upTo), tries, madeMs, dueMs: 0, ticket: 0, restMs: undefined };
    this.#jobs.set(key, kept);
    if (isLook(parseJobKey(key))) this.#looks += 1;
    this.#schedule(key, kept, dueMs - this.#wallAheadMs());
  }

  #put(job: NewJob): number | undefined {
    if (this.#jobs.size >= roomFor(job, this.#bounds) && !this.#jobs.has(keyOfJob(job))) return undefined;
    const merged = isUntried(this.#jobs.get(keyOfJob(job)));
    const dueMs = this.#merge(job);
    if (job.kind === 'push') {
      const withdraws = this.#jobs.has(keyOfJob({ ...job, kind: 'withdraw' }));
      this.#notified.raise(job, { merged, withdraws }, this.#clock.nowMs());
    }
    return Math.max(0, dueMs - this.#clock.monotonicMs());
  }

  /** False: it was tried, or is being tried, or is about more. */
  #dropUntried(job: NewJob): boolean {
    const key = keyOfJob(job);
    const kept = this.#jobs.get(key);
    if (kept === undefined || !isUntried(kept) || kept.upTo > job.upTo) return false;
    this.#jobs.delete(key);
    this.#journal.put(prefix + key, undefined);
    return true;
  }

  /** Gives when it is due. */
  #merge(job: NewJob): number {
    const key = keyOfJob(job);
    const dueMs = this.#clock.monotonicMs() + job.delayMs;
    const kept = this.#jobs.get(key);
    if (kept === undefined) {
      const { after, upTo } = job;
      const madeMs = this.#clock.nowMs();
      const made: Kept = { after, upTo, tries: 0, madeMs, dueMs, ticket: 0, restMs: undefined };
      this.#jobs.set(key, made);
      if (isLook(job)) this.#looks += 1;
      this.#give(key, made, dueMs);
      return dueMs;
    }
    if (job.after < kept.after) kept.after = job.after;
    if (job.upTo > kept.upTo) kept.upTo = job.upTo;
    if (kept.ticket !== 0) {
      kept.restMs = Math.min(kept.restMs ?? Infinity, dueMs);
      this.#save(key, kept, kept.restMs);
      return kept.restMs;
    }
    if (kept.tries > 0 || kept.dueMs <= dueMs) {
      this.#save(key, kept, kept.dueMs);
    } else {
      this.#give(key, kept, dueMs);
    }
    return kept.dueMs;
  }

  /** What a worker has, if it is still the one. */
  #of(key: string, job: Job): Kept | undefined {
    const kept = this.#jobs.get(key);
    return kept !== undefined && String(kept.ticket) === job.ticket ? kept : undefined;
  }

  #settle(job: Job): void {
    const key = keyOfJob(job);
    const kept = this.#of(key, job);
    if (kept === undefined) return;
    if (kept.restMs === undefined) {
      this.#jobs.delete(key);
      if (isLook(job)) this.#looks -= 1;
      this.#journal.put(prefix + key, undefined);
      return;
    }
    // What was put with a lower one meanwhile was not part of it.
    if (kept.after >= job.after && kept.after < job.upTo) kept.after = job.upTo;
    kept.tries = 0;
    kept.madeMs = this.#clock.nowMs();
    this.#give(key, kept, kept.restMs);
  }

  /** It waits for a worker. */
  #give(key: string, kept: Kept, dueMs: number): void {
    kept.ticket = 0;
    kept.restMs = undefined;
    this.#save(key, kept, dueMs);
    this.#schedule(key, kept, dueMs);
  }

  #schedule(key: string, kept: Kept, dueMs: number): void {
    kept.dueMs = dueMs;
    this.#due.push(dueMs, key);
  }

  #save(key: string, { after, upTo, tries, madeMs }: Kept, dueMs: number): void {
    const wallMs = Math.round(dueMs + this.#wallAheadMs());
    this.#journal.put(prefix + key, JSON.stringify([after.toString(), upTo.toString(), tries, madeMs, wallMs]));
  }

  #wallAheadMs(): number {
    return this.#clock.nowMs() - this.#clock.monotonicMs();
  }
}

function isUntried(kept: Kept | undefined): boolean {
  return kept !== undefined && kept.ticket === 0 && kept.tries === 0;
}
