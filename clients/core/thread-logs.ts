import type { Entry, ThreadKind } from '#proto/parley/v1/entry.ts';
import type { EntriesAppended, SendResult, Skipped } from '#proto/parley/v1/stream_service.ts';
import type { Message, ThreadHead } from '#proto/parley/v1/thread.ts';
import type { Acks } from './acks.ts';
import type { Caller } from './caller.ts';
import type { Draft } from './draft.ts';
import type { Emitter } from './emitter.ts';
import type { ClientEvents } from './events.ts';
import { entryOfDraft, Fold, messageOf } from './fold.ts';
import type { Item } from './fold.ts';
import type { Repair } from './repair.ts';
import { Timeline } from './timeline.ts';
import type { Step } from './timeline.ts';
import { msOf } from './times.ts';

/** Entries asked for in one page when filling a hole: the most the server gives. */
const pageSize = 1000;
/** Threads with holes that are filled without being asked for where the rest is left to history. */
const mostFilled = 100;

export interface LogOptions {
  /** Lines kept folded per thread; 0 = none, only events are told. */
  readonly keepItems: number;
  /** What to do about entries that were left out of the stream. */
  readonly skipped: 'fetch' | 'history';
  /** Whether what was told counts as held, or the application says so itself. */
  readonly acknowledge: 'when-told' | 'by-hand';
}

const THREAD_KIND = {
  direct: 1 satisfies ThreadKind.THREAD_KIND_DIRECT,
  group: 2 satisfies ThreadKind.THREAD_KIND_GROUP,
} as const;

interface ThreadLog {
  readonly timeline: Timeline<Entry>;
  readonly fold: Fold | undefined;
  head: ThreadHead | undefined;
  /** The stream has said that it does not bring what is up to here. */
  skippedTo: bigint;
  read: bigint;
  unread: bigint;
  /** `unread` counts what is up to here. */
  unreadAsOf: bigint;
  /** The last one told. */
  last: Entry | undefined;
}

interface Rooms {
  readonly emitter: Emitter<ClientEvents>;
  readonly acks: Acks;
  readonly repair: Repair;
  readonly caller: Caller;
  readonly me: () => string;
  readonly restarted: (threadId: string) => void;
  /** Somebody's message came. */
  readonly wrote: (threadId: string, userId: string) => void;
}

/** The threads' logs on this device: takes in what streams and calls bring, tells each entry once and in order. */
export class ThreadLogs {
  readonly #options: LogOptions;
  readonly #rooms: Rooms;
  readonly #logs = new Map<string, ThreadLog>();

  constructor(options: LogOptions, rooms: Rooms) {
    this.#options = options;
    this.#rooms = rooms;
  }

  get threadIds(): string[] {
    return [...this.#logs.keys()];
  }

  head(threadId: string): ThreadHead | undefined {
    return this.#logs.get(threadId)?.head;
  }

  fold(threadId: string): Fold | undefined {
    return this.#logs.get(threadId)?.fold;
  }

  /** Everything up to here is held. */
  held(threadId: string): bigint {
    return this.#logs.get(threadId)?.timeline.held ?? 0n;
  }

  unread(threadId: string): number {
    return Number(this.#logs.get(threadId)?.unread ?? 0n);
  }

  /** `opening`: the stream is not caught up; what it tells as acknowledged is what the server really has. */
  heads(heads: readonly ThreadHead[], opening: boolean): void {
    for (const head of heads) {
      const { threadId } = head;
      const log = this.#log(threadId);
      if (log.head === undefined || log.head.epoch !== head.epoch || head.sequence >= log.head.sequence) {
        log.head = head;
        log.unread = head.unreadCount;
        log.unreadAsOf = head.sequence;
        if (head.readSequence > log.read) log.read = head.readSequence;
      }
      if (opening) this.#rooms.acks.serverHas(threadId, head.deliveredSequence);
      this.#took(threadId, log, log.timeline.head(head), 0);
    }
    this.#rooms.emitter.emit('heads', heads);
  }

  appended(frame: EntriesAppended): void {
    const log = this.#log(frame.threadId);
    this.#took(frame.threadId, log, log.timeline.entries(frame.epoch, frame.entries), frame.entries.length);
  }

  skipped(threadId: string, frame: Skipped): void {
    const log = this.#log(threadId);
    // What is left to history counts as held, and would be erased.
    const fetched = this.#options.skipped === 'fetch' || frame.heldUntilAcknowledged;
    if (!fetched && frame.to > log.timeline.held) log.fold?.leave(frame.to);
    log.timeline.skipped(frame.to);
    const { from, to, reason } = frame;
    this.#rooms.emitter.emit('skipped', { threadId, from, to, reason, fetched });
    if (fetched) {
      if (frame.to > log.skippedTo) log.skippedTo = frame.to;
      this.#look(threadId, log);
    } else this.#took(threadId, log, log.timeline.leave(frame.to), 0);
  }

  /** The user's own message has its place: the stream it was sent on does not bring it. */
  sent(draft: Draft, deviceId: string, result: SendResult): void {
    const log = this.#log(draft.threadId);
    if (result.duplicate) {
      // It may have been edited since: only the log says what it is now.
      log.timeline.skipped(result.sequence);
      this.#look(draft.threadId, log);
      return;
    }
    const entry = entryOfDraft(draft, this.#rooms.me(), deviceId, result);
    this.#took(draft.threadId, log, log.timeline.entries(result.epoch, [entry]), 0);
  }

  /** Puts messages that were read from history among those held. */
  putHistory(threadId: string, messages: readonly Message[], head: ThreadHead | undefined): void {
    const items = messages.map((message) => ({ kind: 'message', sequence: message.sequence, message }) as const);
    this.#log(threadId).fold?.put(items, head?.sequence ?? 0n);
  }

  /** Puts lines among those held that were kept when the thread was held up to `asOf`; of another epoch: they are void. */
  putKept(threadId: string, epoch: bigint, items: readonly Item[], asOf: bigint): void {
    const log = this.#log(threadId);
    if (log.timeline.epoch === 0n || log.timeline.epoch === epoch) log.fold?.put(items, asOf);
  }

  /** Takes in what an earlier process held of a thread; see `place`. Before the first stream. */
  restore(head: ThreadHead): void {
    const log = this.#log(head.threadId);
    log.timeline.restore(head.epoch, head.deliveredSequence);
    // What was told and never came is asked for once the stream is live.
    log.timeline.skipped(head.sequence);
    log.head = head;
    log.read = head.readSequence;
    log.unread = head.unreadCount;
    log.unreadAsOf = head.sequence;
    // The last acknowledgement may be lost with the process that made it.
    if (this.#options.acknowledge === 'when-told') this.#rooms.acks.kept(head.threadId, log.timeline.held);
  }

  /** Where a thread stands here: its head with what came since, and what this device holds as `deliveredSequence`. */
  place(threadId: string): ThreadHead | undefined {
    const log = this.#logs.get(threadId);
    if (log === undefined || log.timeline.epoch === 0n) return undefined;
    const { head, last, timeline } = log;
    const newer = last !== undefined && last.sequence > (head?.sequence ?? 0n) ? last : undefined;
    return {
      threadId,
      epoch: timeline.epoch,
      sequence: timeline.told,
      ordinal: newer?.ordinal ?? head?.ordinal ?? 0n,
      visibleFromSequence: head?.visibleFromSequence ?? 0n,
      unreadCount: log.unread,
      readSequence: log.read,
      deliveredSequence: timeline.held,
      activityTime: newer?.createTime ?? head?.activityTime,
      kind: head?.kind ?? (threadId.startsWith('g') ? THREAD_KIND.group : THREAD_KIND.direct),
      member: head?.member ?? true,
    };
  }

  /** The user's read position is here now, whoever moved it. Answers whether it grew. */
  readTo(threadId: string, upTo: bigint, unread?: bigint): boolean {
    const log = this.#log(threadId);
    if (upTo <= log.read) return false;
    log.read = upTo;
    if (unread !== undefined) log.unread = unread;
    else if (upTo >= log.timeline.held) log.unread = 0n;
    else log.unread = BigInt(this.#messagesAfter(log, upTo));
    return true;
  }

  /**
   * The server holds another life of its store, of this epoch: what was kept of every thread is void at once, before anything
   * more is acknowledged. Threads that are still there follow as heads; of the others nothing stays.
   */
  startOver(epoch: bigint): void {
    for (const [threadId, log] of this.#logs) {
      const step = log.timeline.entries(epoch, []);
      if (!step.restarted) continue;
      log.head = undefined;
      log.unread = 0n;
      this.#took(threadId, log, step, 0);
    }
  }

  /**
   * The stream is live: what is missing now, it will not bring. The most recently active threads come first. Where the rest is left to
   * history, only they and those on screen are filled: a device that comes back after long has holes in thousands, and nobody looks at
   * them. Each of the others is filled when it comes on screen, or when something happens in it.
   */
  lookAtAll(isOnScreen: (threadId: string) => boolean): void {
    const open = [...this.#logs].filter(([, log]) => log.timeline.missing !== undefined);
    open.sort(([, a], [, b]) => activityOf(b) - activityOf(a));
    const most = this.#options.skipped === 'fetch' ? open.length : mostFilled;
    open.forEach(([threadId, log], at) => {
      if (at < most || isOnScreen(threadId)) this.#look(threadId, log);
    });
  }

  /** The thread comes on screen: what is missing of it is wanted. */
  look(threadId: string): void {
    const log = this.#logs.get(threadId);
    if (log !== undefined) this.#look(threadId, log);
  }

  #log(threadId: string): ThreadLog {
    let log = this.#logs.get(threadId);
    if (log === undefined) {
      const { keepItems } = this.#options;
      const fold = keepItems > 0 ? new Fold(this.#rooms.me, keepItems) : undefined;
      log = {
        timeline: new Timeline(),
        fold,
        head: undefined,
        skippedTo: 0n,
        read: 0n,
        unread: 0n,
        unreadAsOf: 0n,
        last: undefined,
      };
      this.#logs.set(threadId, log);
    }
    return log;
  }

  #took(threadId: string, log: ThreadLog, step: Step<Entry>, fromStream: number): void {
    if (step.restarted) {
      log.fold?.clear();
      log.last = undefined;
      log.read = 0n;
      log.unreadAsOf = 0n;
      log.skippedTo = 0n;
      this.#rooms.acks.forget(threadId);
      this.#rooms.restarted(threadId);
      this.#rooms.emitter.emit('restarted', { threadId, epoch: log.timeline.epoch });
    }
    for (const entry of step.applied) this.#tell(threadId, log, entry);
    if (this.#options.acknowledge === 'when-told') {
      this.#rooms.acks.holds(threadId, log.timeline.held, fromStream);
    }
    this.#look(threadId, log);
  }

  #tell(threadId: string, log: ThreadLog, entry: Entry): void {
    const { emitter } = this.#rooms;
    const posted = entry.kind?.$case === 'message' ? entry.kind.value : undefined;
    log.last = entry;
    if (posted !== undefined && entry.sequence > log.unreadAsOf) {
      if (entry.senderId !== this.#rooms.me() && entry.sequence > log.read) log.unread += 1n;
      log.unreadAsOf = entry.sequence;
    }
    if (posted !== undefined) this.#rooms.wrote(threadId, entry.senderId);
    const change = log.fold?.apply(entry);
    emitter.emit('entry', { threadId, epoch: log.timeline.epoch, entry });
    if (!emitter.hears('message')) return;
    if (change === undefined) {
      if (posted !== undefined) emitter.emit('message', { threadId, message: messageOf(entry, posted), added: true });
    } else if (change.added?.kind === 'message') {
      emitter.emit('message', { threadId, message: change.added.message, added: true });
    } else if (change.changed !== undefined) {
      emitter.emit('message', { threadId, message: change.changed, added: false });
    }
  }

  #look(threadId: string, log: ThreadLog): void {
    const { timeline } = log;
    // What was skipped, nobody brings: there is nothing to wait for.
    const now = timeline.held < log.skippedTo;
    this.#rooms.repair.look(
      threadId,
      {
        hole: () => timeline.missing?.after,
        fetch: async (signal) => {
          const { missing } = timeline;
          if (missing === undefined) return;
          const request = { threadId, afterSequence: missing.after, upToSequence: 0n, pageSize };
          const path = '/parley.v1.HistoryService/ListEntries';
          const { entries, head } = await this.#rooms.caller.call(path, request, { signal });
          if (head === undefined || signal.aborted) return;
          this.#took(threadId, log, timeline.page(missing.after, entries, head), 0);
        },
      },
      now,
    );
  }

  #messagesAfter(log: ThreadLog, upTo: bigint): number {
    return log.fold?.items().filter((item) => item.kind === 'message' && item.sequence > upTo).length ?? 0;
  }
}

function activityOf({ head }: ThreadLog): number {
  return msOf(head?.activityTime) ?? 0;
}
