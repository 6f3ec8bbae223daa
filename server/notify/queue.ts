import type { DeviceId, ThreadId, UserId } from '../core/ids.ts';

/**
 * The door to what is still to be done about people who are not there. Two implementations, one contract suite (test/contract/notify-queue.ts):
 * a folder of one machine, and Redis for several nodes.
 *
 * A job is known by its key (kind, thread, user, device), and there is one of a key at a time: what is put for a key that waits is merged into
 * it (the lower `after`, the higher `upTo`, the earlier time; one that was tried before keeps its time, so that news does not get around a
 * push service that asked to be left alone). What is put for one that a worker has goes on waiting when the worker is done with the part it was
 * given.
 *
 * Promises
 * - What `put` took survives the process, and the machine as the deployment's durability says.
 * - A job is given to one worker at a time. One whose worker did not settle it within the lease is given to another: at least once.
 * - A part of the queue that is out of reach does not keep the others from being worked on.
 * - `notified` of a device moves with the job that notifies it, in one step.
 *
 * Failure: every call may reject with Refusal STORE_UNAVAILABLE; what was asked then may have been done or not.
 */
export interface NotifyQueue extends AsyncDisposable {
  /**
   * Gives for each job, in the order asked, in how many ms from now it is given at the earliest: less than was asked for where it was merged into one that
   * is due before, 0 where that is due already. Undefined: it was not taken, since there is no room, or the part of the queue that it belongs to is out of reach. Keys that are there already are always merged.
   */
  put(jobs: readonly NewJob[]): Promise<readonly (number | undefined)[]>;
  /** At most so many of those that are due, and of those whose workers' leases are over. */
  take(limit: number): Promise<readonly Job[]>;
  /** Done: up to the job's `upTo`, however much was put meanwhile. */
  done(jobs: readonly Job[]): Promise<void>;
  /** To be given again after so long. `counts`: it was tried, and failed. */
  again(job: Job, delayMs: number, counts: boolean): Promise<void>;
  /** Given up: done, and kept among the dead letters. */
  bury(job: Job, error: string): Promise<void>;

  /** Up to where push jobs were ever put for a user's devices in a thread, of the last 30 days. In the order asked; undefined: out of reach. */
  notified(thread: ThreadId, users: readonly UserId[]): Promise<readonly (ReadonlyMap<DeviceId, bigint> | undefined)[]>;
  /**
   * The user has read the thread up to `upTo`: puts a `withdraw` job for each of their devices that was notified up to there or less and not withdrawn
   * since, and gives how many. Where nothing is shown, since the push still waits and nobody has tried it, that is taken out instead.
   */
  withdraw(user: UserId, thread: ThreadId, upTo: bigint): Promise<number>;

  /** Of a user who is erased: jobs, dead letters and up to where their devices were notified of the thread. */
  forget(user: UserId, thread: ThreadId): Promise<void>;

  /** Takes at most `want` of what the push service may be sent now, from all nodes together. Of 0: ask again after `waitMs`. */
  permits(want: number): Promise<{ readonly granted: number; readonly waitMs: number }>;
  /** No permits for so long, for all nodes: the push service asked for it. A longer pause holds. */
  pause(forMs: number): Promise<void>;

  /** Looks that wait, pushes and withdrawals that wait or are under way, dead letters. */
  counts(): Promise<QueueCounts>;
  /** Newest first; `before` = below this one of an earlier page. At most 30 days old and 100,000 in all. */
  deadLetters(limit: number, before?: DeadLetterPlace): Promise<readonly DeadLetter[]>;
  /** Puts it back as new. False: there is none of this id. */
  revive(id: string): Promise<boolean>;
}

/**
 *   look      a thread has new messages: who of its members is not there
 *   recheck   and who has not acknowledged them 10 s later
 *   push      a device of a user's is to be notified of a thread
 *   withdraw  and what it shows of it taken away
 */
export type JobKind = 'look' | 'recheck' | 'push' | 'withdraw';

export interface JobKey {
  readonly kind: JobKind;
  readonly threadId: ThreadId;
  /** Empty for looks. */
  readonly userId: UserId;
  /** Empty for looks. */
  readonly deviceId: DeviceId;
}

export interface NewJob extends JobKey {
  /** It is about messages with sequences above this one, */
  readonly after: bigint;
  /** up to this one. */
  readonly upTo: bigint;
  /** From now on. */
  readonly delayMs: number;
}

export interface Job extends JobKey {
  readonly after: bigint;
  readonly upTo: bigint;
  /** Times that it failed. */
  readonly tries: number;
  /** Wall ms, by the queue's clock, when it was put first. */
  readonly madeMs: number;
  /** Wall ms, by the same clock, when it was given. */
  readonly takenMs: number;
  /** Whose turn it is: what settles it. */
  readonly ticket: string;
}

export interface QueueCounts {
  readonly looks: number;
  readonly waiting: number;
  readonly dead: number;
}

export interface DeadLetterPlace {
  readonly deadMs: number;
  readonly id: string;
}

export interface DeadLetter extends JobKey, DeadLetterPlace {
  readonly sequence: bigint;
  readonly tries: number;
  /** At most 200 bytes. */
  readonly error: string;
}

export interface QueueBounds {
  /** Keys that may wait; of looks and rechecks fewer, as `roomFor` says. */
  readonly maxJobs: number;
  /** For how long a job is a worker's. Longer than anything that a worker does with one. */
  readonly leaseMs: number;
  /** What the push service may be sent in any second. */
  readonly perS: number;
}

export const queueBounds: QueueBounds = { maxJobs: 1_000_000, leaseMs: 60_000, perS: 10_000 };

/** So many keys may wait in all for one of the kind to be taken: what leads to more leaves room for what it leads to, so that a full queue drains. */
export function roomFor({ kind }: JobKey, { maxJobs }: QueueBounds): number {
  if (kind === 'look') return maxJobs / 2;
  return kind === 'recheck' ? (maxJobs * 3) / 4 : maxJobs;
}

/** How long `notified` is remembered, and dead letters are kept. */
export const keptMs = 30 * 86_400_000;
export const maxDeadLetters = 100_000;
const maxErrorBytes = 200;

/** Kinds, threads and devices hold no spaces. */
export function keyOfJob({ kind, threadId, deviceId, userId }: JobKey): string {
  return `${kind} ${threadId} ${deviceId} ${userId}`;
}

export function parseJobKey(key: string): JobKey {
  const [kind = '', threadId = '', deviceId = ''] = key.split(' ', 3);
  const userId = key.slice(kind.length + threadId.length + deviceId.length + 3);
  return {
    kind: kind as JobKind,
    threadId: threadId as ThreadId,
    deviceId: deviceId as DeviceId,
    userId: userId as UserId,
  };
}

/** Names a dead letter: the key, where it cannot be mistaken in a URL. */
export function deadLetterId(key: JobKey): string {
  return Buffer.from(keyOfJob(key)).toString('base64url');
}

export function isLook({ kind }: JobKey): boolean {
  return kind === 'look' || kind === 'recheck';
}

/** Of what is put for devices, by key, all that there may be of a user in a thread. */
export function keysOfDevices(userId: UserId, threadId: ThreadId, devices: Iterable<DeviceId>): JobKey[] {
  const kinds = ['push', 'withdraw'] as const;
  return [...devices].flatMap((deviceId) => kinds.map((kind) => ({ kind, threadId, userId, deviceId })));
}

/** What the push service said, cut to what is kept. */
export function errorText(error: string): string {
  const bytes = Buffer.from(error);
  return bytes.length <= maxErrorBytes ? error : bytes.toString('utf8', 0, maxErrorBytes - 3).replace(/\uFFFD$/, '');
}

/**
 * A bucket that never lets more than `perS` out in any second, whichever second it is: it refills at 17 twentieths of that and holds one; the
 * rest is for requests that stood in a line on their way.
 */
export function bucketOf(perS: number): { readonly refillPerMs: number; readonly capacity: number } {
  return { refillPerMs: (perS * 0.85) / 1_000, capacity: Math.max(1, perS / 20) };
}
