import type { Presence } from '#proto/parley/v1/presence.ts';
import type { Profile } from '#proto/parley/v1/thread.ts';
import type { Parley } from './parley.ts';
import type { Parts } from './parts.ts';
import { Live } from './view.ts';
import type { View } from './view.ts';

/** Users in one call. */
const mostAtOnce = 200;
/** PRESENCE_STATE_HIDDEN */
const hidden = 4;
const noticeMs = 1_500;

/** Whether a user is there, or when they were last; undefined until it is told. Of at most 200 users in all tabs together. */
export function presenceView(parley: Parley, userId: string): View<Presence | undefined> {
  const { parts } = parley;
  return parts.once(`presence ${userId}`, () => new PresenceOf(parts, userId));
}

/** A user's name and picture; undefined until it is read. Read once a page, many in one call; the user's own follows changes. */
export function profileView(parley: Parley, userId: string): View<Profile | undefined> {
  const { parts } = parley;
  return parts.once(`profile ${userId}`, () => new ProfileOf(parts, userId));
}

/** Does something once for all that ask in the same turn. */
function soon(run: () => void): () => void {
  let isPlanned = false;
  return () => {
    if (isPlanned) return;
    isPlanned = true;
    queueMicrotask(() => {
      isPlanned = false;
      run();
    });
  };
}

/** Whose presence is watched, for all views of it. */
class PresenceBook {
  readonly listeners = new Map<string, () => void>();
  readonly #userIds = new Set<string>();
  readonly #tell: () => void;

  constructor({ client, runtime }: Parts) {
    // Refused when there are too many: the presences of the last ones stay unknown.
    this.#tell = soon(() => void client.watchPresence([...this.#userIds].slice(0, mostAtOnce)).catch(() => undefined));
    client.on('presence', (presences) => {
      for (const { userId } of presences) this.listeners.get(userId)?.();
    });
    // Once both have written in a direct thread, each may see whether the other is there. The node takes a second to notice.
    client.on('entry', ({ entry: { senderId } }) => {
      if (this.#userIds.has(senderId) && client.presence(senderId)?.state === hidden)
        runtime.setTimer(noticeMs, this.#tell);
    });
  }

  /** The answer ends it. */
  watch(userId: string): () => void {
    this.#userIds.add(userId);
    this.#tell();
    return () => {
      this.#userIds.delete(userId);
      this.#tell();
    };
  }
}

class PresenceOf extends Live<Presence | undefined> {
  readonly #client: Parts['client'];
  readonly #book: PresenceBook;
  readonly #userId: string;

  constructor(parts: Parts, userId: string) {
    super(parts.runtime);
    this.#client = parts.client;
    this.#book = parts.once('presences', () => new PresenceBook(parts));
    this.#userId = userId;
    this.#book.listeners.set(userId, () => this.changed());
  }

  protected override begin(): () => void {
    return this.#book.watch(this.#userId);
  }

  protected make(): Presence | undefined {
    return this.#client.presence(this.#userId);
  }
}

/** Profiles that were read, and those to be read. */
class ProfileBook {
  readonly profiles = new Map<string, Profile>();
  readonly listeners = new Map<string, () => void>();
  readonly #parts: Parts;
  readonly #wanted = new Set<string>();
  readonly #read = soon(() => void this.#readAll());

  constructor(parts: Parts) {
    this.#parts = parts;
    const { client } = parts;
    client.on('caughtUp', () => this.#read());
    client.on('userEntry', ({ kind }) => {
      if (kind?.$case === 'profileChanged') this.#put({ userId: client.userId, ...kind.value });
    });
  }

  want(userId: string): void {
    if (this.profiles.has(userId)) return;
    this.#wanted.add(userId);
    this.#read();
  }

  #put(profile: Profile): void {
    this.profiles.set(profile.userId, profile);
    this.listeners.get(profile.userId)?.();
  }

  async #readAll(): Promise<void> {
    while (this.#wanted.size > 0) {
      const userIds = [...this.#wanted].slice(0, mostAtOnce);
      for (const userId of userIds) this.#wanted.delete(userId);
      try {
        for (const profile of await this.#parts.client.people.profiles(userIds)) this.#put(profile);
      } catch {
        // The next connection asks again.
        for (const userId of userIds) this.#wanted.add(userId);
        return;
      }
    }
  }
}

class ProfileOf extends Live<Profile | undefined> {
  readonly #book: ProfileBook;
  readonly #userId: string;

  constructor(parts: Parts, userId: string) {
    super(parts.runtime);
    this.#book = parts.once('profiles', () => new ProfileBook(parts));
    this.#userId = userId;
    this.#book.listeners.set(userId, () => this.changed());
  }

  protected override begin(): () => void {
    this.#book.want(this.#userId);
    return () => undefined;
  }

  protected make(): Profile | undefined {
    return this.#book.profiles.get(this.#userId);
  }
}
