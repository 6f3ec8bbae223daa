import { sizeOfEntry } from '../core/entry.ts';
import { type ThreadId, threadLog } from '../core/ids.ts';
import type { ThreadHeadFrame } from '../delivery/frames.ts';
import type { Store } from '../store/store.ts';
import type { Access, ReaderAccess } from './access.ts';
import type { Caller } from './caller.ts';
import type { Heads } from './heads.ts';
import { maxAnswerBytes } from './history.ts';
import { type Message, type MessageEntry, isMessageEntry, withReactions } from './message.ts';
import type { PageTokens } from './page-token.ts';
import { firstWhere, messagesBefore } from './places.ts';

/** Where a list of messages starts. Undefined = at the newest. */
export type Anchor =
  | { readonly at: 'before' | 'after' | 'around'; readonly sequence: bigint }
  | { readonly at: 'around-ordinal'; readonly ordinal: bigint }
  | { readonly at: 'around-time'; readonly timeMs: number };

export interface MessagePage {
  readonly messages: readonly Message[];
  readonly olderPageToken: string;
  readonly newerPageToken: string;
  readonly head: ThreadHeadFrame;
}

/** Entries that one read of the store gives at most. */
const entriesPerRead = 500;

/** The messages below and above a sequence that a page holds: `older` of the first, `newer` of the second. */
interface Window {
  readonly sequence: bigint;
  readonly older: number;
  readonly newer: number;
}

/** Messages as they are now, in ascending order, around a place. */
export class MessagePages {
  readonly #store: Store;
  readonly #access: Access;
  readonly #heads: Heads;
  readonly #tokens: PageTokens;

  constructor(options: {
    readonly store: Store;
    readonly access: Access;
    readonly heads: Heads;
    readonly tokens: PageTokens;
  }) {
    this.#store = options.store;
    this.#access = options.access;
    this.#heads = options.heads;
    this.#tokens = options.tokens;
  }

  /** Fewer than `limit` also when they are over 1 MiB together. @throws Refusal THREAD_NOT_FOUND, INVALID_TOKEN */
  async list(
    caller: Caller,
    request: {
      readonly threadId: ThreadId;
      readonly limit: number;
      readonly pageToken: string;
      readonly anchor: Anchor | undefined;
    },
  ): Promise<MessagePage> {
    const { threadId, limit, pageToken, anchor } = request;
    const access = await this.#access.reader(caller.userId, threadId, caller.signal);
    const scope = ['ListMessages', caller.userId, threadId, anchorKey(anchor)];
    const place = this.#tokens.read(scope, pageToken, 2);
    const window =
      place === undefined ? await this.#windowAt(access, anchor, limit, caller.signal) : windowOf(place, limit);
    const older = await this.#scan(access, window.sequence, 'older', window.older, maxAnswerBytes, caller.signal);
    const room = maxAnswerBytes - older.bytes;
    const newer = await this.#scan(access, window.sequence, 'newer', window.newer, room, caller.signal);
    const entries = [...older.entries, ...newer.entries];
    const [messages, head, hidden] = await Promise.all([
      withReactions(this.#store, access, entries, caller.userId, caller.signal),
      this.#heads.of(caller.userId, caller.deviceId, access, caller.signal),
      messagesBefore(this.#store, threadLog(threadId), access.visibleFrom, caller.signal),
    ]);
    const first = entries[0];
    const last = entries.at(-1);
    // Ordinals count the messages: they tell whether there are any on either side of the page.
    const below =
      first === undefined ? await this.#countBelow(access, window.sequence, caller.signal) : first.ordinal - 1n;
    const upTo = last === undefined ? below : last.ordinal;
    const token = (kind: string, sequence: bigint): string => this.#tokens.make(scope, [kind, String(sequence)]);
    return {
      messages,
      olderPageToken: below > hidden ? token('older', first?.sequence ?? window.sequence) : '',
      newerPageToken:
        head.ordinal > upTo ? token('newer', last === undefined ? window.sequence : last.sequence + 1n) : '',
      head,
    };
  }

  async #windowAt(
    access: ReaderAccess,
    anchor: Anchor | undefined,
    limit: number,
    signal?: AbortSignal,
  ): Promise<Window> {
    const { view, visibleFrom, visibleTo } = access;
    const around = (sequence: bigint): Window => {
      const newer = Math.floor(limit / 2);
      return { sequence: clamp(sequence + 1n, visibleFrom, visibleTo + 1n), older: limit - newer, newer };
    };
    const bounds = { from: visibleFrom, to: visibleTo };
    const log = threadLog(view.threadId);
    switch (anchor?.at) {
      case undefined:
        return { sequence: visibleTo + 1n, older: limit, newer: 0 };
      case 'before':
        return { sequence: clamp(anchor.sequence, visibleFrom, visibleTo + 1n), older: limit, newer: 0 };
      case 'after':
        return { sequence: clamp(anchor.sequence + 1n, visibleFrom, visibleTo + 1n), older: 0, newer: limit };
      case 'around':
        return around(anchor.sequence);
      case 'around-ordinal': {
        const { ordinal } = anchor;
        return around(await firstWhere(this.#store, log, bounds, (entry) => entry.ordinal >= ordinal, signal));
      }
      case 'around-time': {
        const { timeMs } = anchor;
        return around(await firstWhere(this.#store, log, bounds, (entry) => entry.createTimeMs >= timeMs, signal));
      }
    }
  }

  /** The nearest `count` messages below `sequence`, or from it on, ascending; at least one if there is any and `count` is not 0. */
  async #scan(
    access: ReaderAccess,
    sequence: bigint,
    direction: 'older' | 'newer',
    count: number,
    maxBytes: number,
    signal?: AbortSignal,
  ): Promise<{ readonly entries: readonly MessageEntry[]; readonly bytes: number }> {
    const found: MessageEntry[] = [];
    let bytes = 0;
    let low = direction === 'older' ? access.visibleFrom - 1n : sequence - 1n;
    let high = direction === 'older' ? sequence - 1n : access.visibleTo;
    while (found.length < count && low < high && bytes < maxBytes) {
      const limit = Math.min(entriesPerRead, Math.max(16, (count - found.length) * 2));
      const range = { after: low, upTo: high, limit, maxBytes, fromEnd: direction === 'older' };
      const read = await this.#store.entries(threadLog(access.view.threadId), range, signal);
      const first = read[0];
      const last = read.at(-1);
      if (first === undefined || last === undefined) break;
      for (const entry of direction === 'older' ? read.toReversed() : read) {
        if (found.length >= count || bytes >= maxBytes) break;
        if (!isMessageEntry(entry)) continue;
        bytes += sizeOfEntry(entry);
        if (bytes > maxBytes && found.length > 0) break;
        found.push(entry);
      }
      if (direction === 'older') high = first.sequence - 1n;
      else low = last.sequence;
    }
    return { entries: direction === 'older' ? found.reverse() : found, bytes };
  }

  /** Messages of the whole log below a sequence of the window, which may be one above the end. */
  async #countBelow(access: ReaderAccess, sequence: bigint, signal?: AbortSignal): Promise<bigint> {
    const log = threadLog(access.view.threadId);
    if (sequence <= access.visibleTo) return messagesBefore(this.#store, log, sequence, signal);
    const [last] = await this.#store.entries(log, { after: sequence - 2n, upTo: sequence - 1n, limit: 1 }, signal);
    return last?.ordinal ?? 0n;
  }
}

function windowOf([kind, sequence = '0']: readonly string[], limit: number): Window {
  return kind === 'older'
    ? { sequence: BigInt(sequence), older: limit, newer: 0 }
    : { sequence: BigInt(sequence), older: 0, newer: limit };
}

function anchorKey(anchor: Anchor | undefined): string {
  if (anchor === undefined) return '';
  if (anchor.at === 'around-time') return `time ${anchor.timeMs}`;
  return anchor.at === 'around-ordinal' ? `ordinal ${anchor.ordinal}` : `${anchor.at} ${anchor.sequence}`;
}

function clamp(value: bigint, low: bigint, high: bigint): bigint {
  return value < low ? low : value > high ? high : value;
}
