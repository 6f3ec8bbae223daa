import type { Entry } from '../core/entry.ts';
import { messageNotFound } from '../core/errors.ts';
import { type ThreadId, threadLog } from '../core/ids.ts';
import type { ThreadHeadFrame } from '../delivery/frames.ts';
import type { Store } from '../store/store.ts';
import type { Access } from './access.ts';
import type { Caller } from './caller.ts';
import type { Heads } from './heads.ts';
import { type Message, isMessageEntry, knownBy, withReactions } from './message.ts';
import { entryAt } from './places.ts';

/** Bytes of entries in one answer. Responses stay well below the 4 MiB that gRPC takes by default. */
export const maxAnswerBytes = 1_048_576;

/** The log of a thread as far as the caller may see it, and single messages. Pages of messages: `message-pages.ts`. */
export class History {
  readonly #store: Store;
  readonly #access: Access;
  readonly #heads: Heads;

  constructor({ store, access, heads }: { readonly store: Store; readonly access: Access; readonly heads: Heads }) {
    this.#store = store;
    this.#access = access;
    this.#heads = heads;
  }

  /** @throws Refusal THREAD_NOT_FOUND, MESSAGE_NOT_FOUND */
  async message(caller: Caller, threadId: ThreadId, sequence: bigint): Promise<Message> {
    const access = await this.#access.reader(caller.userId, threadId, caller.signal);
    if (sequence < access.visibleFrom || sequence > access.visibleTo) throw messageNotFound();
    const entry = await entryAt(this.#store, threadLog(threadId), sequence, caller.signal);
    if (entry === undefined || !isMessageEntry(entry)) throw messageNotFound();
    const [message] = await withReactions(this.#store, access, [entry], caller.userId, caller.signal);
    if (message === undefined) throw messageNotFound();
    return message;
  }

  /** Entries above `after` and up to `upTo` (0 = all), ascending without a hole. @throws Refusal THREAD_NOT_FOUND */
  async entries(
    caller: Caller,
    request: {
      readonly threadId: ThreadId;
      readonly after: bigint;
      readonly upTo: bigint;
      readonly limit: number;
    },
  ): Promise<{ readonly entries: readonly Entry[]; readonly head: ThreadHeadFrame }> {
    const { threadId, limit } = request;
    const access = await this.#access.reader(caller.userId, threadId, caller.signal);
    const { visibleFrom, visibleTo } = access;
    const after = request.after < visibleFrom ? visibleFrom - 1n : request.after;
    const upTo = request.upTo === 0n || request.upTo > visibleTo ? visibleTo : request.upTo;
    const range = { after, upTo, limit, maxBytes: maxAnswerBytes };
    const [read, head] = await Promise.all([
      after < upTo ? this.#store.entries(threadLog(threadId), range, caller.signal) : [],
      this.#heads.of(caller.userId, caller.deviceId, access, caller.signal),
    ]);
    return { entries: knownBy(access, read), head };
  }
}
