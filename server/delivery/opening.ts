import { topicOf } from '../bus/bus.ts';
import { threadLog, userLog, type ThreadId } from '../core/ids.ts';
import { heartbeatIntervalMs } from '../core/presence.ts';
import type { InboxRow, Position, Store } from '../store/store.ts';
import type { DeliveryContext } from './context.ts';
import type { ThreadHeadFrame } from './frames.ts';
import type { ResumePlace } from './resume-token.ts';
import { maxGroups } from './thread-feeds.ts';
import type { Receipts } from './receipts.ts';
import type { Session, SessionIdentity } from './session.ts';

/** Threads whose missed entries are told without being asked for; of the others only the heads. */
const backfilledThreads = 20;
const headsPerFrame = 500;
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
 * 3. backfill: the own log, then what the device misses of the most recently active threads, as far as the window goes
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
  const inbox = await store.inbox(userId, 0);
  const allGroups = inbox.filter((row) => row.member && row.threadId.startsWith('g_'));
  // The most recently active ones are heard from the start.
  const groups = allGroups.slice(0, maxGroups);
  if (allGroups.length > groups.length) session.feeds.leavesSomeUnheard();
  await Promise.all(groups.toReversed().map((row) => session.feeds.hearGroup(row.threadId)));
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

  const changed = await changedSince(session, inbox, groups, resumed ? place : undefined, opening, context);
  // A device of another life of the store holds other entries at these places.
  const isOfThisLife = resumed || place === undefined;
  const heads = await headsOf(session, changed, isOfThisLife ? opening.positions : new Map(), context);
  if (isOver()) return;
  for (let start = 0; start < heads.length; start += headsPerFrame) {
    session.push({ type: 'heads', heads: heads.slice(start, start + headsPerFrame) });
  }

  await backfillUserLog(session, userHead?.sequence ?? 0n, resumed ? opening.userSequence : 0n, context);
  await backfill(session, heads, opening, context);
  await cutOver(session, context);
  if (isOver()) return;
  const caughtUp = { type: 'session-caught-up', userId, deviceId, sessionId } as const;
  await bus.publish(topicOf.user(userId), caughtUp).catch(() => undefined);
}

/** Rows of threads that are elsewhere than the device was told; heads of large and of heard groups read anew. */
async function changedSince(
  session: Session,
  inbox: readonly InboxRow[],
  heard: readonly InboxRow[],
  place: ResumePlace | undefined,
  opening: Opening,
  context: DeliveryContext,
): Promise<InboxRow[]> {
  const { store } = context;
  const { userId } = session.identity;
  // Between the inbox's reading and the confirmed subscription of a group's topic entries may have been missed.
  const anew = new Set(heard.map((row) => row.threadId));
  for (const row of inbox) if (row.large && row.member) anew.add(row.threadId);
  const logs = [...anew];
  const read = await store.heads(logs.map(threadLog));
  const current = new Map(logs.map((threadId, index) => [threadId, read[index]]));
  // Where members changed since the inbox was read the user may have been removed: then the head is not theirs to know.
  const raced = heard.filter((row) => (current.get(row.threadId)?.membersSequence ?? 0n) > row.sequence);
  const left = new Map<ThreadId, InboxRow>();
  for (const { threadId } of raced) {
    const now = await store.inboxRow(userId, threadId);
    if (now?.member === false) left.set(threadId, now);
  }
  const rows = inbox.map((row) => left.get(row.threadId) ?? { ...row, ...current.get(row.threadId) });
  const sinceMs = place?.inboxMs ?? 0;
  const isTold = (row: InboxRow): boolean => row.activityMs < sinceMs && !opening.positions.has(row.threadId);
  const lacking = await lackingOf(session, rows.filter(isTold), context);
  return rows
    .filter((row) => !isTold(row) || lacking.has(row.threadId))
    .toSorted((a, b) => b.activityMs - a.activityMs);
}

/**
 * Threads that stand still by the clock, and of which the device has not acknowledged everything: wall clocks are set back, an
 * append may take longer than a token allows for, and the device may have gone before it was told of a thread that is new.
 */
async function lackingOf(
  { identity }: Session,
  rows: readonly InboxRow[],
  { store, receipts }: DeliveryContext,
): Promise<Set<ThreadId>> {
  const lacking = new Set<ThreadId>();
  if (rows.length === 0) return lacking;
  const held = await heldBy(identity, rows, store, receipts);
  rows.forEach(({ threadId, sequence }, index) => {
    const position = held[index] ?? 0n;
    if (position < sequence) lacking.add(threadId);
  });
  return lacking;
}

/** Up to where a device has acknowledged threads, in their order. One that comes back at once finds what it acknowledged a moment ago. */
async function heldBy(
  { userId, deviceId }: SessionIdentity,
  rows: readonly InboxRow[],
  store: Store,
  receipts: Receipts,
): Promise<bigint[]> {
  const threads = rows.map((row) => row.threadId);
  // Looked at before the store is, so that what is stored meanwhile is seen in one of the two.
  const unstored = threads.map((threadId) => receipts.unstored(userId, deviceId, threadId));
  const stored = await store.devicePositions(userId, deviceId, threads);
  return stored.map((position, index) => {
    const later = unstored[index] ?? 0n;
    return later > position ? later : position;
  });
}

async function headsOf(
  session: Session,
  rows: readonly InboxRow[],
  claims: ReadonlyMap<ThreadId, bigint>,
  { store, receipts }: DeliveryContext,
): Promise<ThreadHeadFrame[]> {
  const { userId, deviceId } = session.identity;
  const threads = rows.map((row) => row.threadId);
  const [positions, delivered] = await Promise.all([
    store.positionsOf(userId, threads),
    heldBy(session.identity, rows, store, receipts),
  ]);
  const ordinalsBefore = await Promise.all(rows.map((row, index) => ordinalBefore(row, positions[index], store)));
  return rows.map((row, index) => {
    const position = positions[index];
    const said = claims.get(row.threadId) ?? 0n;
    const held = delivered[index] ?? 0n;
    // What Hello says the device holds counts as acknowledged; never above the head.
    const claimed = said > row.sequence ? row.sequence : said;
    if (claimed > held) receipts.advanceDelivered(userId, deviceId, row.threadId, claimed);
    const readOrdinal = ordinalsBefore[index] ?? position?.readOrdinal ?? 0n;
    return {
      threadId: row.threadId,
      kind: row.threadId.startsWith('d_') ? 'direct' : 'group',
      epoch: row.epoch,
      sequence: row.sequence,
      ordinal: row.ordinal,
      visibleFrom: row.visibleFrom,
      unread: row.ordinal > readOrdinal ? row.ordinal - readOrdinal : 0n,
      read: position?.read ?? 0n,
      delivered: claimed > held ? claimed : held,
      activityMs: row.activityMs,
      member: row.member,
    };
  });
}

/** For who has read nothing since they came in: the messages before that are not unread to them. */
async function ordinalBefore(
  { threadId, visibleFrom }: InboxRow,
  position: Position | undefined,
  store: Store,
): Promise<bigint | undefined> {
  if (visibleFrom <= 1n || (position?.read ?? 0n) >= visibleFrom) return undefined;
  const range = { after: visibleFrom - 1n, upTo: visibleFrom, limit: 1 };
  const [join] = await store.entries(threadLog(threadId), range);
  return join?.ordinal;
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
  { limits }: DeliveryContext,
): Promise<void> {
  const most = BigInt(limits.backfillEntries);
  let told = 0;
  for (const { threadId, sequence, delivered, visibleFrom, member } of heads) {
    const held = delivered >= visibleFrom ? delivered : visibleFrom - 1n;
    const wanted = opening.positions.has(threadId) || told < backfilledThreads;
    if (held >= sequence || !wanted) {
      session.feeds.window.open(threadId, sequence + 1n).left = !member;
      continue;
    }
    told += 1;
    let next = held + 1n;
    if (sequence - held > most) {
      next = sequence - most + 1n;
      session.push({ type: 'skipped', threadId, from: held + 1n, to: next - 1n, reason: 'backfill-limit' });
    }
    session.feeds.window.open(threadId, next);
    await session.feeds.catchUp(threadId, sequence);
  }
}

async function cutOver(session: Session, context: DeliveryContext): Promise<void> {
  const heard = session.feeds.heardWhileOpening;
  for (;;) {
    if (session.phase === 'ended') return;
    for (const [threadId, span] of heard) {
      heard.delete(threadId);
      await session.feeds.settle(threadId, span);
    }
    if (session.ownLogMoved) {
      session.ownLogMoved = false;
      const head = await context.store.head(userLog(session.identity.userId));
      await tellUserLog(session, head?.sequence ?? 0n, context.store);
    }
    // Nothing is awaited from here to the change of phase: what is heard after it is told as it comes.
    if (heard.size === 0 && !session.ownLogMoved) break;
  }
  session.phase = 'live';
  const { userSequence } = session;
  session.push({ type: 'caught-up', resumeToken: session.makeToken(), userSequence });
}
