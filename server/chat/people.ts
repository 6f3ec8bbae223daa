import { type ThreadId, type UserId, directThreadId } from '../core/ids.ts';
import type { Presence } from '../core/presence.ts';
import type { Member } from '../core/entry.ts';
import type { ThreadViews } from '../delivery/thread-views.ts';
import type { Store } from '../store/store.ts';
import type { Access } from './access.ts';
import { hasBlocked } from './accounts.ts';
import type { Caller } from './caller.ts';
import { pageOfIds } from './order.ts';
import type { PageTokens } from './page-token.ts';
import type { Presences } from './presences.ts';
import type { Profile, Profiles } from './profiles.ts';

/** Someone the caller shares threads with. */
export interface Person {
  readonly profile: Profile;
  readonly presence: Presence;
  /** The direct thread with them. */
  readonly directThreadId: ThreadId | undefined;
  readonly blocked: boolean;
}

export interface ThreadMember {
  readonly member: Member;
  readonly profile: Profile;
  readonly presence: Presence;
}

export interface PeopleOptions {
  readonly store: Store;
  readonly views: ThreadViews;
  readonly access: Access;
  readonly profiles: Profiles;
  readonly presences: Presences;
  readonly tokens: PageTokens;
}

interface PageRequest {
  readonly limit: number;
  readonly pageToken: string;
}

/** The people around the caller, in order of their ids, with profile and presence. */
export class People {
  readonly #options: PeopleOptions;

  constructor(options: PeopleOptions) {
    this.#options = options;
  }

  /** With whom the caller shares threads. @throws Refusal INVALID_TOKEN */
  async list(
    caller: Caller,
    { limit, pageToken }: PageRequest,
  ): Promise<{ readonly people: readonly Person[]; readonly nextPageToken: string }> {
    const { store, views, tokens } = this.#options;
    const { userId, signal } = caller;
    const scope = ['ListPeople', userId];
    const after = tokens.read(scope, pageToken, 1)?.[0] ?? '';
    const inbox = await store.inbox(userId, 0, signal);
    const threads = new Set<ThreadId>();
    const known = new Set<UserId>();
    for (const row of inbox) {
      if (!row.member) continue;
      const view = await views.get(row.threadId);
      // The inbox points, the thread says what is true.
      if (view?.members.has(userId) !== true) continue;
      threads.add(row.threadId);
      for (const member of view.members.keys()) known.add(member);
    }
    known.delete(userId);
    const page = pageOfIds(known, after, limit + 1);
    const users = page.slice(0, limit);
    const [profiles, presences, blocked] = await Promise.all([
      this.#options.profiles.get(users, signal),
      this.#options.presences.get(userId, users, signal),
      Promise.all(users.map((user) => hasBlocked(store, userId, user, signal))),
    ]);
    const people = users.map((user, index) => {
      const direct = directThreadId(userId, user);
      return {
        ...beside(profiles, presences, index),
        directThreadId: threads.has(direct) ? direct : undefined,
        blocked: blocked[index] === true,
      };
    });
    const last = users.at(-1);
    return { people, nextPageToken: page.length > limit && last !== undefined ? tokens.make(scope, [last]) : '' };
  }

  /** A thread's members. @throws Refusal THREAD_NOT_FOUND, INVALID_TOKEN */
  async members(
    caller: Caller,
    threadId: ThreadId,
    { limit, pageToken }: PageRequest,
  ): Promise<{ readonly members: readonly ThreadMember[]; readonly nextPageToken: string }> {
    const { access, tokens } = this.#options;
    const { userId, signal } = caller;
    const { view } = await access.member(userId, threadId, signal);
    const scope = ['ListMembers', userId, threadId];
    const after = tokens.read(scope, pageToken, 1)?.[0] ?? '';
    const page = pageOfIds(view.members.keys(), after, limit + 1);
    const listed: Member[] = [];
    for (const user of page.slice(0, limit)) {
      const member = view.members.get(user);
      if (member !== undefined) listed.push(member);
    }
    const users = listed.map((member) => member.userId);
    const [profiles, presences] = await Promise.all([
      this.#options.profiles.get(users, signal),
      this.#options.presences.get(userId, users, signal),
    ]);
    const members = listed.map((member, index) => ({ member, ...beside(profiles, presences, index) }));
    const last = users.at(-1);
    return { members, nextPageToken: page.length > limit && last !== undefined ? tokens.make(scope, [last]) : '' };
  }
}

function beside(
  profiles: readonly Profile[],
  presences: readonly Presence[],
  index: number,
): { readonly profile: Profile; readonly presence: Presence } {
  const profile = profiles[index];
  const presence = presences[index];
  if (profile === undefined || presence === undefined) throw new Error('a profile and a presence for each user');
  return { profile, presence };
}
