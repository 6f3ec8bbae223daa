import { chunksOf } from '../core/chunks.ts';
import type { Change, Entry, NewEntry } from '../core/entry.ts';
import { systemUser, type ThreadId, threadLog, type UserId } from '../core/ids.ts';
import { type ReactionRow, rowKey } from '../core/rows.ts';
import type { Store } from '../store/store.ts';
import type { Appender } from './appender.ts';
import type { Caller } from './caller.ts';

/** Entries that one append has. */
const together = 100;

interface Reaction {
  readonly target: bigint;
  readonly emoji: string;
}

/** What a user wrote among these entries and is still there: messages, and reactions that they first gave here and still give. */
export async function ownIn(
  store: Store,
  thread: ThreadId,
  userId: UserId,
  page: readonly Entry[],
): Promise<{ readonly messages: readonly bigint[]; readonly reactions: readonly Reaction[] }> {
  const messages: bigint[] = [];
  const given = new Map<string, Reaction>();
  for (const { sequence, senderId, change } of page) {
    if (senderId !== userId) continue;
    if (change.kind === 'message' && change.deleteSequence === 0n && change.erased !== true) messages.push(sequence);
    else if (change.kind === 'reaction-changed' && !change.removed) {
      given.set(rowKey.reaction(change.target, change.emoji, userId), change);
    }
  }
  const reactions: Reaction[] = [];
  for (const [key, { target, emoji }] of given) {
    const row = await store.row(threadLog(thread), key);
    if ((row?.value as ReactionRow | undefined)?.removed === false) reactions.push({ target, emoji });
  }
  return { messages, reactions };
}

/** Deletes these messages, said by the system, and takes these reactions back, said by the user, since theirs they are. Everybody hears it. */
export async function erasePage(
  { store, appender }: { readonly store: Store; readonly appender: Appender },
  { deviceId }: Caller,
  thread: ThreadId,
  userId: UserId,
  page: readonly Entry[],
): Promise<void> {
  const { messages, reactions } = await ownIn(store, thread, userId, page);
  const entry = (senderId: UserId, change: Change): NewEntry => ({ senderId, deviceId, ...noId, change });
  const entries = [
    ...messages.map((target) => entry(systemUser, { kind: 'message-deleted', target })),
    ...reactions.map((reaction) => entry(userId, { kind: 'reaction-changed', ...reaction, removed: true })),
  ];
  for (const some of chunksOf(entries, together)) {
    await appender.append(thread, { senderId: systemUser, ...noId, knownHead: 0n, build: () => some });
  }
}

const noId = { clientMessageId: '', fingerprint: '' } as const;
