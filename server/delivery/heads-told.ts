import { chunksOf } from '../core/chunks.ts';
import { threadLog, type ThreadId } from '../core/ids.ts';
import type { InboxRow, Position, Store } from '../store/store.ts';
import type { DeliveryContext } from './context.ts';
import type { ThreadHeadFrame } from './frames.ts';
import type { Opening } from './opening.ts';
import type { Receipts } from './receipts.ts';
import type { ResumePlace } from './resume-token.ts';
import type { Session, SessionIdentity } from './session.ts';
import { maxGroups } from './thread-feeds.ts';

const headsPerFrame = 500;
const dayMs = 24 * 3_600_000;
/**
 * Threads in which something happened so long before a token's place are compared with what the device has acknowledged: wall clocks
 * are set back, an append may take longer than a token allows for, and the device may have gone before it was told of a thread that
 * is new.
 */
const lookBackMs = dayMs;
/** A group that stood still for so long is not heard from the start where there are more than can be. */
const quietGroupMs = 30 * dayMs;

/**
 * What is read of a user's inbox when a device comes back. It follows what changed, not what exists:
 * - threads that changed since the place of its token, and a day before, by the inbox's list of changes; and those that were read since
 * - the threads it names in Hello, at most 256
 * - the groups it is to hear, at most 100 and those that changed: the token has since when to look for them
 * - large groups, of which the inbox has no changes
 * Without a token, or with a clock behind it, everything is read. Not found is a thread that changed while the clock was set back by
 * more than a day, when the clock was past the token again before the device came: its next entry tells of it.
 */
export interface LookedAt {
  /** Those that neither changed nor were read from `toldMs` on are told only if the device lacks something. */
  readonly rows: readonly InboxRow[];
  /** Of these: what the inbox has as changed or read, and what the device names. */
  readonly due: ReadonlySet<ThreadId>;
  /** Wall ms from which on the inbox was read; 0 = whole. */
  readonly sinceMs: number;
  /** Wall ms; 0 = the device was told nothing. */
  readonly toldMs: number;
  /** Groups to hear from now on, newest first. */
  readonly groups: readonly InboxRow[];
  /** See `ResumePlace`. */
  readonly groupsMs: number;
}

/** Reads it, as far as it can be read before the groups are heard. */
export async function lookAtInbox(
  session: Session,
  told: ResumePlace | undefined,
  opening: Opening,
  { store, clock }: DeliveryContext,
): Promise<LookedAt> {
  const { userId } = session.identity;
  const nowMs = clock.nowMs();
  const toldMs = told?.inboxMs ?? 0;
  const sinceMs = nowMs < toldMs ? 0 : Math.max(0, toldMs - lookBackMs);
  const rows = await store.inbox(userId, sinceMs);
  const groupsSince = async (ms: number): Promise<InboxRow[]> => {
    const found = ms >= sinceMs ? rows : await store.inboxGroups(userId, ms);
    return found.filter((row) => row.member && row.activityMs >= ms && row.threadId.startsWith('g_'));
  };
  const fewMs = told?.groupsMs ?? 0;
  const fromMs = fewMs === 0 ? 0 : Math.max(fewMs, nowMs - quietGroupMs);
  let found = await groupsSince(fromMs);
  let groupsMs = found[maxGroups - 1]?.activityMs ?? fewMs;
  // There were as many since then: the user has left some, and others take their place.
  const hasLeft = found.length < maxGroups && fromMs > 0 && fromMs === fewMs;
  if (hasLeft) found = await groupsSince(0);
  if (hasLeft || fromMs === 0) groupsMs = found.length > maxGroups ? (found[maxGroups - 1]?.activityMs ?? 0) : 0;
  const groups = found.slice(0, maxGroups);

  const due = new Set([...rows.map((row) => row.threadId), ...opening.positions.keys()]);
  const looked = new Map([...rows, ...groups].map((row) => [row.threadId, row]));
  // Where the inbox was read whole, others are not theirs.
  const named = sinceMs === 0 ? [] : [...opening.positions.keys()].filter((threadId) => !looked.has(threadId));
  const more = named.length === 0 ? [] : await store.inboxRows(userId, named);
  for (const row of more) if (row !== undefined) looked.set(row.threadId, row);
  return { rows: [...looked.values()], due, sinceMs, toldMs, groups, groupsMs };
}

/**
 * The same once the groups are heard, with their heads and those of large groups as they are now: between the inbox's reading and
 * the confirmed subscription of a group's topic entries may have been missed.
 */
export async function lookAgain(session: Session, looked: LookedAt, { store }: DeliveryContext): Promise<LookedAt> {
  const { rows, groups } = looked;
  const moving = new Set(groups.map((row) => row.threadId));
  for (const row of rows) if (row.large && row.member) moving.add(row.threadId);
  const logs = [...moving];
  const read = await store.heads(logs.map(threadLog));
  const current = new Map(logs.map((threadId, index) => [threadId, read[index]]));
  // Where members changed since the inbox was read the user may have been removed: then the head is not theirs to know. Or they came in
  // again: then what was said in between is not.
  const raced = groups.filter((row) => (current.get(row.threadId)?.membersSequence ?? 0n) > row.sequence);
  const anew = new Map<ThreadId, InboxRow>();
  for (const { threadId } of raced) {
    const now = await store.inboxRow(session.identity.userId, threadId);
    if (now !== undefined) anew.set(threadId, now);
  }
  const rowNow = (row: InboxRow): InboxRow => {
    const [now, head] = [anew.get(row.threadId) ?? row, current.get(row.threadId)];
    return now.member && head !== undefined && head.sequence > now.sequence ? { ...now, ...head } : now;
  };
  return { ...looked, rows: rows.map(rowNow) };
}

/**
 * Tells where the threads stand that the device was not told of, or of which it lacks something, newest first; gives them in this order.
 * `claims`: what the device says it holds; that counts as acknowledged.
 */
export async function tellHeads(
  session: Session,
  { rows, due, sinceMs, toldMs }: LookedAt,
  claims: ReadonlyMap<ThreadId, bigint>,
  context: DeliveryContext,
): Promise<ThreadHeadFrame[]> {
  const told: ThreadHeadFrame[] = [];
  const compared = rows
    .filter((row) => row.activityMs >= sinceMs || due.has(row.threadId))
    .toSorted((a, b) => b.activityMs - a.activityMs);
  // Some at a time: the newest need not wait until all are read.
  for (const some of chunksOf(compared, headsPerFrame)) {
    const heads = await headsOf(session, some, toldMs, claims, context);
    if (session.phase === 'ended') return told;
    if (heads.length === 0) continue;
    session.push({ type: 'heads', heads });
    told.push(...heads);
  }
  return told;
}

async function headsOf(
  session: Session,
  rows: readonly InboxRow[],
  toldMs: number,
  claims: ReadonlyMap<ThreadId, bigint>,
  { store, receipts }: DeliveryContext,
): Promise<ThreadHeadFrame[]> {
  const { userId, deviceId } = session.identity;
  const held = await heldBy(session.identity, rows, store, receipts);
  const threads = rows.map((row) => row.threadId);
  const positions = await store.positionsOf(userId, threads);
  const due: { row: InboxRow; position: Position | undefined; delivered: bigint }[] = [];
  rows.forEach((row, index) => {
    const stored = held[index] ?? 0n;
    const said = claims.get(row.threadId) ?? 0n;
    // Never above the head.
    const claimed = said > row.sequence ? row.sequence : said;
    if (claimed > stored) receipts.advanceDelivered(userId, deviceId, row.threadId, claimed);
    const delivered = claimed > stored ? claimed : stored;
    const position = positions[index];
    // Read on another device while this one was away: only live ones are told of that as it happens.
    const isRead = (position?.readMs ?? 0) >= toldMs;
    if (row.activityMs >= toldMs || isRead || delivered < row.sequence) due.push({ row, position, delivered });
    // What it holds is not told to it again, whoever looks for what may have been lost: it would not acknowledge it.
    else session.feeds.window.open(row.threadId, row.sequence + 1n).left = !row.member;
  });
  if (due.length === 0) return [];
  const before = await Promise.all(due.map(({ row, position }) => ordinalBefore(row, position, store)));
  return due.map(({ row, position, delivered }, index) => {
    const readOrdinal = before[index] ?? position?.readOrdinal ?? 0n;
    return {
      threadId: row.threadId,
      kind: row.threadId.startsWith('d_') ? 'direct' : 'group',
      epoch: row.epoch,
      sequence: row.sequence,
      ordinal: row.ordinal,
      visibleFrom: row.visibleFrom,
      unread: row.ordinal > readOrdinal ? row.ordinal - readOrdinal : 0n,
      read: position?.read ?? 0n,
      delivered,
      activityMs: row.activityMs,
      member: row.member,
    };
  });
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
