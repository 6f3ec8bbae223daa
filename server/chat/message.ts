import type { Entry, ThreadChange } from '../core/entry.ts';
import { type UserId, threadLog } from '../core/ids.ts';
import { type ReactionRow, type Row, hexSequence, parseReactionKey } from '../core/rows.ts';
import { knownUpTo } from '../delivery/audible.ts';
import type { Store } from '../store/store.ts';
import type { ReaderAccess } from './access.ts';
import { rowsUnder } from './rows-under.ts';

export type MessageChange = Extract<ThreadChange, { readonly kind: 'message' }>;
export type MessageEntry = Entry & { readonly change: MessageChange };

/** A message as it is now. */
export interface Message {
  readonly entry: MessageEntry;
  /** In order of first use. None once deleted. */
  readonly reactions: readonly ReactionCount[];
}

export interface ReactionCount {
  readonly emoji: string;
  readonly count: number;
  /** Whether the asker did. */
  readonly mine: boolean;
}

export function isMessageEntry(entry: Entry): entry is MessageEntry {
  return entry.change.kind === 'message';
}

/** Entries that the reader may see, without contents that they may not: of after they left. */
export function knownBy<Some extends Entry>(
  { member, visibleTo }: ReaderAccess,
  entries: readonly Some[],
): readonly Some[] {
  return member === undefined ? knownUpTo(entries, visibleTo) : entries;
}

/**
 * Messages that stand one behind another in a thread (ascending) with their reactions, as far as the viewer may know them: who has left
 * is told no content and no reaction of after that. One scan of the reactions' rows.
 */
export async function withReactions(
  store: Store,
  access: ReaderAccess,
  read: readonly MessageEntry[],
  viewer: UserId,
  signal?: AbortSignal,
): Promise<Message[]> {
  const entries = knownBy(access, read);
  const first = entries[0];
  const last = entries.at(-1);
  if (first === undefined || last === undefined) return [];
  const { view, member, visibleTo } = access;
  const { threadId } = view;
  const isKnown = (row: Row): boolean => member !== undefined || row.sequence <= visibleTo;
  const counts = new Map<bigint, Map<string, Tally>>();
  const end = `reaction/${hexSequence(last.sequence)}/\uffff`;
  const after = `reaction/${hexSequence(first.sequence)}`;
  // Of one message only its own rows are asked for; of several all between the first and the last.
  const prefix = first === last ? `${after}/` : 'reaction/';
  for await (const rows of rowsUnder(store, threadLog(threadId), prefix, { after, signal })) {
    for (const row of rows) if (row.key < end && isKnown(row)) count(counts, row as Row<ReactionRow>, viewer);
    if ((rows.at(-1)?.key ?? '') > end) break;
  }
  return entries.map((entry) => {
    const deleted = entry.change.deleteSequence !== 0n;
    return { entry, reactions: deleted ? [] : reactionsOf(counts.get(entry.sequence)) };
  });
}

interface Tally {
  readonly emoji: string;
  firstSequence: bigint;
  count: number;
  mine: boolean;
}

function count(counts: Map<bigint, Map<string, Tally>>, row: Row<ReactionRow>, viewer: UserId): void {
  if (row.value.removed) return;
  const { target, emoji, user } = parseReactionKey(row.key);
  let ofTarget = counts.get(target);
  if (ofTarget === undefined) counts.set(target, (ofTarget = new Map()));
  let tally = ofTarget.get(emoji);
  if (tally === undefined) ofTarget.set(emoji, (tally = { emoji, firstSequence: row.sequence, count: 0, mine: false }));
  tally.count += 1;
  if (row.sequence < tally.firstSequence) tally.firstSequence = row.sequence;
  if (user === viewer) tally.mine = true;
}

function reactionsOf(tallies: Map<string, Tally> | undefined): ReactionCount[] {
  if (tallies === undefined) return [];
  return [...tallies.values()]
    .toSorted((a, b) => (a.firstSequence < b.firstSequence ? -1 : 1))
    .map(({ emoji, count: users, mine }) => ({ emoji, count: users, mine }));
}
