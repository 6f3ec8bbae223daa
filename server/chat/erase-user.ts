import type { Clock } from '../core/clock.ts';
import type { Entry, ErasureRow } from '../core/entry.ts';
import { throwIfAborted } from '../core/errors.ts';
import { erasureLog, type ThreadId, threadLog, type UserId } from '../core/ids.ts';
import { rowKey } from '../core/rows.ts';
import type { NotifyQueue } from '../notify/queue.ts';
import type { Registry } from '../presence/registry.ts';
import type { Store } from '../store/store.ts';
import type { Appender } from './appender.ts';
import type { Caller } from './caller.ts';
import { believedMs, type Devices } from './devices.ts';
import { eraseAccount } from './erase-account.ts';
import { erasePage, ownIn } from './erase-page.ts';
import type { Groups } from './groups.ts';
import { compareIds } from './order.ts';

/** After this nothing new is begun in a call. What is begun takes a second or two on a busy Cassandra. */
const beginWithinMs = 7_000;
/** Entries that are gone through between two marks of how far it is. */
const pageEntries = 200;
/**
 * After their devices were removed no thread is begun for so long: other nodes believe a device for a while that it is there, and what a call
 * of it has brought then, or a receipt that waits there, takes a moment to be stored.
 */
const settleMs = believedMs + 2_000;

export interface EraseUserOptions {
  readonly store: Store;
  readonly registry: Registry;
  readonly appender: Appender;
  readonly devices: Devices;
  readonly groups: Groups;
  /** Undefined: nobody is notified. */
  readonly queue?: Pick<NotifyQueue, 'forget'> | undefined;
  readonly clock: Clock;
  /** What was remembered of the user's settings is old. */
  readonly onChange: () => void;
}

export interface ErasureReport extends Pick<ErasureRow, 'messages' | 'threads' | 'groups' | 'devices' | 'reactions'> {
  readonly done: boolean;
  readonly threadsLeft: number;
}

/** How far an erasure is, and the sequence of its mark. */
interface Mark {
  readonly sequence: bigint;
  readonly at: ErasureRow;
}

const nothing = { messages: 0, threads: 0, groups: 0, devices: 0, reactions: 0 };
const unbegun: ErasureRow = { stage: 'devices', threadsFromMs: 0, thread: '', after: 0n, upTo: 0n, ...nothing };

/**
 * Erases what is a user's, in marked steps: devices, then, when no node believes these any more, thread by thread in order of ids, then the account. A mark says what is done next, and
 * counts it; it is appended before that is done. So whoever takes up an erasure, on whichever node, does again at most one step, in which what is
 * erased already is passed over, and nothing is counted twice.
 */
export class EraseUser {
  readonly #options: EraseUserOptions;

  constructor(options: EraseUserOptions) {
    this.#options = options;
  }

  /** Goes on for some seconds. Of several calls at once each takes up where the others are. */
  async go(caller: Caller, userId: UserId, requestId: string): Promise<ErasureReport> {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + beginWithinMs;
    let threads = await this.#threadsOf(userId);
    let mark = (await this.#read(userId, requestId)) ?? (await this.#begin(caller, userId, requestId));
    while (mark.at.stage !== 'done' && clock.monotonicMs() < endMs) {
      throwIfAborted(caller.signal);
      await this.#do(caller, userId, mark.at);
      let next = await this.#next(userId, mark.at, threads);
      if (next.stage === 'account' && mark.at.stage === 'threads') {
        // Threads that the user came into since the call began.
        threads = await this.#threadsOf(userId);
        next = await this.#next(userId, mark.at, threads);
      }
      if (next === mark.at) break;
      mark = await this.#move(caller, userId, requestId, mark.sequence, next);
    }
    return reportOf(mark.at, threads);
  }

  async #begin(caller: Caller, userId: UserId, requestId: string): Promise<Mark> {
    const devices = (await this.#options.store.devices(userId)).filter(({ removed }) => !removed).length;
    return this.#move(caller, userId, requestId, 0n, { ...unbegun, devices });
  }

  /** Does what the mark says. */
  async #do(caller: Caller, userId: UserId, at: ErasureRow): Promise<void> {
    const { store, appender, devices, groups, queue, onChange } = this.#options;
    if (at.stage === 'devices') {
      const owner: Caller = { ...caller, userId };
      for (const { deviceId } of await store.devices(userId)) await devices.remove(owner, deviceId);
    } else if (at.stage === 'threads' && at.thread !== '') {
      await groups.takeOut(caller, at.thread, userId);
      await queue?.forget(userId, at.thread);
      const page = await this.#page(at.thread, at.after, at.upTo);
      await erasePage({ store, appender }, caller, at.thread, userId, page);
    } else if (at.stage === 'account') {
      await eraseAccount({ store, appender }, caller, userId, this.#options.clock.nowMs());
      onChange();
    }
  }

  /** What is to be done after that; the same mark: it has to wait. */
  async #next(userId: UserId, at: ErasureRow, threads: readonly ThreadId[]): Promise<ErasureRow> {
    const { store, clock } = this.#options;
    const nowMs = clock.nowMs();
    if (at.stage === 'devices') {
      const hasDevices = (await store.devices(userId)).length > 0;
      return { ...at, stage: 'threads', threadsFromMs: hasDevices ? nowMs + settleMs : 0 };
    }
    if (at.stage === 'account') return { ...at, stage: 'done' };
    // Where the clock was set back it would be far away.
    if (at.thread === '' && nowMs < at.threadsFromMs && at.threadsFromMs <= nowMs + settleMs) return at;
    if (at.thread !== '') {
      const page = await this.#page(at.thread, at.upTo, undefined);
      if (page.length > 0) return this.#counted(userId, at, at.thread, page);
    }
    const gone = at.thread === '' ? at : { ...at, threads: at.threads + 1 };
    const next = threads.find((threadId) => compareIds(threadId, at.thread) > 0);
    if (next !== undefined) {
      const groups = gone.groups + ((await this.#isInGroup(userId, next)) ? 1 : 0);
      const page = await this.#page(next, 0n, undefined);
      return this.#counted(userId, { ...gone, groups, upTo: 0n }, next, page);
    }
    // Their ends say when the user was last seen: what is forgotten before comes again.
    if (await this.#isConnected(userId)) return at;
    return { ...gone, stage: 'account', thread: '', after: 0n, upTo: 0n };
  }

  async #counted(userId: UserId, at: ErasureRow, thread: ThreadId, page: readonly Entry[]): Promise<ErasureRow> {
    const { messages, reactions } = await ownIn(this.#options.store, thread, userId, page);
    return {
      ...at,
      thread,
      after: at.upTo,
      upTo: page.at(-1)?.sequence ?? at.upTo,
      messages: at.messages + messages.length,
      reactions: at.reactions + reactions.length,
    };
  }

  /** Entries in (after, upTo], or, without the end, the next ones as far as one step goes. */
  async #page(thread: ThreadId, after: bigint, upTo: bigint | undefined): Promise<readonly Entry[]> {
    const { store } = this.#options;
    const end = upTo ?? (await store.head(threadLog(thread)))?.sequence ?? 0n;
    const page: Entry[] = [];
    for (let from = after; from < end && page.length < pageEntries;) {
      const range = { after: from, upTo: end, limit: pageEntries - page.length };
      const entries = await store.entries(threadLog(thread), range);
      const last = entries.at(-1);
      if (last === undefined) break;
      page.push(...entries);
      from = last.sequence;
    }
    return page;
  }

  async #isInGroup(userId: UserId, thread: ThreadId): Promise<boolean> {
    return thread.startsWith('g_') && (await this.#options.store.inboxRow(userId, thread))?.member === true;
  }

  /** Whether a session of a device that was removed has not ended yet. */
  async #isConnected(userId: UserId): Promise<boolean> {
    const { registry, store } = this.#options;
    const removed = new Set((await store.devices(userId)).filter((one) => one.removed).map(({ deviceId }) => deviceId));
    return (await registry.locate(userId)).some(({ deviceId }) => removed.has(deviceId));
  }

  /** All that the user is or was in, in order of ids. */
  async #threadsOf(userId: UserId): Promise<ThreadId[]> {
    const rows = await this.#options.store.inbox(userId, 0);
    return rows.map(({ threadId }) => threadId).toSorted(compareIds);
  }

  async #read(userId: UserId, requestId: string): Promise<Mark | undefined> {
    const row = await this.#options.store.row(erasureLog(userId), rowKey.erasure(requestId));
    return row === undefined ? undefined : { sequence: row.sequence, at: row.value as ErasureRow };
  }

  /** Marks what is done next. Where another call has marked meanwhile, its mark holds. */
  async #move(caller: Caller, userId: UserId, requestId: string, from: bigint, to: ErasureRow): Promise<Mark> {
    const { appender } = this.#options;
    let other: Mark | undefined;
    const result = await appender.appendRows(erasureLog(userId), async () => {
      other = await this.#read(userId, requestId);
      if ((other?.sequence ?? 0n) !== from) return [];
      const change = { kind: 'erasure-moved', requestId, ...to } as const;
      return [{ senderId: caller.userId, deviceId: caller.deviceId, clientMessageId: '', fingerprint: '', change }];
    });
    if (result?.outcome === 'appended') return { sequence: result.head.sequence, at: to };
    if (other === undefined) throw new Error('the erasure has lost its mark');
    return other;
  }
}

function reportOf(at: ErasureRow, threads: readonly ThreadId[]): ErasureReport {
  const { messages, groups, devices, reactions } = at;
  const isThrough = at.stage === 'account' || at.stage === 'done';
  const left = isThrough ? 0 : threads.filter((thread) => compareIds(thread, at.thread) >= 0).length;
  return { done: at.stage === 'done', messages, threads: at.threads, threadsLeft: left, groups, devices, reactions };
}
