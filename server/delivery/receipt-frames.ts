import type { BusEvent, PositionChange } from '../core/event.ts';
import type { UserId } from '../core/ids.ts';
import type { Policy } from './policy.ts';
import type { Session } from './session.ts';
import type { ThreadView, ThreadViews } from './thread-views.ts';

type Positions = Extract<BusEvent, { type: 'positions' }>;
type Typing = Extract<BusEvent, { type: 'typing' }>;

/** What a session tells its device of others' positions and typing, as far as its user may see it. */
export class ReceiptFrames {
  readonly #views: ThreadViews;
  readonly #policy: Policy;

  constructor(views: ThreadViews, policy: Policy) {
    this.#views = views;
    this.#policy = policy;
  }

  positions(session: Session, event: Positions): void {
    const view = this.#views.peek(event.threadId);
    if (view === undefined) return;
    const { userId } = session.identity;
    for (const change of event.positions) {
      if (change.userId === userId) this.#own(session, view, change);
      else if (view.info.kind === 'direct' && view.members.has(userId)) void this.#others(session, view, change);
    }
  }

  #own(session: Session, view: ThreadView, change: PositionChange): void {
    if (change.origin === session.identity.sessionId || change.read === 0n) return;
    const unread = view.head.ordinal > change.readOrdinal ? view.head.ordinal - change.readOrdinal : 0n;
    const { threadId } = view;
    session.outbox.replace(`o${threadId}`, { type: 'read', threadId, read: change.read, unread });
  }

  async #others(session: Session, view: ThreadView, change: PositionChange): Promise<void> {
    const { threadId } = view;
    const sight = await this.#sight(session.identity.userId, change.userId, view);
    if (!sight.delivered || session.phase === 'ended') return;
    session.outbox.replace(`r${threadId}${change.userId}`, {
      type: 'receipt',
      threadId,
      userId: change.userId,
      delivered: change.delivered,
      read: sight.read && !change.readPrivately ? change.read : 0n,
    });
  }

  /** For a thread that the session has on screen. */
  typing(session: Session, event: Typing): void {
    const { threadId, userId, active } = event;
    // Typing needs a view that is recent; the one in memory has followed every event of the topic.
    const view = this.#views.peek(threadId);
    if (view === undefined || !view.members.has(session.identity.userId) || !view.members.has(userId)) return;
    void this.#sight(session.identity.userId, userId, view).then((sight) => {
      if (!sight.delivered || session.phase === 'ended') return;
      session.outbox.replace(`t${threadId}${userId}`, { type: 'typing', threadId, userId, active });
    });
  }

  /** Nothing, where the rules cannot be read just now: receipts are hints. */
  async #sight(viewer: UserId, user: UserId, view: ThreadView): Promise<{ delivered: boolean; read: boolean }> {
    try {
      return await this.#policy.canSeeReceipts(viewer, user, view);
    } catch {
      return { delivered: false, read: false };
    }
  }
}
