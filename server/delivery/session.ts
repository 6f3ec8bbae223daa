import { topicOf, type Topic } from '../bus/bus.ts';
import type { Entry } from '../core/entry.ts';
import { Refusal, threadNotFound } from '../core/errors.ts';
import type { BusEvent } from '../core/event.ts';
import { threadLog, type DeviceId, type SessionId, type ThreadId, type UserId } from '../core/ids.ts';
import { heartbeatTimeoutMs, type Presence } from '../core/presence.ts';
import type { DeliveryContext } from './context.ts';
import { EntryBatch } from './entry-batch.ts';
import type { Goodbye, GoodbyeReason, OutFrame, ReplyResult, Sink } from './frames.ts';
import type { TopicListener } from './hub.ts';
import { Outbox } from './outbox.ts';
import type { ThreadView } from './thread-views.ts';
import { Window } from './window.ts';

/** Threads that a session may have on screen, and groups it hears live at most. */
const maxOnScreen = 20;
const maxGroups = 100;
const maxWatched = 200;
/** A reader that takes nothing for this long is ended. */
export const stalledMs = 90_000;

export interface SessionIdentity {
  readonly sessionId: SessionId;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly startMs: number;
}

/** opening: what is heard waits in the log; live: it is told; ended: nothing is. */
export type Phase = 'opening' | 'live' | 'ended';

/**
 * One open stream of a device. What it hears goes through the window into the outbox; what is left out is told by
 * Skipped. It never asks who may hear what: the hub hands it entries with a view of the members.
 */
export class Session implements TopicListener {
  readonly identity: SessionIdentity;
  readonly outbox: Outbox;
  readonly window: Window;
  readonly #context: DeliveryContext;
  readonly #sink: Sink;
  phase: Phase = 'opening';
  /** Monotonic ms of the last heartbeat. */
  #heartMs: number;
  /** Wall ms of the last heartbeat, for last seen. */
  lastBeatMs: number;
  tokenExpiresMs: number;
  foreground = false;
  /** Everything of the user's own log up to here was told. */
  userSequence = 0n;
  userEpoch = 0n;
  tokenMadeMs = 0;
  /** Threads of which something was heard while opening, to be told from the log. */
  readonly heardWhileOpening = new Map<ThreadId, EntryBatch>();
  /** Groups heard live, the most recently active last. */
  readonly #groups = new Set<ThreadId>();
  #onScreen: Set<ThreadId> | undefined;
  #watched: Set<UserId> | undefined;
  #handingOver = false;
  onEnd: ((goodbye: Goodbye) => void) | undefined;

  constructor(identity: SessionIdentity, tokenExpiresMs: number, sink: Sink, context: DeliveryContext) {
    this.identity = identity;
    this.tokenExpiresMs = tokenExpiresMs;
    this.#context = context;
    this.#sink = sink;
    this.outbox = new Outbox(sink, context.encode, context.flusher);
    this.window = new Window(context.limits.windowEntries, context.limits.windowBytes);
    this.#heartMs = context.clock.monotonicMs();
    this.lastBeatMs = context.clock.nowMs();
  }

  // ---- what the device says -------------------------------------------------------------------

  reply(requestId: bigint, result: ReplyResult): void {
    if (requestId !== 0n && this.phase !== 'ended') this.outbox.push({ type: 'reply', requestId, result });
  }

  /** The device holds the thread up to `upTo`. @throws Refusal POSITION_AHEAD or THREAD_NOT_FOUND */
  async acknowledge(threadId: ThreadId, upTo: bigint): Promise<void> {
    const feed = this.window.feed(threadId);
    // What was told to this device is its to acknowledge, without a look anywhere.
    if (feed === undefined || upTo >= feed.next) await this.#checkPosition(threadId, upTo);
    if (upTo === 0n) return;
    const { userId, deviceId } = this.identity;
    this.#context.receipts.advanceDelivered(userId, deviceId, threadId, upTo);
    this.window.acknowledge(threadId, upTo);
    this.tellSkips();
  }

  /** @throws Refusal POSITION_AHEAD or THREAD_NOT_FOUND */
  async markRead(threadId: ThreadId, upTo: bigint): Promise<void> {
    await this.#checkPosition(threadId, upTo);
    if (upTo > 0n) this.#context.receipts.advanceRead(this.identity.userId, threadId, upTo, this.identity.sessionId);
  }

  async #checkPosition(threadId: ThreadId, upTo: bigint): Promise<void> {
    const { userId } = this.identity;
    const view = await this.#context.views.get(threadId);
    if (view === undefined) throw threadNotFound();
    let highest = view.head.sequence;
    if (!view.members.has(userId)) {
      const row = await this.#context.store.inboxRow(userId, threadId);
      if (row === undefined) throw threadNotFound();
      highest = row.sequence;
    }
    if (upTo > highest) {
      const message = `the thread has nothing above sequence ${highest}: acknowledge only what you were given`;
      throw new Refusal('POSITION_AHEAD', message);
    }
  }

  heartbeat(foreground: boolean): void {
    const { clock, resumeTokens } = this.#context;
    this.foreground = foreground;
    this.lastBeatMs = clock.nowMs();
    this.#heartMs = clock.monotonicMs();
    const fresh = this.phase === 'live' && !this.window.skipping && this.#heartMs - this.tokenMadeMs >= 60_000;
    const resumeToken = fresh ? this.makeToken() : resumeTokens.none;
    this.outbox.replace('heartbeat', { type: 'heartbeat-reply', nowMs: this.lastBeatMs, resumeToken });
  }

  /** The device gave a newer token of its user. */
  reauthenticated(tokenExpiresMs: number): void {
    if (tokenExpiresMs > this.tokenExpiresMs) this.tokenExpiresMs = tokenExpiresMs;
  }

  /** A token for what has been told up to now. */
  makeToken(): Buffer {
    const { clock, resumeTokens } = this.#context;
    const { userId, deviceId } = this.identity;
    this.tokenMadeMs = clock.monotonicMs();
    const nowMs = clock.nowMs();
    // What was accepted in these last seconds may still be on its way here: it is told again next time.
    const inboxMs = Math.max(0, nowMs - 10_000);
    const { userSequence, userEpoch: epoch } = this;
    return resumeTokens.make({ userId, deviceId, userSequence, inboxMs, epoch, madeMs: nowMs });
  }

  /** The user types, or stopped. @throws Refusal THREAD_NOT_FOUND */
  async typing(threadId: ThreadId, active: boolean): Promise<void> {
    const { userId, sessionId: origin } = this.identity;
    const view = await this.#member(threadId);
    const event: BusEvent = { type: 'typing', threadId, userId, active, origin };
    const topics =
      view.info.kind === 'group' ? [topicOf.thread(threadId)] : [...view.members.keys()].map(topicOf.user);
    for (const topic of topics) await this.#context.bus.publish(topic, event).catch(() => undefined);
  }

  /** The thread is on screen: its receipts and typing are told too. @throws Refusal THREAD_NOT_FOUND or LIMIT_REACHED */
  async subscribe(threadId: ThreadId): Promise<void> {
    const view = await this.#member(threadId);
    this.#onScreen ??= new Set();
    if (this.#onScreen.size >= maxOnScreen && !this.#onScreen.has(threadId)) {
      throw new Refusal('LIMIT_REACHED', `at most ${maxOnScreen} threads at once: unsubscribe from one first`);
    }
    this.#onScreen.add(threadId);
    if (view.info.kind !== 'group') return;
    await this.hearGroup(threadId);
    await this.#context.groupReceipts.join(threadId, this);
  }

  unsubscribe(threadId: ThreadId): void {
    if (this.#onScreen?.delete(threadId) === true) this.#context.groupReceipts.leave(threadId, this);
  }

  onScreen(threadId: ThreadId): boolean {
    return this.#onScreen?.has(threadId) ?? false;
  }

  async #member(threadId: ThreadId): Promise<ThreadView> {
    const view = await this.#context.views.get(threadId);
    if (view === undefined || !view.members.has(this.identity.userId)) throw threadNotFound();
    return view;
  }

  /** From now on the presence of these users is told, and of no others. @throws Refusal LIMIT_REACHED */
  async watchPresence(users: readonly UserId[]): Promise<void> {
    if (users.length > maxWatched) throw new Refusal('LIMIT_REACHED', `at most ${maxWatched} users can be watched`);
    const { hub, policy, registry, clock } = this.#context;
    const wanted = new Set(users);
    for (const user of this.#watched ?? []) if (!wanted.has(user)) hub.leave(topicOf.presence(user), this);
    this.#watched = wanted;
    await Promise.all([...wanted].map((user) => hub.join(topicOf.presence(user), this)));
    const presences = await registry.get([...wanted]);
    const visible = await Promise.all([...wanted].map((user) => policy.canSeePresence(this.identity.userId, user)));
    const asOfMs = clock.nowMs();
    const told = presences.map((presence, index): Presence => {
      if (visible[index] === true) return presence;
      return { userId: presence.userId, state: 'hidden', lastSeenMs: 0, asOfMs };
    });
    if (told.length > 0 && this.phase !== 'ended') this.outbox.push({ type: 'presences', presences: told });
  }

  // ---- what it hears --------------------------------------------------------------------------

  hearEntries(batch: EntryBatch, view: ThreadView): void {
    if (this.phase === 'ended') return;
    const { threadId } = batch;
    const { userId } = this.identity;
    let heard = batch;
    if (!view.members.has(userId)) {
      // Their own removal is the last that they hear.
      const removal = lastRemoval(batch.entries, userId);
      if (removal === undefined) return this.forgetGroup(threadId);
      const part = batch.part(0n, removal.sequence);
      if (part === undefined) return;
      heard = part;
    }
    if (this.phase === 'opening') {
      this.heardWhileOpening.set(threadId, heard);
      return;
    }
    if (view.info.kind === 'group' && !this.#groups.has(threadId)) {
      // Heard by the user's own topic: a group they came into. A removed one's last entry is simply told.
      if (view.members.has(userId)) return void this.#enter(threadId, view, heard);
    }
    this.tell(heard);
    if (heard !== batch || !view.members.has(userId)) this.forgetGroup(threadId);
  }

  /** Tells the entries that are due; reads what is missing before them. */
  tell(batch: EntryBatch): void {
    const feed = this.window.feed(batch.threadId) ?? this.window.open(batch.threadId, batch.first);
    if (batch.last < feed.next || feed.repairing) return;
    if (batch.first > feed.next) return void this.#repair(batch.threadId, feed.next);
    const due = batch.part(feed.next, batch.last);
    if (due === undefined) return;
    if (due.origin === this.identity.sessionId) {
      // The device has the replies; they stand for the entries.
      if (feed.skipFrom === 0n) feed.next = due.last + 1n;
      else this.window.admit(feed, due.last, due.entries.length, due.bytes);
      return;
    }
    if (!this.window.admit(feed, due.last, due.entries.length, due.bytes)) return;
    this.outbox.pushBytes(due.encoded(this.#context.encode));
  }

  /** Tells a thread's entries from `from` up to its head, read from the log. Live ones meanwhile wait there. */
  async #repair(threadId: ThreadId, from: bigint): Promise<void> {
    const feed = this.window.feed(threadId);
    if (feed === undefined) return;
    feed.repairing = true;
    try {
      await this.catchUp(threadId, from);
    } catch {
      // The store cannot be read: the device sees the gap by the next entry's sequence and asks itself.
      feed.next = (this.#context.views.peek(threadId)?.head.sequence ?? feed.next) + 1n;
    } finally {
      feed.repairing = false;
    }
  }

  /** Reads and tells everything from `from` to the head, until nothing newer was heard of. */
  async catchUp(threadId: ThreadId, from: bigint, upTo?: bigint): Promise<void> {
    let next = from;
    for (;;) {
      const head = (await this.#context.views.get(threadId))?.head;
      const last = head === undefined || (upTo !== undefined && upTo < head.sequence) ? (upTo ?? 0n) : head.sequence;
      if (head === undefined || next > last || this.phase === 'ended') return;
      const range = { after: next - 1n, upTo: last, limit: 200 };
      const entries = await this.#context.store.entries(threadLog(threadId), range);
      const feed = this.window.feed(threadId);
      if (entries.length === 0 || feed === undefined) return;
      const batch = new EntryBatch(threadId, head, entries, undefined);
      next = batch.last + 1n;
      const due = batch.part(feed.next, batch.last);
      if (due === undefined) continue;
      if (this.window.admit(feed, due.last, due.entries.length, due.bytes)) {
        this.outbox.pushBytes(due.encoded(this.#context.encode));
      }
    }
  }

  async #enter(threadId: ThreadId, view: ThreadView, batch: EntryBatch): Promise<void> {
    const joined = view.members.get(this.identity.userId)?.joinSequence ?? batch.first;
    this.window.open(threadId, joined);
    await this.hearGroup(threadId).catch(() => undefined);
    const feed = this.window.feed(threadId);
    if (feed !== undefined) await this.#repair(threadId, feed.next);
  }

  /** Joins a group's topic; the one longest without news gives way when there are too many. */
  async hearGroup(threadId: ThreadId): Promise<void> {
    if (this.#groups.has(threadId)) return;
    this.#groups.add(threadId);
    if (this.#groups.size > maxGroups) {
      for (const oldest of this.#groups) {
        if (this.onScreen(oldest)) continue;
        this.#groups.delete(oldest);
        this.#context.hub.leave(topicOf.thread(oldest), this);
        break;
      }
    }
    await this.#context.hub.join(topicOf.thread(threadId), this);
    if (this.phase === 'ended') this.#context.hub.leave(topicOf.thread(threadId), this);
  }

  /** A group that was heard of while opening: live from now on for a member, no more for others. */
  async settleGroup(threadId: ThreadId): Promise<void> {
    const view = await this.#context.views.get(threadId);
    if (view?.info.kind !== 'group') return;
    if (view.members.has(this.identity.userId)) await this.hearGroup(threadId);
    else this.forgetGroup(threadId);
  }

  forgetGroup(threadId: ThreadId): void {
    this.unsubscribe(threadId);
    if (this.#groups.delete(threadId)) this.#context.hub.leave(topicOf.thread(threadId), this);
  }

  hearEvent(event: BusEvent): void {
    if (this.phase === 'ended') return;
    const { userId, deviceId, sessionId, startMs } = this.identity;
    switch (event.type) {
      case 'session-opened': {
        if (event.deviceId !== deviceId || event.sessionId === sessionId) return;
        const newer = event.startMs > startMs || (event.startMs === startMs && event.sessionId > sessionId);
        if (!newer) return;
        if (event.handOver) this.#handingOver = true;
        else this.end('superseded', 'a newer session of this device took over');
        return;
      }
      case 'session-caught-up':
        if (this.#handingOver && event.deviceId === deviceId && event.sessionId !== sessionId) {
          this.end('handed-over', 'the newer session of this device has caught up');
        }
        return;
      case 'user-entries':
        if (this.phase === 'live') this.tellUserEntries(event.entries);
        return;
      case 'positions':
        if (this.phase === 'live') this.#context.receiptFrames.positions(this, event);
        return;
      case 'typing':
        if (event.origin === sessionId || event.userId === userId || !this.onScreen(event.threadId)) return;
        this.#context.receiptFrames.typing(this, event);
        return;
      case 'presence': {
        const { presence } = event;
        if (this.#watched?.has(presence.userId) !== true) return;
        void this.#context.policy.canSeePresence(userId, presence.userId).then(
          (visible) => {
            if (!visible || this.phase === 'ended') return;
            this.outbox.replace(`p${presence.userId}`, { type: 'presences', presences: [presence] });
          },
          () => undefined,
        );
        return;
      }
      default:
    }
  }

  tellUserEntries(entries: readonly Entry[]): void {
    const due = entries.filter((entry) => entry.sequence > this.userSequence);
    const last = due.at(-1);
    if (last === undefined) return;
    this.userSequence = last.sequence;
    this.outbox.push({ type: 'user-entries', entries: due });
  }

  tellSkips(): void {
    for (const { threadId, from, to } of this.window.takeSkips()) {
      this.outbox.push({ type: 'skipped', threadId, from, to, reason: 'window-full' });
    }
  }

  push(frame: OutFrame): void {
    if (this.phase !== 'ended') this.outbox.push(frame);
  }

  // ---- its end --------------------------------------------------------------------------------

  /** Looks whether it is time to end: no heartbeat for 60 s, nothing taken for 90 s, token over. Returns monotonic ms of the next look. */
  check(nowMs: number): number {
    if (this.phase === 'ended') return Infinity;
    const stalled = this.outbox.stalledSinceMs;
    const silentAt = this.#heartMs + heartbeatTimeoutMs;
    const tokenAt = nowMs + this.tokenExpiresMs - this.#context.clock.nowMs();
    if (stalled > 0 && nowMs >= stalled + stalledMs) this.end('too-slow', 'nothing could be written for 90 s');
    else if (nowMs >= silentAt) this.end('heartbeat-missed', 'no heartbeat for 60 s');
    else if (nowMs >= tokenAt) this.end('token-expired', 'the token has expired: open a stream with a new one');
    else return Math.min(silentAt, tokenAt, stalled > 0 ? stalled + stalledMs : Infinity);
    return Infinity;
  }

  /** Asks the device to move to another node; the stream lives on until it has. */
  sayDraining(): void {
    this.push({ type: 'goodbye', goodbye: this.#context.goodbyeOf('draining', 'the node shuts down: hand over') });
  }

  /** Ends the stream of a device that has not moved in time. It has had its goodbye. */
  endDrained(): void {
    if (this.phase === 'ended') return;
    const goodbye = this.#context.goodbyeOf('draining', 'the node shuts down');
    this.outbox.flush();
    this.close(goodbye);
    this.#sink.end(goodbye, undefined);
  }

  /** Says goodbye and ends the stream. */
  end(reason: GoodbyeReason, message: string, refusal?: Refusal): void {
    if (this.phase === 'ended') return;
    const goodbye = this.#context.goodbyeOf(reason, message);
    // A peer that takes nothing would hold the last frame, and with it the stream, for ever.
    const frozen = this.outbox.stalledSinceMs > 0;
    if (!frozen) {
      this.outbox.push({ type: 'goodbye', goodbye });
      this.outbox.flush();
    }
    this.close(goodbye);
    this.#sink.end(goodbye, refusal);
    if (frozen) this.#sink.destroy();
  }

  /** Lets go of everything. Called once, also when the stream broke. */
  close(goodbye: Goodbye): void {
    if (this.phase === 'ended') return;
    this.phase = 'ended';
    const topics: Topic[] = [topicOf.user(this.identity.userId)];
    for (const group of this.#groups) topics.push(topicOf.thread(group));
    for (const user of this.#watched ?? []) topics.push(topicOf.presence(user));
    for (const topic of topics) this.#context.hub.leave(topic, this);
    for (const thread of this.#onScreen ?? []) this.#context.groupReceipts.leave(thread, this);
    this.#groups.clear();
    this.heardWhileOpening.clear();
    this.onEnd?.(goodbye);
  }
}

function lastRemoval(entries: readonly Entry[], userId: UserId): Entry | undefined {
  return entries.findLast(({ change }) => change.kind === 'member-removed' && change.userId === userId);
}
