import type { NewEntry } from '../core/entry.ts';
import { type ThreadId, type UserId, noDevice, systemUser, userLog } from '../core/ids.ts';
import { type PointerRow, rowKey } from '../core/rows.ts';
import type { Store } from '../store/store.ts';
import type { Appender } from './appender.ts';

/** User logs that are written beside each other. */
const parallel = 32;

/**
 * Says in users' own logs that they may be in a thread, or out of it: what makes their devices ask. The thread's log is the truth; so adding
 * comes here first and then to the thread, removing the other way round, and neither is answered before both.
 */
export class Pointers {
  readonly #store: Store;
  readonly #appender: Appender;

  constructor({ store, appender }: { readonly store: Store; readonly appender: Appender }) {
    this.#store = store;
    this.#appender = appender;
  }

  /** Those who have the pointer already keep it. */
  async add(threadId: ThreadId, users: readonly UserId[]): Promise<void> {
    await this.#set(threadId, users, true);
  }

  async remove(threadId: ThreadId, users: readonly UserId[]): Promise<void> {
    await this.#set(threadId, users, false);
  }

  async #set(threadId: ThreadId, users: readonly UserId[], added: boolean): Promise<void> {
    for (let start = 0; start < users.length; start += parallel) {
      await Promise.all(users.slice(start, start + parallel).map((user) => this.#setOne(threadId, user, added)));
    }
  }

  async #setOne(threadId: ThreadId, user: UserId, added: boolean): Promise<void> {
    await this.#appender.appendUser(user, async (): Promise<readonly NewEntry[]> => {
      const row = await this.#store.row(userLog(user), rowKey.thread(threadId));
      const before = (row?.value as PointerRow | undefined)?.added === true;
      if (before === added) return [];
      const kind = added ? 'thread-added' : 'thread-removed';
      const change = { kind, threadId } as const;
      return [{ senderId: systemUser, deviceId: noDevice, clientMessageId: '', fingerprint: '', change }];
    });
  }
}
