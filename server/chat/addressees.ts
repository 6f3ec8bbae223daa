import { topicOf, type Topic } from '../bus/bus.ts';
import type { Entry, NewEntry } from '../core/entry.ts';
import type { ThreadId, UserId } from '../core/ids.ts';
import type { ThreadView } from '../delivery/thread-views.ts';
import type { Append, InboxUpdate } from '../store/store.ts';

/** Members beyond which a thread's inbox rows are no longer written with each append. */
const largeThread = 100;

/** A direct thread is heard by its users' topics; a group by its own, and by the topics of those who come in. */
export function topicsOf(
  threadId: ThreadId,
  before: ThreadView | undefined,
  entries: readonly Entry[],
): readonly Topic[] {
  // Nobody comes into a direct thread.
  if (before?.info.kind === 'direct') return [...before.members.keys()].map(topicOf.user);
  const topics = new Set<Topic>([topicOf.thread(threadId)]);
  for (const { change } of entries) {
    if (change.kind === 'thread-created') for (const { userId } of change.members) topics.add(topicOf.user(userId));
    if (change.kind === 'member-added') topics.add(topicOf.user(change.userId));
  }
  return [...topics];
}

/** The inbox rows that go with the entries. */
export function inboxOf(view: ThreadView | undefined, entries: readonly NewEntry[], next: bigint): Append['inbox'] {
  const updates = new Map<UserId, InboxUpdate>();
  let size = view?.members.size ?? 0;
  const before = size;
  let history = view?.info.historyForNewMembers ?? false;
  let sequence = next;
  for (const { change } of entries) {
    if (change.kind === 'thread-created') {
      history = change.historyForNewMembers;
      size += change.members.length;
      for (const { userId } of change.members) updates.set(userId, { userId, visibleFrom: 1n, member: true });
    } else if (change.kind === 'member-added') {
      size++;
      const visibleFrom = history ? 1n : sequence;
      updates.set(change.userId, { userId: change.userId, visibleFrom, member: true });
    } else if (change.kind === 'member-removed') {
      size--;
      updates.set(change.userId, { userId: change.userId, member: false });
    }
    sequence++;
  }
  const large = size > largeThread;
  // While it grows past the bound every row is marked once; from then on only those who come and go are written.
  if (view !== undefined && (before <= largeThread || !large)) {
    for (const userId of view.members.keys()) if (!updates.has(userId)) updates.set(userId, { userId });
  }
  if (!large) return [...updates.values()];
  return [...updates.values()].map((update) => ({ ...update, large: true }));
}
