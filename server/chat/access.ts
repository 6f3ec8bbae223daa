import type { Member, Role } from '../core/entry.ts';
import { Refusal, threadNotFound, throwIfAborted } from '../core/errors.ts';
import { type ThreadId, type UserId, systemUser, threadLog } from '../core/ids.ts';
import { type MemberRow, rowKey } from '../core/rows.ts';
import type { ThreadView, ThreadViews } from '../delivery/thread-views.ts';
import type { Store } from '../store/store.ts';
import { accountOf, hasBlocked, isBlockBetween } from './accounts.ts';
import { Acquaintance } from './acquaintance.ts';
import type { Caller } from './caller.ts';

/**
 * Authorisation, in one place: who may read and write which thread, and who may see what of whom.
 *
 * A thread that does not exist and one that is not the caller's give the same answer, byte for byte, and are told apart
 * by no other check: whoever calls this has checked the form of the request before, and looks at nothing else of the
 * thread until it has answered.
 */
export class Access {
  readonly #store: Store;
  readonly #threads: ThreadViews;
  readonly #acquaintance: Acquaintance;

  constructor(options: { readonly store: Store; readonly threads: ThreadViews }) {
    this.#store = options.store;
    this.#threads = options.threads;
    this.#acquaintance = new Acquaintance(options);
  }

  /** For members. @throws Refusal THREAD_NOT_FOUND */
  async member(userId: UserId, threadId: ThreadId, signal?: AbortSignal): Promise<MemberAccess> {
    throwIfAborted(signal);
    const view = await this.#threads.latest(threadId);
    const member = view?.members.get(userId);
    if (view === undefined || member === undefined) throw threadNotFound();
    return { view: snapshot(view), member, visibleFrom: await this.visibleFrom(view, member) };
  }

  /** For members, and for those who were, up to their removal. @throws Refusal THREAD_NOT_FOUND */
  async reader(userId: UserId, threadId: ThreadId, signal?: AbortSignal): Promise<ReaderAccess> {
    throwIfAborted(signal);
    const view = await this.#threads.latest(threadId);
    if (view === undefined) throw threadNotFound();
    const member = view.members.get(userId);
    if (member !== undefined) {
      return {
        view: snapshot(view),
        member,
        joinSequence: member.joinSequence,
        visibleTo: view.head.sequence,
        visibleFrom: await this.visibleFrom(view, member),
      };
    }
    const row = (await this.#store.row(threadLog(threadId), rowKey.member(userId), signal))?.value as
      | MemberRow
      | undefined;
    if (row === undefined || row.leftSequence === 0n) throw threadNotFound();
    const { joinSequence, leftSequence } = row;
    const left = { userId, joinSequence };
    return {
      view: await this.#leftView(view, leftSequence, signal),
      member: undefined,
      joinSequence,
      visibleTo: leftSequence,
      visibleFrom: await this.visibleFrom(view, left),
    };
  }

  /** A thread for who has left it: nothing of who is in it now, and its name only if it had that then. */
  async #leftView(view: ThreadView, leftSequence: bigint, signal?: AbortSignal): Promise<ThreadView> {
    const { threadId, head, info, spans } = view;
    const row = await this.#store.row(threadLog(threadId), rowKey.info, signal);
    const isOfThen = row !== undefined && row.sequence <= leftSequence;
    return { threadId, head, info: isOfThen ? info : { ...info, name: '' }, members: new Map(), spans };
  }

  /**
   * Lowest sequence that a member may see: of the last join (a rejoin is a new join), or the first where the group showed those who joined
   * then what was before them.
   */
  async visibleFrom(view: ThreadView, member: Pick<Member, 'userId' | 'joinSequence'>): Promise<bigint> {
    if (member.joinSequence === 1n) return 1n;
    const row = await this.#store.inboxRow(member.userId, view.threadId);
    return row?.visibleFrom ?? member.joinSequence;
  }

  /**
   * Whether two users know each other: they share a group, or a direct thread in which both have written. Then they may see each
   * other's presence and receipts, unless one of them hides them.
   */
  async areAcquainted(viewer: UserId, user: UserId, signal?: AbortSignal): Promise<boolean> {
    return viewer === user || (await this.#acquaintance.between(viewer, user, signal));
  }

  /** Presence and last seen. Blocking and hiding work both ways. */
  async canSeePresence(viewer: UserId, user: UserId, signal?: AbortSignal): Promise<boolean> {
    return (await this.whosePresence(viewer, [user], signal)).has(user);
  }

  /** Those of the users whose presence the viewer may see. */
  async whosePresence(viewer: UserId, users: readonly UserId[], signal?: AbortSignal): Promise<Set<UserId>> {
    const seen = new Set<UserId>();
    const { hidePresence } = await accountOf(this.#store, viewer, signal);
    const groups = hidePresence || users.length === 0 ? [] : await this.#acquaintance.groupsOf(viewer, signal);
    await Promise.all(
      [...new Set(users)].map(async (user) => {
        if (user === viewer) return void seen.add(user);
        if (hidePresence) return;
        if ((await accountOf(this.#store, user, signal)).hidePresence) return;
        if (await isBlockBetween(this.#store, viewer, user, signal)) return;
        if (await this.#acquaintance.between(viewer, user, signal, groups)) seen.add(user);
      }),
    );
    return seen;
  }

  /** What of `user`'s positions `viewer` may see in a thread that both are in. */
  async canSeeReceipts(viewer: UserId, user: UserId, thread: ThreadView, signal?: AbortSignal): Promise<ReceiptSight> {
    if (viewer === user) return { delivered: true, read: true };
    const [mine, theirs, blocked] = await Promise.all([
      accountOf(this.#store, viewer, signal),
      accountOf(this.#store, user, signal),
      isBlockBetween(this.#store, viewer, user, signal),
    ]);
    if (blocked) return { delivered: false, read: false };
    if (thread.info.kind === 'direct' && !(await this.areAcquainted(viewer, user, signal))) {
      return { delivered: false, read: false };
    }
    return { delivered: true, read: !mine.readPrivately && !theirs.readPrivately };
  }

  /**
   * Whether `sender` may write to `user` in their direct thread: always in one that exists, unless blocked; in a new one as
   * the user's settings say. @throws Refusal NOT_ACCEPTED
   */
  async requireAccepted(sender: UserId, user: UserId, isNew: boolean, signal?: AbortSignal): Promise<void> {
    if (sender === user) return;
    if (await hasBlocked(this.#store, user, sender, signal)) throw notAccepted();
    if (!isNew) return;
    const { directPolicy } = await accountOf(this.#store, user, signal);
    if (directPolicy === 'anyone') return;
    if (directPolicy === 'shared-group' && (await this.#acquaintance.shareGroup(sender, user, signal))) return;
    throw notAccepted();
  }

  /** For who brings two users together. @throws Refusal NOT_ACCEPTED when one has blocked the other */
  async requireUnblocked(one: UserId, other: UserId, signal?: AbortSignal): Promise<void> {
    if (!(await isBlockBetween(this.#store, one, other, signal))) return;
    throw new Refusal('NOT_ACCEPTED', 'one of the two users has blocked the other');
  }
}

export interface MemberAccess {
  readonly view: ThreadView;
  readonly member: Member;
  /** Lowest sequence the user may see. */
  readonly visibleFrom: bigint;
}

export interface ReaderAccess {
  readonly view: ThreadView;
  /** Undefined for who was a member. */
  readonly member: Member | undefined;
  /** Sequence of the entry that made them a member, the last time. */
  readonly joinSequence: bigint;
  readonly visibleFrom: bigint;
  /** Highest sequence the user may see: the head, or their removal. */
  readonly visibleTo: bigint;
}

export interface ReceiptSight {
  readonly delivered: boolean;
  readonly read: boolean;
}

/** The member of a view at hand: of the head that an append is conditional on. @throws Refusal THREAD_NOT_FOUND */
export function memberOf(view: ThreadView | undefined, userId: UserId): Member {
  const member = view?.members.get(userId);
  if (member === undefined) throw threadNotFound();
  return member;
}

/**
 * In what role the caller changes a group: a service that asks for the system as an owner, though it is no member.
 * @throws Refusal THREAD_NOT_FOUND
 */
export function actorOf(view: ThreadView, { service, userId }: Caller): Pick<Member, 'role'> {
  return service !== undefined && userId === systemUser ? { role: 'owner' } : memberOf(view, userId);
}

/** Views move with every append: what is answered about one head is taken from one. Members are still shared. */
function snapshot(view: ThreadView): ThreadView {
  const { threadId, head, info, members, spans } = view;
  return { threadId, head, info, members, spans };
}

/** @throws Refusal ROLE_REQUIRED */
export function requireRole(member: Pick<Member, 'role'>, role: Role): void {
  if (rank(member.role) < rank(role)) throw new Refusal('ROLE_REQUIRED', `this takes the role ${role} in the group`);
}

/** Each role may do all that the lower ones may. */
export function rank(role: Role): number {
  return role === 'owner' ? 2 : role === 'admin' ? 1 : 0;
}

function notAccepted(): Refusal {
  return new Refusal('NOT_ACCEPTED', 'the user does not take direct messages from you');
}
