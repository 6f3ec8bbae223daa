import { topicOf } from '../bus/bus.ts';
import { userLog, type ThreadId } from '../core/ids.ts';
import { heartbeatIntervalMs } from '../core/presence.ts';
import type { Store } from '../store/store.ts';
import type { DeliveryContext } from './context.ts';
import type { ThreadHeadFrame } from './frames.ts';
import { lookAgain, lookAtInbox, tellHeads } from './heads-told.ts';
import type { Session } from './session.ts';

/** Threads whose missed entries are told without being asked for; of the others only the heads. */
const backfilledThreads = 20;
/** Entries of the user's own log that are told; if more were missed, they are Skipped. */
const backfilledUserEntries = 500;

/** What the device says when it opens a session. Validated. */
export interface Opening {
  readonly resumeToken: Uint8Array;
  readonly positions: ReadonlyMap<ThreadId, bigint>;
  readonly handOver: boolean;
  readonly foreground: boolean;
  readonly userSequence: bigint;
}

/**
 * Opens a session, in four phases:
 * 1. subscribe: the user's topic, then the topics of the groups; each confirmed before anything is read
 * 2. heads: welcome, and where every thread stands that changed since the resume token
 * 3. backfill: the own log, then what the device misses of the most recently active threads, as far as the window goes and no more than
 *    one window in all
 * 4. cutover: what was heard meanwhile is read from the log; when there is no more, caught up and live
 * `onWelcome` is called once the device may speak.
 */
export async function openSession(
  session: Session,
  opening: Opening,
  context: DeliveryContext,
  onWelcome: () => void,
): Promise<void> {
  const { hub, store, bus, clock, resumeTokens } = context;
  const { identity } = session;
  const { userId, deviceId, sessionId, startMs } = identity;
  session.foreground = opening.foreground;
  session.handsOver = opening.handOver;
  const place = resumeTokens.read(opening.resumeToken, userId, deviceId, clock.nowMs());
  // Whatever is awaited may find it ended: superseded, or left by its client.
  const isOver = (): boolean => session.phase === 'ended';

  await hub.join(topicOf.user(userId), session);
  if (isOver()) return;
  const opened = { userId, deviceId, sessionId, startMs, handOver: opening.handOver };
  // Sessions on nodes that do not hear it are told when they can be.
  await bus.publish(topicOf.user(userId), { type: 'session-opened', ...opened }).catch(() => undefined);
  if (isOver()) return;
  const userHead = await store.head(userLog(userId));
  const resumed = place?.epoch === store.epoch;
  const inbox = await lookAtInbox(session, resumed ? place : undefined, opening, context);
  session.groupsMs = inbox.groupsMs;
  if (inbox.groupsMs > 0) session.feeds.leavesSomeUnheard();
  // The most recently active ones are heard from the start.
  await Promise.all(inbox.groups.toReversed().map((row) => session.feeds.hearGroup(row.threadId)));
  if (isOver()) return;

  session.push({
    type: 'welcome',
    sessionId,
    userId,
    nowMs: clock.nowMs(),
    tokenExpiresMs: session.tokenExpiresMs,
    heartbeatIntervalMs,
    resumed,
    userEpoch: store.epoch,
    limits: context.limits,
  });
  session.welcome();
  onWelcome();

  const looked = await lookAgain(session, inbox, context);
  // A device of another life of the store holds other entries at these places; a token that cannot be read may be of one.
  const isOfThisLife = resumed || opening.resumeToken.length === 0;
  const claims = isOfThisLife ? opening.positions : new Map<ThreadId, bigint>();
  const heads = await tellHeads(session, looked, claims, context);
  if (isOver()) return;

  await backfillUserLog(session, userHead?.sequence ?? 0n, resumed ? opening.userSequence : 0n, context);
  await backfill(session, heads, opening, context);
  await cutOver(session, context);
  if (isOver()) return;
  const caughtUp = { type: 'session-caught-up', userId, deviceId, sessionId } as const;
  await bus.publish(topicOf.user(userId), caughtUp).catch(() => undefined);
}

async function backfillUserLog(
  session: Session,
  head: bigint,
  held: bigint,
  { store }: DeliveryContext,
): Promise<void> {
  session.userSequence = held < head ? held : head;
  if (head - session.userSequence > BigInt(backfilledUserEntries)) {
    const to = head - BigInt(backfilledUserEntries);
    session.push({
      type: 'skipped',
      threadId: undefined,
      from: session.userSequence + 1n,
      to,
      reason: 'backfill-limit',
      heldUntilAcknowledged: false,
    });
    session.userSequence = to;
  }
  await tellUserLog(session, head, store);
}

/** Tells the own log from where the session is up to `head`. */
async function tellUserLog(session: Session, head: bigint, store: Store): Promise<void> {
  const log = userLog(session.identity.userId);
  while (head > session.userSequence && session.phase !== 'ended') {
    const entries = await store.entries(log, { after: session.userSequence, upTo: head, limit: 200 });
    session.tellUserEntries(entries);
  }
}

async function backfill(
  session: Session,
  heads: readonly ThreadHeadFrame[],
  opening: Opening,
  { limits, views }: DeliveryContext,
): Promise<void> {
  const most = BigInt(limits.backfillEntries);
  const { window } = session.feeds;
  let told = 0;
  /** Who acknowledges as fast as it is told is not kept from being caught up by all that it lacks. */
  let left = BigInt(limits.windowEntries);
  for (const { threadId, sequence, delivered, visibleFrom, member } of heads) {
    const held = delivered >= visibleFrom ? delivered : visibleFrom - 1n;
    // Where the window is full nothing more is read, to be left out: the heads say what there is.
    const isNear = opening.positions.has(threadId) || told < backfilledThreads;
    const wanted = isNear && left > 0n && !window.full && !window.skipping;
    if (held >= sequence || !wanted) {
      window.open(threadId, sequence + 1n).left = !member;
      continue;
    }
    told += 1;
    let next = held + 1n;
    if (sequence - held > most) {
      next = sequence - most + 1n;
      // A view that is behind does not say whether what is left out waits for the device.
      if ((views.peek(threadId)?.head.sequence ?? -1n) < sequence) await views.latest(threadId);
      session.feeds.tellSkip({ threadId, from: held + 1n, to: next - 1n }, 'backfill-limit');
    }
    window.open(threadId, next);
    left -= sequence - next + 1n;
    await session.feeds.catchUp(threadId, sequence);
  }
}

async function cutOver(session: Session, context: DeliveryContext): Promise<void> {
  const heard = session.feeds.heardWhileOpening;
  do {
    for (const [threadId, span] of heard) {
      heard.delete(threadId);
      await session.feeds.settle(threadId, span);
    }
    if (session.ownLogMoved) {
      session.ownLogMoved = false;
      const head = await context.store.head(userLog(session.identity.userId));
      await tellUserLog(session, head?.sequence ?? 0n, context.store);
    }
    // It may have ended in what was awaited, and stays so.
    if (session.phase === 'ended') return;
    // Nothing is awaited from here to the change of phase: what is heard after it is told as it comes.
  } while (heard.size > 0 || session.ownLogMoved);
  session.phase = 'live';
  const { userSequence } = session;
  session.push({ type: 'caught-up', resumeToken: session.makeToken(), userSequence });
}
