import type { NewEntry, Role } from '../core/entry.ts';
import { Refusal } from '../core/errors.ts';
import { type ThreadId, type UserId, directThreadId, groupOfService, groupThreadId } from '../core/ids.ts';
import type { ThreadViews } from '../delivery/thread-views.ts';
import type { Store } from '../store/store.ts';
import type { Access } from './access.ts';
import type { Appender } from './appender.ts';
import type { Caller } from './caller.ts';
import type { Limits } from './limits.ts';
import { appendOnce, fingerprintOfChange } from './once.ts';
import { compareIds } from './order.ts';
import type { Pointers } from './pointers.ts';

export interface OpenThreadOptions {
  readonly store: Store;
  readonly views: ThreadViews;
  readonly access: Access;
  readonly appender: Appender;
  readonly pointers: Pointers;
  readonly limits: Limits;
  /** Members that a group may have. */
  readonly memberCap: number;
}

/** Begins threads. Their ids are derived, so that two who do it at once get one thread. */
export class OpenThread {
  readonly #options: OpenThreadOptions;

  constructor(options: OpenThreadOptions) {
    this.#options = options;
  }

  /** The direct thread with a user, seen before or not. @throws Refusal NOT_ACCEPTED, RATE_LIMITED when it is new */
  direct(caller: Caller, userId: UserId): Promise<ThreadId> {
    const { access, limits } = this.#options;
    return this.#direct(caller, caller.userId, userId, async () => {
      await access.requireAccepted(caller.userId, userId, true, caller.signal);
      limits.take(caller.userId, 'open');
    });
  }

  /** The direct thread of two users, for a service. @throws Refusal NOT_ACCEPTED when it is new and one has blocked the other */
  between(caller: Caller, one: UserId, other: UserId): Promise<ThreadId> {
    const { access } = this.#options;
    return this.#direct(caller, one, other, () => access.requireUnblocked(one, other, caller.signal));
  }

  async #direct(caller: Caller, one: UserId, other: UserId, before: () => Promise<void>): Promise<ThreadId> {
    const { views, appender, pointers } = this.#options;
    const threadId = directThreadId(one, other);
    if ((await views.get(threadId)) !== undefined) return threadId;
    await before();
    const users = one === other ? [one] : [one, other].toSorted(compareIds);
    await pointers.add(threadId, users);
    const members = users.map((user) => ({ userId: user, role: 'member' as const }));
    await appender.append(threadId, {
      senderId: caller.userId,
      clientMessageId: '',
      fingerprint: '',
      knownHead: 0n,
      ...signalOf(caller),
      build: (view) => (view === undefined ? [created(caller, '', '', 'direct', members, '', true)] : []),
    });
    return threadId;
  }

  /** A group with the caller as owner, or for a service with whom it names. @throws Refusal ID_REUSED, MEMBER_CAP, RATE_LIMITED */
  async group(
    caller: Caller,
    request: {
      readonly requestId: string;
      /** Default: the caller. */
      readonly owner?: UserId;
      readonly name: string;
      readonly members: readonly UserId[];
      readonly historyForNewMembers: boolean;
    },
  ): Promise<ThreadId> {
    const { store, appender, pointers, limits, memberCap } = this.#options;
    const { requestId, name, historyForNewMembers, owner = caller.userId } = request;
    const { service } = caller;
    const threadId =
      service === undefined ? groupThreadId(caller.userId, requestId) : groupOfService(service, requestId);
    const others = [...new Set(request.members)].filter((user) => user !== owner).toSorted(compareIds);
    const members: { readonly userId: UserId; readonly role: Role }[] = [
      { userId: owner, role: 'owner' },
      ...others.map((userId) => ({ userId, role: 'member' as const })),
    ];
    const ofOwner = service === undefined ? [] : [owner];
    const fingerprint = fingerprintOfChange('create', name, String(historyForNewMembers), ...ofOwner, ...others);
    await appendOnce(store, appender, threadId, {
      senderId: caller.userId,
      clientMessageId: requestId,
      fingerprint,
      knownHead: 0n,
      ...signalOf(caller),
      before: async () => {
        requireRoom(members.length, memberCap);
        if (service === undefined) limits.take(caller.userId, 'open');
        await pointers.add(
          threadId,
          members.map((member) => member.userId),
        );
      },
      build: (view) => {
        if (view !== undefined) return [];
        return [created(caller, requestId, fingerprint, 'group', members, name, historyForNewMembers)];
      },
    });
    return threadId;
  }
}

/** @throws Refusal MEMBER_CAP */
export function requireRoom(members: number, cap: number): void {
  if (members <= cap) return;
  throw new Refusal('MEMBER_CAP', `a group may have at most ${cap} members: nobody was added`);
}

export function signalOf(caller: Caller): { readonly signal?: AbortSignal } {
  return caller.signal === undefined ? {} : { signal: caller.signal };
}

function created(
  caller: Caller,
  clientMessageId: string,
  fingerprint: string,
  threadKind: 'direct' | 'group',
  members: readonly { readonly userId: UserId; readonly role: Role }[],
  name: string,
  historyForNewMembers: boolean,
): NewEntry {
  return {
    senderId: caller.userId,
    deviceId: caller.deviceId,
    clientMessageId,
    fingerprint,
    change: { kind: 'thread-created', threadKind, members, name, historyForNewMembers },
  };
}
