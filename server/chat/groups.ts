import type { Change, NewEntry, Role } from '../core/entry.ts';
import { Refusal, threadNotFound } from '../core/errors.ts';
import { type ThreadId, type UserId, systemUser, threadLog } from '../core/ids.ts';
import type { Receipts } from '../delivery/receipts.ts';
import type { ThreadView, ThreadViews } from '../delivery/thread-views.ts';
import type { Store } from '../store/store.ts';
import { actorOf, rank, requireRole } from './access.ts';
import type { Appender } from './appender.ts';
import type { Caller } from './caller.ts';
import { appendOnce, fingerprintOfChange, serviceOf } from './once.ts';
import { requireRoom, signalOf } from './open-thread.ts';
import { compareIds } from './order.ts';
import type { Pointers } from './pointers.ts';

export interface GroupsOptions {
  readonly store: Store;
  readonly views: ThreadViews;
  readonly appender: Appender;
  readonly pointers: Pointers;
  readonly receipts: Receipts;
  readonly memberCap: number;
}

/**
 * Who is in a group, in what role, and what it is called. Every change is an entry of its log, judged by the members at the head that it
 * follows, and made once for each request id. Each call answers with the sequence of its last entry; 0 = nothing changed.
 */
export class Groups {
  readonly #options: GroupsOptions;

  constructor(options: GroupsOptions) {
    this.#options = options;
  }

  /** @throws Refusal THREAD_NOT_FOUND, WRONG_THREAD_KIND, ROLE_REQUIRED, MEMBER_CAP, ID_REUSED */
  async add(caller: Caller, threadId: ThreadId, requestId: string, users: readonly UserId[]): Promise<bigint> {
    const { views, pointers, memberCap } = this.#options;
    const wanted = [...new Set(users)].toSorted(compareIds);
    const missing = (view: ThreadView): UserId[] => wanted.filter((user) => !view.members.has(user));
    const check = (view: ThreadView | undefined): UserId[] => {
      const group = groupOf(view, caller);
      requireRole(actorOf(group, caller), 'admin');
      const added = missing(group);
      requireRoom(group.members.size + added.length, memberCap);
      return added;
    };
    const outcome = await this.#append(caller, threadId, requestId, ['add', ...wanted], {
      before: async () => pointers.add(threadId, check(await views.latest(threadId))),
      build: (view) => check(view).map((userId) => ({ kind: 'member-added', userId, role: 'member' })),
    });
    if (outcome.appended) await this.#beginPositions(threadId, wanted, outcome.sequence);
    await this.#settlePointers(threadId, wanted);
    return outcome.sequence;
  }

  /** @throws Refusal THREAD_NOT_FOUND, WRONG_THREAD_KIND, ROLE_REQUIRED, LAST_OWNER, ID_REUSED */
  async remove(caller: Caller, threadId: ThreadId, requestId: string, userId: UserId): Promise<bigint> {
    const { sequence } = await this.#append(caller, threadId, requestId, ['remove', userId], {
      build: (view) => {
        const group = groupOf(view, caller);
        const self = actorOf(group, caller);
        requireRole(self, 'admin');
        const other = group.members.get(userId);
        if (other === undefined) return [];
        if (userId !== caller.userId && rank(other.role) > 0) requireRole(self, 'owner');
        requireOtherOwner(group, userId);
        return [{ kind: 'member-removed', userId }];
      },
    });
    await this.#settlePointers(threadId, [userId]);
    return sequence;
  }

  /** @throws Refusal THREAD_NOT_FOUND, WRONG_THREAD_KIND, LAST_OWNER, ID_REUSED */
  async leave(caller: Caller, threadId: ThreadId, requestId: string): Promise<bigint> {
    const { userId } = caller;
    const { sequence } = await this.#append(caller, threadId, requestId, ['leave'], {
      build: (view) => {
        requireOtherOwner(groupOf(view, caller), userId);
        return [{ kind: 'member-removed', userId }];
      },
    });
    await this.#settlePointers(threadId, [userId]);
    return sequence;
  }

  /** @throws Refusal THREAD_NOT_FOUND, WRONG_THREAD_KIND, ROLE_REQUIRED, USER_NOT_FOUND, LAST_OWNER, ID_REUSED */
  async setRole(caller: Caller, threadId: ThreadId, requestId: string, userId: UserId, role: Role): Promise<bigint> {
    const { sequence } = await this.#append(caller, threadId, requestId, ['role', userId, role], {
      build: (view) => {
        const group = groupOf(view, caller);
        requireRole(actorOf(group, caller), 'owner');
        const other = group.members.get(userId);
        if (other === undefined) throw new Refusal('USER_NOT_FOUND', 'the user is no member of the group');
        if (other.role === role) return [];
        if (other.role === 'owner' && countOwners(group) === 1) throw lastOwner();
        return [{ kind: 'role-changed', userId, role }];
      },
    });
    return sequence;
  }

  /**
   * Takes a user out, whatever their role, said by the system: a group that they alone own goes to its longest-standing admin, else member.
   * Nothing happens where they are no member, and in a direct thread.
   */
  async takeOut(caller: Caller, threadId: ThreadId, userId: UserId): Promise<void> {
    await this.#options.appender.append(threadId, {
      senderId: systemUser,
      ...noIds,
      knownHead: 0n,
      build: (view): NewEntry[] => {
        const member = view?.members.get(userId);
        if (view === undefined || member === undefined || view.info.kind !== 'group') return [];
        const heir = member.role === 'owner' && countOwners(view) === 1 ? heirOf(view, userId) : undefined;
        const changes: Change[] = heir === undefined ? [] : [{ kind: 'role-changed', userId: heir, role: 'owner' }];
        changes.push({ kind: 'member-removed', userId });
        return changes.map((change) => ({ senderId: systemUser, deviceId: caller.deviceId, ...noIds, change }));
      },
    });
    await this.#settlePointers(threadId, [userId]);
  }

  /** Undefined = as it was. @throws Refusal THREAD_NOT_FOUND, WRONG_THREAD_KIND, ROLE_REQUIRED, ID_REUSED */
  async update(
    caller: Caller,
    threadId: ThreadId,
    requestId: string,
    changes: { readonly name: string | undefined; readonly historyForNewMembers: boolean | undefined },
  ): Promise<bigint> {
    const asked = [
      'update',
      changes.name ?? '',
      changes.name === undefined ? '' : '1',
      `${changes.historyForNewMembers}`,
    ];
    const { sequence } = await this.#append(caller, threadId, requestId, asked, {
      build: (view) => {
        const group = groupOf(view, caller);
        requireRole(actorOf(group, caller), 'admin');
        const name = changes.name ?? group.info.name;
        const historyForNewMembers = changes.historyForNewMembers ?? group.info.historyForNewMembers;
        if (name === group.info.name && historyForNewMembers === group.info.historyForNewMembers) return [];
        return [{ kind: 'group-changed', name, historyForNewMembers }];
      },
    });
    return sequence;
  }

  async #append(
    caller: Caller,
    threadId: ThreadId,
    requestId: string,
    asked: readonly string[],
    work: {
      readonly before?: () => Promise<void>;
      readonly build: (view: ThreadView | undefined) => readonly Change[];
    },
  ): Promise<{ readonly sequence: bigint; readonly appended: boolean }> {
    const { store, appender } = this.#options;
    const fingerprint = fingerprintOfChange(...asked, ...serviceOf(caller));
    const { sequence, duplicate } = await appendOnce(store, appender, threadId, {
      senderId: caller.userId,
      clientMessageId: requestId,
      fingerprint,
      knownHead: 0n,
      ...signalOf(caller),
      ...(work.before === undefined ? {} : { before: work.before }),
      build: (view): NewEntry[] => {
        const changes = work.build(view);
        // The last entry carries the id for all: they are appended together or not at all.
        return changes.map((change, index) => {
          const ids = index === changes.length - 1 ? { clientMessageId: requestId, fingerprint } : noIds;
          return { senderId: caller.userId, deviceId: caller.deviceId, ...ids, change };
        });
      },
    });
    return { sequence, appended: sequence !== 0n && !duplicate };
  }

  /** Says in the users' own logs what the thread's log says, also when that changes meanwhile: they may be added and removed at once. */
  async #settlePointers(threadId: ThreadId, users: readonly UserId[]): Promise<void> {
    const { views, pointers } = this.#options;
    let unsettled = users;
    while (unsettled.length > 0) {
      // As the thread stands now: another node may have changed who is in it.
      const before = (await views.latest(threadId))?.members;
      const members = new Set(unsettled.filter((user) => before?.has(user) === true));
      await pointers.add(threadId, [...members]);
      await pointers.remove(
        threadId,
        unsettled.filter((user) => !members.has(user)),
      );
      const now = (await views.latest(threadId))?.members;
      unsettled = unsettled.filter((user) => members.has(user) !== (now?.has(user) === true));
    }
  }

  /** Positions of who was added begin at the join: what was before it is not unread. */
  async #beginPositions(threadId: ThreadId, users: readonly UserId[], last: bigint): Promise<void> {
    const { store, views, receipts } = this.#options;
    const limit = users.length;
    const before = last - BigInt(limit);
    const entries = await store.entries(threadLog(threadId), { after: before < 0n ? 0n : before, upTo: last, limit });
    const ordinals = new Map(entries.map(({ sequence, ordinal }) => [sequence, ordinal]));
    const view = await views.get(threadId);
    for (const user of users) {
      const join = view?.members.get(user)?.joinSequence ?? 0n;
      // Of who was in already the join may be among these entries too, with messages behind it.
      const ordinal = ordinals.get(join);
      if (ordinal !== undefined) receipts.advanceRead(user, threadId, join, undefined, ordinal);
    }
  }
}

const noIds = { clientMessageId: '', fingerprint: '' } as const;

/** @throws Refusal THREAD_NOT_FOUND to strangers, WRONG_THREAD_KIND to the members of a direct thread */
function groupOf(view: ThreadView | undefined, caller: Caller): ThreadView {
  if (view === undefined) throw threadNotFound();
  actorOf(view, caller);
  if (view.info.kind !== 'group') throw new Refusal('WRONG_THREAD_KIND', 'this is a direct thread, not a group');
  return view;
}

/** @throws Refusal LAST_OWNER when the user is the only owner and others would be left */
function requireOtherOwner(group: ThreadView, userId: UserId): void {
  if (group.members.get(userId)?.role !== 'owner' || group.members.size === 1) return;
  if (countOwners(group) === 1) throw lastOwner();
}

function countOwners(group: ThreadView): number {
  let owners = 0;
  for (const member of group.members.values()) if (member.role === 'owner') owners += 1;
  return owners;
}

/** Undefined: nobody else is there. */
function heirOf(group: ThreadView, userId: UserId): UserId | undefined {
  const others = [...group.members.values()].filter((member) => member.userId !== userId);
  return others.toSorted(
    (a, b) => rank(b.role) - rank(a.role) || Number(a.joinSequence - b.joinSequence) || compareIds(a.userId, b.userId),
  )[0]?.userId;
}

function lastOwner(): Refusal {
  return new Refusal('LAST_OWNER', 'the group needs an owner: make another member one first');
}
