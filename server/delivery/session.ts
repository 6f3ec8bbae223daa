import { topicOf, type Topic } from '../bus/bus.ts';
import type { Entry } from '../core/entry.ts';
import { Refusal, threadNotFound } from '../core/errors.ts';
import type { BusEvent } from '../core/event.ts';
import { threadLog, type DeviceId, type SessionId, type ThreadId, type UserId } from '../core/ids.ts';
import { heartbeatTimeoutMs, type Presence } from '../core/presence.ts';
import { SessionChannels } from './channels/session-channels.ts';
import type { DeliveryContext } from './context.ts';
import type { EntryBatch } from './entry-batch.ts';
import { signedOut, signsOut, tokenExpired } from './ends.ts';
import type { Goodbye, GoodbyeReason, OutFrame, ReplyResult, Sink } from './frames.ts';
import type { TopicListener } from './hub.ts';
import { Outbox } from './outbox.ts';
import { ThreadFeeds } from './thread-feeds.ts';
import type { ThreadView } from './thread-views.ts';

/** Threads that a session may have on screen, and users it may watch. */
const maxOnScreen = 20;
const maxWatched = 200;
/** A reader that takes nothing for this long is ended. */
const stalledMs = 90_000;
/** One that takes nothing for this long is not waited for when its stream ends: it is frozen, not in the midst of a burst. */
const frozenMs = 1_000;

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
  readonly feeds: ThreadFeeds;
  #channels: SessionChannels | undefined;
  readonly #context: DeliveryContext;
  readonly #sink: Sink;
  phase: Phase = 'opening';
  /** Monotonic ms of the last heartbeat. */
  #heartMs: number;
  /** Wall ms of the last heartbeat, for last seen. */
  lastBeatMs: number;
  tokenExpiresMs: number;
  foreground = false;
  /** Hello asked to take over from the device's open session only once this one has caught up. */
  handsOver = false;
  #welcomed = false;
  #isLeaving = false;
  /** Where the node's timing wheel has it. */
  wheelSlot = 0;
  /** Everything of the user's own log up to here was told. */
  userSequence = 0n;
  /** While opening: something of it was heard, or may have been missed, since its head was read. */
  ownLogMoved = false;
  tokenMadeMs = 0;
  /** Of its resume tokens. */
  groupsMs = 0;
  #onScreen: Set<ThreadId> | undefined;
  #watched: Set<UserId> | undefined;
  /** Users of whom something was heard while their states are being read. */
  #heardPresence: Set<UserId> | undefined;
  /** The newest heard of each user of whom it is being looked up whether they may be seen. */
  #judging: Map<UserId, Presence> | undefined;
  #handingOver = false;
  onEnd: ((goodbye: Goodbye) => void) | undefined;

  constructor(identity: SessionIdentity, tokenExpiresMs: number, sink: Sink, context: DeliveryContext) {
    this.identity = identity;
    this.tokenExpiresMs = tokenExpiresMs;
    this.#context = context;
    this.#sink = sink;
    this.outbox = new Outbox(sink, context.encode, context.flusher);
    this.feeds = new ThreadFeeds(this, context);
    this.#heartMs = context.clock.monotonicMs();
    this.lastBeatMs = context.clock.nowMs();
  }

  // ---- what the device says -------------------------------------------------------------------

  reply(requestId: bigint, result: ReplyResult): void {
    if (requestId !== 0n && this.phase !== 'ended') this.outbox.push({ type: 'reply', requestId, result });
  }

  /** The device holds the thread up to `upTo`. @throws Refusal POSITION_AHEAD or THREAD_NOT_FOUND */
  acknowledge(threadId: ThreadId, upTo: bigint): Promise<void> | undefined {
    const feed = this.feeds.window.feed(threadId);
    // What was told to this device is its to acknowledge, without a look anywhere, and at once: an ack waits for nothing.
    if (feed !== undefined && upTo < feed.next) {
      this.#hold(threadId, upTo);
      return undefined;
    }
    return this.#checkPosition(threadId, upTo).then(() => this.#hold(threadId, upTo));
  }

  #hold(threadId: ThreadId, upTo: bigint): void {
    if (upTo === 0n) return;
    const { userId, deviceId } = this.identity;
    this.#context.receipts.advanceDelivered(userId, deviceId, threadId, upTo);
    this.feeds.window.acknowledge(threadId, upTo);
    this.feeds.tellSkips();
  }

  /** Resolves when it is taken, or, where that is answered, stored: an answer is the last that is heard of it. @throws Refusal POSITION_AHEAD or THREAD_NOT_FOUND */
  async markRead(threadId: ThreadId, upTo: bigint, isAnswered = false): Promise<void> {
    await this.#checkPosition(threadId, upTo);
    if (upTo === 0n) return;
    const { receipts } = this.#context;
    const { userId, sessionId } = this.identity;
    receipts.advanceRead(userId, threadId, upTo, sessionId);
    if (isAnswered) await receipts.stored(userId, threadId);
  }

  async #checkPosition(threadId: ThreadId, upTo: bigint): Promise<void> {
    const { userId } = this.identity;
    const { views } = this.#context;
    let view = await views.get(threadId);
    // What this node keeps of the thread may be behind what the device was given by another.
    if (view === undefined || upTo > view.head.sequence) view = await views.latest(threadId);
    if (view === undefined) throw threadNotFound();
    let highest = view.head.sequence;
    if (!view.members.has(userId)) {
      const row = await this.#context.store.inboxRow(userId, threadId);
      if (row === undefined) throw threadNotFound();
      highest = row.sequence;
    } else if (upTo > highest) {
      // What another node appended may be known to the device before this node hears of it.
      highest = (await this.#context.store.head(threadLog(threadId)))?.sequence ?? highest;
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
    const fresh = this.phase === 'live' && !this.feeds.window.skipping && this.#heartMs - this.tokenMadeMs >= 60_000;
    const resumeToken = fresh ? this.makeToken() : resumeTokens.none;
    // What cannot be read just now is looked for at a later one.
    if (this.phase === 'live') this.feeds.hearOfUnheard().catch(() => undefined);
    this.outbox.replace('heartbeat', { type: 'heartbeat-reply', nowMs: this.lastBeatMs, resumeToken });
  }

  /** The device gave a newer token of its user. */
  reauthenticated(tokenExpiresMs: number): void {
    if (tokenExpiresMs > this.tokenExpiresMs) this.tokenExpiresMs = tokenExpiresMs;
  }

  /** A token for what has been told up to now. */
  makeToken(): Buffer {
    const { clock, resumeTokens, store } = this.#context;
    const { userId, deviceId } = this.identity;
    this.tokenMadeMs = clock.monotonicMs();
    const madeMs = clock.nowMs();
    // What was accepted in these last seconds may still be on its way here: it is told again next time.
    const inboxMs = Math.max(0, madeMs - 10_000);
    const { userSequence, groupsMs } = this;
    return resumeTokens.make({ userId, deviceId, userSequence, inboxMs, groupsMs, epoch: store.epoch, madeMs });
  }

  /** The user types, or stopped. @throws Refusal THREAD_NOT_FOUND */
  async typing(threadId: ThreadId, active: boolean): Promise<void> {
    const { userId, sessionId: origin } = this.identity;
    const view = await this.#member(threadId);
    const event: BusEvent = { type: 'typing', threadId, userId, active, origin };
    const topics = view.info.kind === 'group' ? [topicOf.thread(threadId)] : [...view.members.keys()].map(topicOf.user);
    for (const topic of topics) await this.#context.bus.publish(topic, event).catch(() => undefined);
  }

  /** The thread is on screen: its receipts and typing are told too. @throws Refusal THREAD_NOT_FOUND or LIMIT_REACHED */
  async subscribe(threadId: ThreadId): Promise<void> {
    const shown = (this.#onScreen ??= new Set());
    const isNew = !shown.has(threadId);
    if (isNew && shown.size >= maxOnScreen) {
      throw new Refusal('LIMIT_REACHED', `at most ${maxOnScreen} threads at once: unsubscribe from one first`);
    }
    // At once, so that an Unsubscribe that comes amid the look at the thread finds it.
    shown.add(threadId);
    try {
      const view = await this.#member(threadId);
      if (view.info.kind !== 'group' || this.phase === 'ended') return;
      await this.feeds.enter(threadId);
      if (this.onScreen(threadId)) await this.#context.groupReceipts.join(threadId, this);
    } catch (error) {
      if (isNew) this.unsubscribe(threadId);
      throw error;
    }
  }

  unsubscribe(threadId: ThreadId): void {
    if (this.#onScreen?.delete(threadId) === true) this.#context.groupReceipts.leave(threadId, this);
  }

  /** The live comments that it hears. */
  get channels(): SessionChannels {
    return (this.#channels ??= new SessionChannels(this.identity.userId, this.outbox, this.#context.channels));
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
    const heard = new Set<UserId>();
    this.#heardPresence = heard;
    await Promise.all([...wanted].map((user) => hub.join(topicOf.presence(user), this)));
    const visible = await Promise.all([...wanted].map((user) => policy.canSeePresence(this.identity.userId, user)));
    const presences = await registry.get([...wanted]);
    // Another list has taken its place.
    if (this.#heardPresence !== heard) return;
    this.#heardPresence = undefined;
    const asOfMs = clock.nowMs();
    const told = presences.map((presence, index): Presence => {
      if (visible[index] === true) return presence;
      return { userId: presence.userId, state: 'hidden', lastSeenMs: 0, asOfMs };
    });
    // Of whom something was heard meanwhile: that is newer than what was read.
    const unheard = told.filter(({ userId }) => !heard.has(userId));
    if (unheard.length > 0) this.push({ type: 'presences', presences: unheard });
  }

  // ---- what it hears --------------------------------------------------------------------------

  hearEntries(batch: EntryBatch, view: ThreadView): void {
    if (this.phase !== 'ended') this.feeds.hear(batch, view);
  }

  hearEvent(event: BusEvent, topic: Topic): void {
    if (this.phase === 'ended') return;
    const { userId, deviceId, sessionId, startMs } = this.identity;
    switch (event.type) {
      case 'session-opened': {
        if (event.deviceId !== deviceId || event.sessionId === sessionId) return;
        const newer = event.startMs > startMs || (event.startMs === startMs && event.sessionId > sessionId);
        if (!newer) {
          // It may have begun to listen after this one was announced: then nobody else tells it that it is the older.
          this.#tellOpened();
          return;
        }
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
        if (signsOut(event.entries, deviceId)) this.end('signed-out', signedOut());
        else if (this.phase === 'live') this.tellUserEntries(event.entries);
        else this.ownLogMoved = true;
        return;
      case 'positions':
        // Those of a group as a whole are for who counts them: looked through by each of its listeners they would cost
        // members times members.
        if (this.#welcomed && topic.startsWith('user:')) this.#context.receiptFrames.positions(this, event);
        return;
      case 'typing':
        if (event.origin === sessionId || event.userId === userId || !this.onScreen(event.threadId)) return;
        this.#context.receiptFrames.typing(this, event);
        return;
      case 'presence': {
        if (this.#watched?.has(event.presence.userId) === true) this.#hearPresence(event.presence);
        return;
      }
      default:
    }
  }

  #hearPresence(presence: Presence): void {
    const judging = (this.#judging ??= new Map());
    judging.set(presence.userId, presence);
    const isLatest = (): boolean => judging.get(presence.userId) === presence && judging.delete(presence.userId);
    this.#context.policy.canSeePresence(this.identity.userId, presence.userId).then(
      (visible) => {
        if (!isLatest() || !visible || this.phase === 'ended') return;
        this.#heardPresence?.add(presence.userId);
        this.outbox.replace(`p${presence.userId}`, { type: 'presences', presences: [presence] });
      },
      () => void isLatest(),
    );
  }

  /** A newer session of the device, or an older one, may not have been heard of. */
  hearInterruption(topic: Topic): void {
    if (this.phase === 'ended' || topic !== topicOf.user(this.identity.userId)) return;
    this.ownLogMoved = true;
    this.#tellOpened();
  }

  #tellOpened(): void {
    const { userId, deviceId, sessionId, startMs } = this.identity;
    const handOver = this.handsOver && this.phase === 'opening';
    const event = { type: 'session-opened', userId, deviceId, sessionId, startMs, handOver } as const;
    void this.#context.bus.publish(topicOf.user(userId), event).catch(() => undefined);
  }

  tellUserEntries(entries: readonly Entry[]): void {
    if (signsOut(entries, this.identity.deviceId)) return this.end('signed-out', signedOut());
    const due = entries.filter((entry) => entry.sequence > this.userSequence);
    const last = due.at(-1);
    if (last === undefined) return;
    this.userSequence = last.sequence;
    this.outbox.push({ type: 'user-entries', entries: due });
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
    else if (nowMs >= tokenAt) this.end('token-expired', tokenExpired());
    else return Math.min(silentAt, tokenAt, stalled > 0 ? stalled + stalledMs : Infinity);
    return Infinity;
  }

  /** Welcome was told: what else there is to say may follow it. */
  welcome(): void {
    this.#welcomed = true;
    if (this.#isLeaving) this.sayDraining();
  }

  /** Asks the device to move to another node; the stream lives on until it has. */
  sayDraining(): void {
    this.#isLeaving = true;
    if (this.#welcomed)
      this.push({ type: 'goodbye', goodbye: this.#context.goodbyeOf('draining', 'the node shuts down: hand over') });
  }

  /** Ends the stream of a device that has not moved in time. It has had its goodbye. */
  endDrained(): void {
    if (this.phase === 'ended') return;
    const goodbye = this.#context.goodbyeOf('draining', 'the node shuts down');
    this.outbox.finish();
    this.close(goodbye);
    this.#sink.end(goodbye, undefined);
  }

  /** Says goodbye and ends the stream; with a refusal, that is in its status. */
  end(reason: GoodbyeReason, why: string | Refusal): void {
    if (this.phase === 'ended') return;
    const [message, refusal] = typeof why === 'string' ? [why] : [why.message, why];
    const goodbye = this.#context.goodbyeOf(reason, message);
    // A peer that takes nothing would hold the last frame, and with it the stream, for ever.
    const { stalledSinceMs } = this.outbox;
    const frozen = stalledSinceMs > 0 && this.#context.clock.monotonicMs() - stalledSinceMs >= frozenMs;
    if (!frozen) this.outbox.finish({ type: 'goodbye', goodbye });
    this.close(goodbye);
    this.#sink.end(goodbye, refusal);
    if (frozen) this.#sink.destroy();
  }

  /** Lets go of everything. Called once, also when the stream broke. */
  close(goodbye: Goodbye): void {
    if (this.phase === 'ended') return;
    this.phase = 'ended';
    this.outbox.drop();
    this.#channels?.close();
    const topics: Topic[] = [topicOf.user(this.identity.userId), ...this.feeds.close()];
    for (const user of this.#watched ?? []) topics.push(topicOf.presence(user));
    for (const topic of topics) this.#context.hub.leave(topic, this);
    for (const thread of this.#onScreen ?? []) this.#context.groupReceipts.leave(thread, this);
    this.#onScreen = undefined;
    this.onEnd?.(goodbye);
  }
}
