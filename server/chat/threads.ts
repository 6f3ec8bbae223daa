import { isDeepStrictEqual } from 'node:util';
import type { Retention, Role } from '../core/entry.ts';
import { Refusal } from '../core/errors.ts';
import { type ThreadId, type UserId, threadLog } from '../core/ids.ts';
import type { RetentionRules } from '../core/retention.ts';
import type { ThreadSettingsRow } from '../core/rows.ts';
import type { ThreadHeadFrame } from '../delivery/frames.ts';
import type { Store } from '../store/store.ts';
import type { Access, ReaderAccess } from './access.ts';
import type { Appender } from './appender.ts';
import type { Caller } from './caller.ts';
import type { Heads } from './heads.ts';
import { type Message, isMessageEntry, withReactions } from './message.ts';
import { lastMessage } from './places.ts';
import { allSettingsOf, defaultSettings, settingsOf } from './thread-settings.ts';

/** A thread as one user sees it. */
export interface Thread {
  readonly threadId: ThreadId;
  readonly kind: 'direct' | 'group';
  readonly name: string;
  /** The other user of a direct thread. */
  readonly peerId: UserId | undefined;
  readonly head: ThreadHeadFrame;
  readonly settings: ThreadSettingsRow;
  /** Undefined for who is no member any more. */
  readonly role: Role | undefined;
  readonly memberCount: number;
  readonly historyForNewMembers: boolean;
  /** Undefined for who has left. */
  readonly retention: Retention | undefined;
  readonly lastMessage: Message | undefined;
}

const maxPinned = 100;

export interface ThreadsOptions {
  readonly store: Store;
  readonly access: Access;
  readonly heads: Heads;
  readonly appender: Appender;
  readonly rules: RetentionRules;
}

/** One's threads, one by one, and one's own settings for them. */
export class Threads {
  readonly #store: Store;
  readonly #access: Access;
  readonly #heads: Heads;
  readonly #appender: Appender;
  readonly #rules: RetentionRules;

  constructor({ store, access, heads, appender, rules }: ThreadsOptions) {
    this.#store = store;
    this.#access = access;
    this.#heads = heads;
    this.#appender = appender;
    this.#rules = rules;
  }

  /** @throws Refusal THREAD_NOT_FOUND */
  async get(caller: Caller, threadId: ThreadId): Promise<Thread> {
    const access = await this.#access.reader(caller.userId, threadId, caller.signal);
    const [[head], settings] = await Promise.all([
      this.#heads.all(caller.userId, caller.deviceId, [access], caller.signal),
      settingsOf(this.#store, caller.userId, threadId, caller.signal),
    ]);
    if (head === undefined) throw new Error('a head for each thread');
    return this.describe(caller, access, head, settings);
  }

  async describe(
    caller: Caller,
    access: ReaderAccess,
    head: ThreadHeadFrame,
    settings: ThreadSettingsRow,
  ): Promise<Thread> {
    const { threadId, info, members, spans } = access.view;
    return {
      threadId,
      kind: info.kind,
      name: info.name,
      peerId: info.kind === 'direct' ? peerOf(members.keys(), caller.userId) : undefined,
      head,
      settings,
      role: access.member?.role,
      memberCount: members.size,
      historyForNewMembers: info.historyForNewMembers,
      retention: access.member && this.#rules.current(spans),
      lastMessage: await this.#lastMessage(caller, access, head),
    };
  }

  /** @throws Refusal THREAD_NOT_FOUND, LIMIT_REACHED */
  async setSettings(caller: Caller, threadId: ThreadId, settings: ThreadSettingsRow): Promise<ThreadSettingsRow> {
    const { userId, deviceId, signal } = caller;
    // Also who has left may put the thread away.
    await this.#access.reader(userId, threadId, signal);
    await this.#appender.appendUser(
      userId,
      async () => {
        const all = await allSettingsOf(this.#store, userId, signal);
        const before = all.get(threadId)?.settings ?? defaultSettings;
        if (isDeepStrictEqual(before, settings)) return [];
        if (settings.pinned && !before.pinned) {
          let pinned = 0;
          for (const one of all.values()) if (one.settings.pinned) pinned += 1;
          if (pinned >= maxPinned) throw new Refusal('LIMIT_REACHED', `at most ${maxPinned} threads can be pinned`);
        }
        const change = { kind: 'thread-settings-changed', threadId, ...settings } as const;
        return [{ senderId: userId, deviceId, clientMessageId: '', fingerprint: '', change }];
      },
      signal,
    );
    return settings;
  }

  async #lastMessage(caller: Caller, access: ReaderAccess, head: ThreadHeadFrame): Promise<Message | undefined> {
    const { threadId } = access.view;
    const bounds = { from: access.visibleFrom, to: access.visibleTo, ordinal: head.ordinal };
    const last = await lastMessage(this.#store, threadLog(threadId), bounds, caller.signal);
    if (last === undefined || !isMessageEntry(last)) return undefined;
    const [message] = await withReactions(this.#store, access, [last], caller.userId, caller.signal);
    return message;
  }
}

/** The other of the two, or oneself. */
export function peerOf(members: Iterable<UserId>, userId: UserId): UserId {
  for (const member of members) if (member !== userId) return member;
  return userId;
}
