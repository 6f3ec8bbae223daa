// The four kinds of caller and what each calls about: a thread made for one call, so that no call sees another's traces.
import { randomBytes } from 'node:crypto';
import { GroupServiceService } from '#proto/parley/v1/group_service.ts';
import { PeopleServiceService } from '#proto/parley/v1/people_service.ts';
import { type People, type Person, clientId, directThread, groupOf, post } from '../support/raw-people.ts';

export const callers = ['stranger', 'exMember', 'blocked', 'member'] as const;
export type CallerKind = (typeof callers)[number];

/** What a call is about. */
export type Target = {
  threadId: string;
  /** A message of the caller's in it; for a stranger somebody's. */
  own: bigint;
  /** A message of `other`'s in it, which the caller could see when they were a member. */
  others: bigint;
  /** A message that came after an ex-member's removal; for the others the same as `others`. */
  hidden: bigint;
  /** Someone in the thread. */
  other: Person;
};

export type Scene = { caller: Person; target: Target };

export class Stage {
  readonly #people: People;
  readonly #owner: Person;
  readonly #callers: Record<CallerKind, Person>;

  private constructor(people: People, owner: Person, cast: Record<CallerKind, Person>) {
    this.#people = people;
    this.#owner = owner;
    this.#callers = cast;
  }

  static async open(people: People): Promise<Stage> {
    const [owner, stranger, exMember, blocked, member] = await Promise.all(
      ['owner', ...callers].map(async (label) => people.person(label)),
    );
    if (!owner || !stranger || !exMember || !blocked || !member) throw new Error('someone is missing');
    return new Stage(people, owner, { stranger, exMember, blocked, member });
  }

  async scene(kind: CallerKind): Promise<Scene> {
    if (kind === 'blocked') return this.#blockedScene();
    const owner = this.#owner;
    const caller = this.#callers[kind];
    const threadId = await groupOf(owner, ...(kind === 'stranger' ? [] : [caller]));
    const own = await post(kind === 'stranger' ? owner : caller, threadId, 'the caller’s own');
    const others = await post(owner, threadId, 'somebody else’s');
    if (kind !== 'exMember') return { caller, target: { threadId, own, others, hidden: others, other: owner } };
    await owner.client.ask(GroupServiceService.removeMember, { threadId, requestId: clientId(), userId: caller.id });
    const hidden = await post(owner, threadId, 'not for who was removed');
    return { caller, target: { threadId, own, others, hidden, other: owner } };
  }

  /** A direct thread in which both have written, whose other user has blocked the caller since. */
  async #blockedScene(): Promise<Scene> {
    const [caller, other] = await Promise.all([this.#people.person('blocked'), this.#people.person('blocker')]);
    const threadId = await directThread(caller, other);
    const own = await post(caller, threadId, 'the caller’s own');
    const others = await post(other, threadId, 'somebody else’s');
    await other.client.ask(PeopleServiceService.blockUser, { userId: caller.id });
    return { caller, target: { threadId, own, others, hidden: others, other } };
  }

  /** The same target under an id that no thread has. */
  static missing(target: Target): Target {
    return { ...target, threadId: `${target.threadId.slice(0, 2)}${randomBytes(32).toString('base64url')}` };
  }
}
