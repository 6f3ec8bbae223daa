import type { Body, NotificationLevel } from '../../core/entry.ts';
import { type UserId, systemUser } from '../../core/ids.ts';
import type { AccountRow } from '../../core/rows.ts';
import type { ThreadView } from '../../delivery/thread-views.ts';
import type { Store } from '../../store/store.ts';
import { accountOf, hasBlocked } from '../accounts.ts';
import { settingsOf } from '../thread-settings.ts';

/** As much of a message as decides who is notified of it. */
export interface NewMessage {
  readonly sequence: bigint;
  readonly senderId: UserId;
  readonly createTimeMs: number;
  readonly body: Body;
}

/** What a user wants to be notified of in a thread. */
export interface Wishes {
  readonly account: AccountRow;
  readonly level: NotificationLevel;
}

export async function wishesOf(store: Store, userId: UserId, view: ThreadView, nowMs: number): Promise<Wishes> {
  const [account, settings] = await Promise.all([accountOf(store, userId), settingsOf(store, userId, view.threadId)]);
  if (settings.muteUntilMs > nowMs) return { account, level: 'none' };
  if (settings.notificationLevel !== undefined) return { account, level: settings.notificationLevel };
  const level = account.notificationLevel ?? 'all';
  // Whoever writes to a user alone means them.
  return { account, level: level === 'mentions' && view.info.kind === 'direct' ? 'all' : level };
}

/** Of messages, newest first, the first one that the user is to be notified of: of what they see and did not write, by nobody whom they block. */
export async function newestFor(
  store: Store,
  userId: UserId,
  level: NotificationLevel,
  joinSequence: bigint,
  messages: readonly NewMessage[],
): Promise<NewMessage | undefined> {
  if (level === 'none') return undefined;
  const blocked = new Map<UserId, boolean>();
  for (const message of messages) {
    const { senderId, sequence, body } = message;
    if (sequence <= joinSequence) return undefined;
    if (senderId === userId || (level === 'mentions' && !body.mentions.includes(userId))) continue;
    if (senderId !== systemUser && !blocked.has(senderId)) {
      blocked.set(senderId, await hasBlocked(store, userId, senderId));
    }
    if (blocked.get(senderId) !== true) return message;
  }
  return undefined;
}
