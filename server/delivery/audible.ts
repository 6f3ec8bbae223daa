import { emptyBody, type Entry } from '../core/entry.ts';
import type { UserId } from '../core/ids.ts';

/** Consecutive entries that one user may hear. */
export interface Stretch {
  readonly entries: readonly Entry[];
  /** The first of them makes the user a member. */
  readonly joins: boolean;
  /** The last of them is the user's removal. */
  readonly leaves: boolean;
}

/**
 * What of consecutive entries a user may hear: from each entry that makes them a member up to and with each of their removals.
 * `isIn`: whether they are a member before the first entry.
 */
export function audible(entries: readonly Entry[], userId: UserId, isIn: boolean): Stretch[] {
  const stretches: Stretch[] = [];
  let start = isIn ? 0 : -1;
  let joins = false;
  entries.forEach((entry, index) => {
    if (start < 0 && joinsBy(entry, userId)) {
      start = index;
      joins = true;
    } else if (start >= 0 && leavesBy(entry, userId)) {
      stretches.push({ entries: knownUpTo(entries.slice(start, index + 1), entry.sequence), joins, leaves: true });
      start = -1;
      joins = false;
    }
  });
  if (start >= 0 && entries.length > 0) stretches.push({ entries: entries.slice(start), joins, leaves: false });
  return stretches;
}

/**
 * Entries for somebody who left at `sequence`: without contents that were given to messages after that. What they said before is
 * gone from the store.
 */
export function knownUpTo<Some extends Entry>(entries: readonly Some[], sequence: bigint): readonly Some[] {
  const isLater = ({ change }: Entry): boolean => change.kind === 'message' && change.editSequence > sequence;
  if (!entries.some(isLater)) return entries;
  return entries.map((entry) => (isLater(entry) ? { ...entry, change: { ...entry.change, body: emptyBody } } : entry));
}

/**
 * Whether a user was a member before the first entry, as the entries themselves say; undefined = they do not, so nothing in
 * them changes it.
 */
export function wasIn(entries: readonly Entry[], userId: UserId): boolean | undefined {
  for (const entry of entries) {
    if (leavesBy(entry, userId)) return true;
    if (joinsBy(entry, userId)) return false;
  }
  return undefined;
}

function joinsBy({ change }: Entry, userId: UserId): boolean {
  if (change.kind === 'member-added') return change.userId === userId;
  return change.kind === 'thread-created' && change.members.some((member) => member.userId === userId);
}

function leavesBy({ change }: Entry, userId: UserId): boolean {
  return change.kind === 'member-removed' && change.userId === userId;
}
