import { chunksOf } from '../core/chunks.ts';
import { Refusal } from '../core/errors.ts';
import type { DeviceId, ThreadId, UserId } from '../core/ids.ts';
import { hexSequence } from '../core/rows.ts';
import { LinkDown, type RedisArgument } from '../redis/link.ts';
import type { Shards } from '../redis/shards.ts';
import { slotOf } from '../redis/slots.ts';
import {
  bucketOf,
  type DeadLetter,
  type DeadLetterPlace,
  deadLetterId,
  errorText,
  isLook,
  type Job,
  type JobKey,
  keptMs,
  keyOfJob,
  keysOfDevices,
  maxDeadLetters,
  type NewJob,
  type NotifyQueue,
  parseJobKey,
  type QueueBounds,
  queueBounds,
  type QueueCounts,
  roomFor,
} from './queue.ts';
import { quotaKey, type ShardKeys, shardKeys } from './redis/keys.ts';
import { loadScripts, type ScriptName } from './redis/scripts.ts';

export interface RedisQueueOptions extends Partial<QueueBounds> {
  /** Disposed with the queue. */
  readonly shards: Shards;
  /** Names the worker; another one for each process. */
  readonly nodeId: string;
  /** No braces. Default `parley:`. */
  readonly prefix?: string;
  /** For the log: what Redis answered instead of doing it. */
  readonly onProblem?: (problem: Error) => void;
}

/** Parts of the queue, over the masters of a Redis Cluster. The same for all nodes of a deployment, for good. */
const parts = 8;
/** Redis does nothing else meanwhile. */
const mostPerCall = 1_000;

/**
 * The queue of several nodes, in Redis: jobs by key, those that wait in a sorted set by time, those that a worker has in a stream with a consumer group,
 * from which others claim what a dead one held. A job and what belongs to it stand in one slot: of a look by its thread, of a push by its user.
 * What Redis acknowledged survives as its own persistence says (`appendonly yes`).
 */
export class RedisQueue implements NotifyQueue {
  readonly #shards: Shards;
  readonly #bounds: QueueBounds;
  readonly #nodeId: string;
  readonly #onProblem: (problem: Error) => void;
  readonly #scripts = loadScripts();
  readonly #parts: readonly ShardKeys[];
  readonly #quota: string;
  /** Where `take` begins next, so that no part is always last. */
  #turn = 0;

  constructor(options: RedisQueueOptions) {
    const prefix = options.prefix ?? 'parley:';
    this.#shards = options.shards;
    this.#bounds = { ...queueBounds, ...options };
    this.#nodeId = options.nodeId;
    this.#onProblem = options.onProblem ?? (() => undefined);
    this.#parts = Array.from({ length: parts }, (_, part) => shardKeys(prefix, part));
    this.#quota = quotaKey(prefix);
  }

  async put(jobs: readonly NewJob[]): Promise<readonly (number | undefined)[]> {
    const dueIn = new Map<NewJob, number>();
    const chunks = this.#byPart(jobs).flatMap(([part, all]) =>
      chunksOf(all, mostPerCall).map((some) => [part, some] as const),
    );
    await this.#fromParts(
      chunks.map(async ([{ jobs: all, due, looks, notified }, some]) => {
        const pushes = some.filter(({ kind }) => kind === 'push');
        const keys = [due, looks, ...pushes.map(({ threadId, userId }) => notified(threadId, userId))];
        const args = some.flatMap((job) => [
          keyOfJob(job),
          hexSequence(job.after),
          hexSequence(job.upTo),
          Math.ceil(job.delayMs),
          isLook(job) ? 1 : 0,
          job.kind === 'push' ? job.deviceId : '',
          Math.ceil(roomFor(job, this.#bounds) / parts),
        ]);
        const given = (await this.#run('put', [all, ...keys], [keptMs, ...args])) as number[];
        some.forEach((job, at) => {
          const ms = given[at] ?? -1;
          if (ms >= 0) dueIn.set(job, ms);
        });
      }),
    );
    return jobs.map((job) => dueIn.get(job));
  }

  async take(limit: number): Promise<readonly Job[]> {
    const begin = this.#turn++;
    const jobs: Job[] = [];
    const order = this.#parts.map((_, at) => this.#parts[(begin + at) % parts]).filter((part) => part !== undefined);
    // As many of each part, so that all can be asked at once.
    const each = Math.ceil(limit / parts);
    const given = await this.#fromParts(
      order.map(async ({ jobs: all, due, taken }, at) => {
        const some = Math.max(0, Math.min(each, limit - at * each));
        if (some === 0) return [];
        return this.#run('take', [all, due, taken], [some, this.#bounds.leaseMs, this.#nodeId]);
      }),
    );
    for (const [nowMs, ...rows] of given as string[][]) {
      for (let at = 0; at + 1 < rows.length; at += 2) {
        jobs.push(jobOf(rows[at] ?? '', rows[at + 1] ?? '', Number(nowMs)));
      }
    }
    return jobs;
  }

  async done(jobs: readonly Job[]): Promise<void> {
    await Promise.all(
      this.#byPart(jobs).map(([part, some]) =>
        this.#settle(
          part,
          some.flatMap((job) => [
            ...[keyOfJob(job), job.ticket, 'done', hexSequence(job.upTo)],
            ...[hexSequence(job.after), isLook(job) ? 1 : 0],
          ]),
        ),
      ),
    );
  }

  async again(job: Job, delayMs: number, counts: boolean): Promise<void> {
    const what = counts ? 'failed' : 'held';
    await this.#settle(this.#partOf(job), [keyOfJob(job), job.ticket, what, Math.ceil(delayMs), 0, 0]);
  }

  async bury(job: Job, error: string): Promise<void> {
    const letter = [job.tries, errorText(error), deadLetterId(job)];
    await this.#settle(this.#partOf(job), [keyOfJob(job), job.ticket, 'dead', ...letter]);
  }

  async notified(
    thread: ThreadId,
    users: readonly UserId[],
  ): Promise<readonly (ReadonlyMap<DeviceId, bigint> | undefined)[]> {
    const found = new Map<UserId, ReadonlyMap<DeviceId, bigint>>();
    await this.#fromParts(
      users.map(async (userId) => {
        const key = this.#partOf({ kind: 'push', threadId: thread, userId }).notified(thread, userId);
        const fields = (await this.#asked('notified', () => this.#shards.call(key, 'HGETALL', [key]))) as string[];
        const of = new Map<DeviceId, bigint>();
        for (let at = 0; at + 1 < fields.length; at += 2) {
          of.set((fields[at] ?? '') as DeviceId, BigInt(`0x${fields[at + 1]?.split(' ')[0] ?? '0'}`));
        }
        found.set(userId, of);
      }),
    );
    return users.map((userId) => found.get(userId));
  }

  async withdraw(userId: UserId, threadId: ThreadId, upTo: bigint): Promise<number> {
    const { jobs, due, notified } = this.#partOf({ kind: 'withdraw', threadId, userId });
    const keys = [jobs, due, notified(threadId, userId)] as const;
    return (await this.#run('withdraw', keys, [hexSequence(upTo), threadId, userId])) as number;
  }

  async forget(userId: UserId, threadId: ThreadId): Promise<void> {
    const [devices = new Map<DeviceId, bigint>()] = await this.notified(threadId, [userId]);
    if (devices.size === 0) return;
    const { jobs, due, dead, letters, notified } = this.#partOf({ kind: 'push', threadId, userId });
    const args = keysOfDevices(userId, threadId, devices.keys()).flatMap((key) => [keyOfJob(key), deadLetterId(key)]);
    await this.#run('forget', [jobs, due, dead, letters, notified(threadId, userId)], args);
  }

  async permits(want: number): Promise<{ readonly granted: number; readonly waitMs: number }> {
    const [granted = 0, waitMs = 0] = await this.#askQuota(want, 0);
    return { granted, waitMs };
  }

  async pause(forMs: number): Promise<void> {
    if (forMs > 0) await this.#askQuota(0, Math.ceil(forMs));
  }

  async counts(): Promise<QueueCounts> {
    let [looks, waiting, dead] = [0, 0, 0];
    for (const [all, ofLooks, ofDead] of await this.#letters(0)) {
      looks += Number(ofLooks);
      waiting += Number(all) - Number(ofLooks);
      dead += Number(ofDead);
    }
    return { looks, waiting, dead };
  }

  async deadLetters(limit: number, before?: DeadLetterPlace): Promise<readonly DeadLetter[]> {
    const letters: DeadLetter[] = [];
    for (const [, , , ...rows] of await this.#letters(limit, before)) {
      for (let at = 0; at + 1 < rows.length; at += 2) {
        letters.push(letterOf(String(rows[at]), String(rows[at + 1])));
      }
    }
    return letters.toSorted((a, b) => b.deadMs - a.deadMs || (a.id < b.id ? 1 : -1)).slice(0, limit);
  }

  async revive(id: string): Promise<boolean> {
    const key = Buffer.from(id, 'base64url').toString();
    const { dead, letters, jobs, due } = this.#partOf(parseJobKey(key));
    return (await this.#run('revive', [dead, letters, jobs, due], [id, key])) === 1;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#shards[Symbol.dispose]();
    return Promise.resolve();
  }

  #partOf(key: Pick<JobKey, 'kind' | 'threadId' | 'userId'>): ShardKeys {
    const part = this.#parts[slotOf(isLook(key as JobKey) ? key.threadId : key.userId) % parts];
    if (part === undefined) throw new RangeError('a part for each slot');
    return part;
  }

  #byPart<Any extends JobKey>(jobs: readonly Any[]): [ShardKeys, Any[]][] {
    const byPart = new Map<ShardKeys, Any[]>();
    for (const job of jobs) {
      const part = this.#partOf(job);
      const some = byPart.get(part);
      if (some === undefined) byPart.set(part, [job]);
      else some.push(job);
    }
    return [...byPart];
  }

  /** What the parts gave that can be reached: of the others what is asked next is asked too, and nothing of what these gave is lost. @throws what all threw */
  async #fromParts<Given>(asked: readonly Promise<Given>[]): Promise<Given[]> {
    const settled = await Promise.allSettled(asked);
    const failed = settled.find((one) => one.status === 'rejected');
    if (failed !== undefined && settled.every(({ status }) => status === 'rejected')) throw failed.reason;
    return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  }

  async #settle(part: ShardKeys, args: readonly RedisArgument[]): Promise<void> {
    const { jobs, due, looks, taken, dead, letters } = part;
    await this.#run('settle', [jobs, due, looks, taken, dead, letters], [Math.ceil(maxDeadLetters / parts), ...args]);
  }

  async #letters(limit: number, before?: DeadLetterPlace): Promise<(string | number)[][]> {
    const args = [limit, keptMs, before === undefined ? '+inf' : String(before.deadMs), before?.id ?? ''];
    const all = this.#parts.map(({ jobs, looks, dead, letters }) =>
      this.#run('letters', [jobs, looks, dead, letters], args),
    );
    return (await Promise.all(all)) as (string | number)[][];
  }

  async #askQuota(want: number, pauseMs: number): Promise<number[]> {
    const { refillPerMs, capacity } = bucketOf(this.#bounds.perS);
    return (await this.#run('quota', [this.#quota], [want, refillPerMs, capacity, pauseMs])) as number[];
  }

  #run(name: ScriptName, keys: readonly [string, ...string[]], args: readonly RedisArgument[]): Promise<unknown> {
    return this.#asked(name, () => this.#scripts[name].run(this.#shards, keys, args));
  }

  async #asked(name: string, ask: () => Promise<unknown>): Promise<unknown> {
    try {
      return await ask();
    } catch (error) {
      // A link that is down is reported where it is looked after.
      if (!(error instanceof LinkDown)) this.#onProblem(new Error(`notifications: ${name} failed`, { cause: error }));
      const message = 'the queue of notifications cannot be reached just now';
      throw new Refusal('STORE_UNAVAILABLE', message, { cause: error });
    }
  }
}

function jobOf(key: string, row: string, takenMs: number): Job {
  const [after = '', upTo = '', tries = '', madeMs = '', ticket = ''] = row.split(' ');
  return {
    ...parseJobKey(key),
    after: BigInt(`0x${after}`),
    upTo: BigInt(`0x${upTo}`),
    tries: Number(tries),
    madeMs: Number(madeMs),
    takenMs,
    ticket,
  };
}

function letterOf(id: string, row: string): DeadLetter {
  const [deadMs = '', sequence = '', tries = ''] = row.split(' ', 3);
  const error = row.slice(deadMs.length + sequence.length + tries.length + 3);
  const key = parseJobKey(Buffer.from(id, 'base64url').toString());
  return { ...key, id, deadMs: Number(deadMs), sequence: BigInt(`0x${sequence}`), tries: Number(tries), error };
}
