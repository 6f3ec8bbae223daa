import type { ParleyClient } from '../core/client.ts';
import type { Runtime } from '../core/runtime.ts';
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
/** Of each kind of view so many stay, those asked for last; and all that are looked at. */
const mostKept = 1_000;

/** Whether a user is there, or when they were last; undefined until it is told. Of at most 200 users in all tabs together. */
export function presenceView({ parts }: Parley, userId: string): View<Presence | undefined> {
  return parts.once('presences', () => new PresenceBook(parts)).view(userId);
}

/**
 * A user's name and picture; undefined until it is read, many in one call. The user's own follows changes. Kept for those that are looked
 * at, and for the last 1,000 that were asked for.
 */
export function profileView({ parts }: Parley, userId: string): View<Profile | undefined> {
  return parts.once('profiles', () => new ProfileBook(parts)).view(userId);
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

/** What is known of one user. What was known is the book's to keep. */
class Person<T> extends Live<T | undefined> {
  readonly #book: Book<T>;
  readonly #userId: string;

  constructor(runtime: Runtime, book: Book<T>, userId: string) {
    super(runtime);
    this.#book = book;
    this.#userId = userId;
  }

  override get(): T | undefined {
    return this.#book.of(this.#userId);
  }

  protected override begin(): () => void {
    return this.#book.watch(this.#userId, () => this.changed());
  }

  protected make(): T | undefined {
    return this.get();
  }
}

/** Views of users, one for each, and who of them is looked at. A page that scrolls through all people does not keep them all. */
abstract class Book<T> {
  readonly #runtime: Runtime;
  readonly #views = new Map<string, Person<T>>();
  readonly #watchers = new Map<string, Set<() => void>>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  abstract of(userId: string): T | undefined;

  /** Somebody looks at a user from now on, or nobody does any more. */
  protected abstract watched(userId: string, isWatched: boolean): void;

  /** The view of a user is let go. */
  protected abstract dropped(userId: string): void;

  view(userId: string): View<T | undefined> {
    const view = this.#views.get(userId) ?? new Person(this.#runtime, this, userId);
    // What was asked for last goes last.
    this.#views.delete(userId);
    this.#views.set(userId, view);
    // In blocks: all are looked through for many that go.
    if (this.#views.size > mostKept * 1.25) this.#trim(userId);
    return view;
  }

  /** The answer ends it. */
  watch(userId: string, changed: () => void): () => void {
    const watchers = this.#watchers.get(userId) ?? new Set();
    this.#watchers.set(userId, watchers.add(changed));
    if (watchers.size === 1) this.watched(userId, true);
    return () => {
      watchers.delete(changed);
      if (watchers.size > 0) return;
      this.#watchers.delete(userId);
      this.watched(userId, false);
    };
  }

  /** Whether there is somebody to know of the user. */
  protected knows(userId: string): boolean {
    return this.#views.has(userId) || this.#watchers.has(userId);
  }

  protected get watchedIds(): string[] {
    return [...this.#watchers.keys()];
  }

  protected changed(userId: string): void {
    for (const changed of this.#watchers.get(userId) ?? []) changed();
  }

  #trim(but: string): void {
    for (const userId of this.#views.keys()) {
      if (this.#views.size <= mostKept) return;
      if (userId === but || this.#watchers.has(userId)) continue;
      this.#views.delete(userId);
      this.dropped(userId);
    }
  }
}

/** Whose presence is watched. */
class PresenceBook extends Book<Presence> {
  readonly #client: ParleyClient;
  readonly #tell: () => void;

  constructor({ client, runtime }: Parts) {
    super(runtime);
    this.#client = client;
    // Refused when there are too many: the presences of the last ones stay unknown.
    this.#tell = soon(() => void client.watchPresence(this.watchedIds.slice(0, mostAtOnce)).catch(() => undefined));
    client.on('presence', (presences) => {
      for (const { userId } of presences) this.changed(userId);
    });
    // Whom the user unblocks they may see again.
    client.on('userEntry', ({ kind }) => {
      if (kind?.$case === 'blockChanged') runtime.setTimer(noticeMs, this.#tell);
    });
    // Once both have written in a direct thread, each may see whether the other is there. The node takes a second to notice.
    client.on('entry', ({ entry: { senderId } }) => {
      if (client.presence(senderId)?.state === hidden) runtime.setTimer(noticeMs, this.#tell);
    });
  }

  of(userId: string): Presence | undefined {
    return this.#client.presence(userId);
  }

  protected watched(): void {
    this.#tell();
  }

  protected dropped(): void {
    // The client knows those alone who are watched.
  }
}

/** Profiles that were read, and those to be read. */
class ProfileBook extends Book<Profile> {
  readonly #client: ParleyClient;
  readonly #profiles = new Map<string, Profile>();
  readonly #wanted = new Set<string>();
  readonly #read = soon(() => void this.#readAll());

  constructor({ client, runtime }: Parts) {
    super(runtime);
    this.#client = client;
    client.on('caughtUp', () => this.#read());
    client.on('userEntry', ({ kind }) => {
      if (kind?.$case === 'profileChanged') this.#put({ userId: client.userId, ...kind.value });
    });
  }

  of(userId: string): Profile | undefined {
    return this.#profiles.get(userId);
  }

  protected watched(userId: string, isWatched: boolean): void {
    if (!isWatched) this.#wanted.delete(userId);
    else if (!this.#profiles.has(userId)) {
      this.#wanted.add(userId);
      this.#read();
    }
  }

  protected dropped(userId: string): void {
    this.#profiles.delete(userId);
  }

  #put(profile: Profile): void {
    if (!this.knows(profile.userId)) return;
    this.#profiles.set(profile.userId, profile);
    this.changed(profile.userId);
  }

  async #readAll(): Promise<void> {
    while (this.#wanted.size > 0) {
      const userIds = [...this.#wanted].slice(0, mostAtOnce);
      for (const userId of userIds) this.#wanted.delete(userId);
      try {
        const { profiles } = await this.#client.call('/parley.v1.PeopleService/BatchGetProfiles', { userIds });
        for (const profile of profiles) this.#put(profile);
      } catch {
        // The next connection asks again.
        for (const userId of userIds) if (this.knows(userId)) this.#wanted.add(userId);
        return;
      }
    }
  }
}
