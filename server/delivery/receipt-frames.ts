import type { BusEvent, PositionChange } from '../core/event.ts';
import type { ThreadId, UserId } from '../core/ids.ts';
import type { Store } from '../store/store.ts';
import type { Policy } from './policy.ts';
import type { Session } from './session.ts';
import type { ThreadView, ThreadViews } from './thread-views.ts';

type Positions = Extract<BusEvent, { type: 'positions' }>;
type Typing = Extract<BusEvent, { type: 'typing' }>;

/** What a session tells its device of others' positions and typing, as far as its user may see it. */
export class ReceiptFrames {
  readonly #store: Pick<Store, 'inboxRow'>;
  readonly #views: ThreadViews;
  readonly #policy: Policy;

  constructor(store: Pick<Store, 'inboxRow'>, views: ThreadViews, policy: Policy) {
    this.#store = store;
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
    const { threadId, members, head } = view;
    if (members.has(change.userId)) return this.#tellOwn(session, threadId, change, head.ordinal);
    // Who has left counts up to their removal: what came after it is not theirs to know.
    this.#store.inboxRow(change.userId, threadId).then(
      (row) => this.#tellOwn(session, threadId, change, row?.ordinal ?? 0n),
      () => undefined,
    );
  }

  #tellOwn(session: Session, threadId: ThreadId, { read, readOrdinal }: PositionChange, ordinal: bigint): void {
    const unread = ordinal > readOrdinal ? ordinal - readOrdinal : 0n;
    session.outbox.replace(`o${threadId}`, { type: 'read', threadId, read, unread });
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
