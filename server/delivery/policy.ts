import type { ThreadId, UserId } from "../core/ids.ts";

/** What delivery asks of the rules about people; the chat room answers (`chat/access.ts`). Answers may be up to 10 s old. */
export interface Policy {
  /** Whether `viewer` may see whether `user` is there. */
  canSeePresence(viewer: UserId, user: UserId): Promise<boolean>;
  /** Whether `viewer` may see receipts and typing of `user` in this thread (blocks hide them both ways). */
  canSeeReceipts(viewer: UserId, user: UserId, threadId: ThreadId): Promise<boolean>;
  /** Whether the user reads privately. */
  readsPrivately(user: UserId): Promise<boolean>;
}
