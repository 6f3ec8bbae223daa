import type { UserId } from '../core/ids.ts';
import type { ThreadView } from './thread-views.ts';

/** What delivery asks of the rules about people; the chat room answers (`chat/policy.ts`). Answers may be up to 10 s old. */
export interface Policy {
  /** Whether `viewer` may see whether `user` is there. */
  canSeePresence(viewer: UserId, user: UserId): Promise<boolean>;
  /** What of `user`'s positions in this thread `viewer` may see. Typing is seen where `delivered` is. */
  canSeeReceipts(
    viewer: UserId,
    user: UserId,
    view: ThreadView,
  ): Promise<{ readonly delivered: boolean; readonly read: boolean }>;
  /** Whether the user reads privately. */
  readsPrivately(user: UserId): Promise<boolean>;
}
