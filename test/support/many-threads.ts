// Threads of one user in any number, written at the store's door: an inbox as it is after long.
import type { Head, NewEntry } from '../../server/core/entry.ts';
import { threadLog, type DeviceId, type ThreadId, type UserId } from '../../server/core/ids.ts';
import type { Store } from '../../server/store/store.ts';

export interface WrittenThread {
  readonly threadId: ThreadId;
  head: Head;
}

const device = 'd' as DeviceId;
const nobody = { senderId: 'other' as UserId, deviceId: device, clientMessageId: '', fingerprint: '' };

/** A thread of the user's and `other`'s, made at a time. */
export async function writeThread(store: Store, userId: UserId, name: string, atMs: number): Promise<WrittenThread> {
  const threadId = name as ThreadId;
  const users = ['other' as UserId, userId];
  const made: NewEntry = {
    ...nobody,
    change: {
      kind: 'thread-created',
      threadKind: name.startsWith('d_') ? 'direct' : 'group',
      members: users.map((user) => ({ userId: user, role: 'owner' })),
      name: '',
      historyForNewMembers: true,
    },
  };
  const inbox = users.map((user) => ({ userId: user, visibleFrom: 1n, member: true }));
  const result = await store.append(threadLog(threadId), { expected: undefined, entries: [made], nowMs: atMs, inbox });
  if (result.outcome !== 'appended') throw new Error(`the thread ${name} was there`);
  return { threadId, head: result.head };
}

/** Messages of `other`'s, in one append. */
export async function writeMessages(
  store: Store,
  userId: UserId,
  thread: WrittenThread,
  texts: readonly string[],
  atMs: number,
): Promise<void> {
  const entries = texts.map((text, at): NewEntry => {
    const id = `${thread.head.sequence + BigInt(at)}`;
    const body = { content: { text }, mentions: [], attachments: [] };
    return {
      ...nobody,
      clientMessageId: id,
      fingerprint: id,
      change: { kind: 'message', replyTo: 0n, body, editSequence: 0n, deleteSequence: 0n },
    };
  });
  const result = await store.append(threadLog(thread.threadId), {
    expected: thread.head,
    entries,
    nowMs: atMs,
    inbox: [{ userId: 'other' as UserId }, { userId }],
  });
  if (result.outcome !== 'appended') throw new Error(`${thread.threadId} is elsewhere`);
  thread.head = result.head;
}
