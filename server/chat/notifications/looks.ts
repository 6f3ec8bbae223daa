import { chunksOf } from '../../core/chunks.ts';
import type { Clock } from '../../core/clock.ts';
import type { Member } from '../../core/entry.ts';
import type { UserId } from '../../core/ids.ts';
import type { ThreadView, ThreadViews } from '../../delivery/thread-views.ts';
import type { Job, NewJob, NotifyQueue } from '../../notify/queue.ts';
import type { Registry } from '../../presence/registry.ts';
import type { Store } from '../../store/store.ts';
import { newMessages } from './new-messages.ts';
import type { PushDevices } from './push-devices.ts';
import type { QuietTimes } from './quiet-hours.ts';
import { newestFor, type NewMessage, wishesOf } from './rules.ts';

/** A thread in which much is said is not looked at more often. */
const leastDelayMs = 1_000;
/** Who has a live session has this long to acknowledge. */
const acknowledgeMs = 10_000;
/** Of so few members it is asked one by one whether those who count as online have a session: after a clean close they count so for a while. */
const fewMembers = 50;
/** Positions are read by range of a group with more members to look at. */
const fewPositions = 20;
const pageOfPositions = 1_000;
/** Members that are looked at together. */
const atOnce = 32;

interface Pushing {
  readonly jobs: readonly NewJob[];
  /** Members of whom it cannot be said now what their devices were notified of. */
  readonly unknown: number;
}

export interface LooksOptions {
  readonly store: Store;
  readonly registry: Registry;
  readonly views: ThreadViews;
  readonly queue: NotifyQueue;
  readonly devices: PushDevices;
  readonly quiet: QuietTimes;
  readonly clock: Clock;
  /** Of a group with more members only those who are mentioned are notified. */
  readonly groupMax: number;
}

/**
 * Finds out which devices are to be notified of a thread's new messages. The first look, a second after they came, is for members without a live
 * session; the second, ten seconds later, for every device that has not acknowledged, live or not: a session that is half dead looks alive.
 * Costs follow what is new: each new entry is read once a look, positions by range, devices only of members who lack something.
 */
export class Looks {
  readonly #options: LooksOptions;

  constructor(options: LooksOptions) {
    this.#options = options;
  }

  /** Settles the job. Rejects when something cannot be read: the job is to be given again. */
  async look(job: Job): Promise<void> {
    const { queue, views, store, devices } = this.#options;
    const view = await views.latest(job.threadId);
    if (view === undefined) return queue.done([job]);
    const { after, threadId, userId, deviceId } = job;
    const jobs: NewJob[] = [];
    let unknown = 0;
    const recheck = (upTo: bigint): void => {
      jobs.push({ kind: 'recheck', threadId, userId, deviceId, after, upTo, delayMs: acknowledgeMs });
    };
    let upTo = view.head.sequence;
    // Who had no device a moment ago may have one since: that is seen later, when nothing older is remembered.
    if ([...view.members.keys()].every((member) => devices.hasNone(member))) {
      recheck(upTo);
    } else {
      const found = await newMessages(store, threadId, { after, upTo, byMs: Infinity, aheadMs: Infinity });
      upTo = found.upTo;
      const candidates = this.#candidates(view, found.messages);
      const reachable = candidates.filter((member) => !devices.hasNone(member.userId));
      const absent = await this.#absentOf(reachable.map((member) => member.userId));
      const unseen = reachable.filter((member) => absent.has(member.userId));
      const pushes = await this.#pushes(view, unseen, found.messages);
      jobs.push(...pushes.jobs);
      unknown = pushes.unknown;
      // So is who is there, or may be.
      if (absent.size < candidates.length) recheck(upTo);
    }
    await this.#put(jobs, unknown);
    await queue.done([{ ...job, upTo }]);
  }

  /** As `look`, for whoever has not acknowledged. */
  async recheck(job: Job): Promise<void> {
    const { queue, views, store, clock } = this.#options;
    const view = await views.latest(job.threadId);
    if (view === undefined) return queue.done([job]);
    const { after, upTo, threadId, userId, deviceId } = job;
    const nowMs = clock.nowMs();
    const times = { byMs: nowMs - acknowledgeMs, aheadMs: nowMs + acknowledgeMs };
    const found = await newMessages(store, threadId, { after, upTo, ...times });
    const pushes = await this.#pushes(view, this.#candidates(view, found.messages), found.messages);
    const jobs = [...pushes.jobs];
    if (found.nextMs !== undefined) {
      // What came since has its own ten seconds.
      // The clock of who appended it may be ahead.
      const delayMs = Math.min(acknowledgeMs, Math.max(leastDelayMs, found.nextMs + acknowledgeMs - nowMs));
      jobs.push({ kind: 'recheck', threadId, userId, deviceId, after: found.upTo, upTo, delayMs });
    }
    await this.#put(jobs, pushes.unknown);
    await queue.done([{ ...job, upTo: found.upTo }]);
  }

  /** @throws Error when the queue does not take all, or cannot say all: nothing is forgotten, the thread is looked at again */
  async #put(jobs: readonly NewJob[], unknown: number): Promise<void> {
    const dueIn = jobs.length === 0 ? [] : await this.#options.queue.put(jobs);
    const refused = dueIn.filter((ms) => ms === undefined).length;
    if (refused + unknown > 0)
      throw new Error(
        `the queue of notifications did not take ${refused} of ${jobs.length}, nor say what ${unknown} were notified of`,
      );
  }

  /** Members whom a message may concern: somebody else wrote it, after they came in. */
  #candidates(view: ThreadView, messages: readonly NewMessage[]): Member[] {
    const newest = messages[0];
    if (newest === undefined) return [];
    const other = messages.find(({ senderId }) => senderId !== newest.senderId);
    let members = [...view.members.values()];
    if (members.length > this.#options.groupMax) {
      const mentioned = new Set(messages.flatMap(({ body }) => body.mentions));
      members = members.filter(({ userId }) => mentioned.has(userId));
    }
    return members.filter(({ userId, joinSequence }) => {
      const last = userId === newest.senderId ? other : newest;
      return last !== undefined && last.sequence > joinSequence;
    });
  }

  /** Those who have no session, as far as can be said: of whom nothing is known is not among them. */
  async #absentOf(users: readonly UserId[]): Promise<Set<UserId>> {
    const { registry } = this.#options;
    const presences = users.length === 0 ? [] : await registry.get(users);
    const absent = new Set<UserId>();
    const lingering: UserId[] = [];
    for (const { userId, state } of presences) {
      if (state === 'offline') absent.add(userId);
      else if (state === 'online' && users.length <= fewMembers) lingering.push(userId);
    }
    await Promise.all(
      lingering.map(async (userId) => {
        if ((await registry.locate(userId)).length === 0) absent.add(userId);
      }),
    );
    return absent;
  }

  async #pushes(view: ThreadView, candidates: readonly Member[], messages: readonly NewMessage[]): Promise<Pushing> {
    const { devices, queue } = this.#options;
    const reachable = candidates.filter(({ userId }) => !devices.hasNone(userId));
    if (reachable.length === 0) return { jobs: [], unknown: 0 };
    const read = await this.#readOf(view, reachable);
    const newest = messages[0]?.sequence ?? 0n;
    const unread = reachable.filter(({ userId }) => (read.get(userId) ?? 0n) < newest);
    const jobs: NewJob[] = [];
    let unknown = 0;
    for (const members of chunksOf(unread, atOnce)) {
      const notified = await queue.notified(
        view.threadId,
        members.map(({ userId }) => userId),
      );
      const found = await Promise.all(
        members.map(async (member, at) => {
          const of = notified[at];
          if (of === undefined) unknown += 1;
          return of === undefined ? [] : this.#pushesFor(view, member, messages, read.get(member.userId) ?? 0n, of);
        }),
      );
      jobs.push(...found.flat());
    }
    return { jobs, unknown };
  }

  async #pushesFor(
    view: ThreadView,
    { userId, joinSequence }: Member,
    messages: readonly NewMessage[],
    read: bigint,
    notified: ReadonlyMap<string, bigint>,
  ): Promise<NewJob[]> {
    const { store, devices, quiet, clock } = this.#options;
    const { threadId } = view;
    const last = messages[0]?.sequence ?? 0n;
    const lacking = (await devices.of(userId)).filter(({ deviceId }) => (notified.get(deviceId) ?? 0n) < last);
    if (lacking.length === 0) return [];
    const nowMs = clock.nowMs();
    const { account, level } = await wishesOf(store, userId, view, nowMs);
    const concerning = await newestFor(store, userId, level, joinSequence, messages);
    if (concerning === undefined || concerning.sequence <= read) return [];
    const { sequence } = concerning;
    const delayMs = quiet.leftMs(account.quietHours, nowMs);
    const jobs = lacking.map(async ({ deviceId }): Promise<NewJob[]> => {
      if ((notified.get(deviceId) ?? 0n) >= sequence) return [];
      const [acknowledged = 0n] = await store.devicePositions(userId, deviceId, [threadId]);
      if (acknowledged >= sequence) return [];
      return [{ kind: 'push', threadId, userId, deviceId, after: sequence - 1n, upTo: sequence, delayMs }];
    });
    return (await Promise.all(jobs)).flat();
  }

  async #readOf(view: ThreadView, members: readonly Member[]): Promise<Map<UserId, bigint>> {
    const { store } = this.#options;
    const read = new Map<UserId, bigint>();
    if (members.length <= fewPositions) {
      await Promise.all(
        members.map(async ({ userId }) => {
          const [position] = await store.positionsOf(userId, [view.threadId]);
          read.set(userId, position?.read ?? 0n);
        }),
      );
      return read;
    }
    let after: UserId | undefined;
    for (;;) {
      const range = { ...(after === undefined ? {} : { after }), limit: pageOfPositions };
      const positions = await store.positions(view.threadId, range);
      for (const position of positions) read.set(position.userId, position.read);
      if (positions.length < pageOfPositions) return read;
      after = positions.at(-1)?.userId;
    }
  }
}
