import type { Entry } from '../../core/entry.ts';
import { type ThreadId, threadLog } from '../../core/ids.ts';
import type { Store } from '../../store/store.ts';
import type { NewMessage } from './rules.ts';

const pageEntries = 500;
/** Of more messages than this the oldest are not looked at: the newest that concerns somebody is nearly always among these. */
const mostMessages = 2_000;

export interface Found {
  /** Newest first, without those that were deleted. */
  readonly messages: readonly NewMessage[];
  /** Up to where was looked. */
  readonly upTo: bigint;
  /** When the first entry behind that was made, wall ms; undefined = there is none. */
  readonly nextMs: number | undefined;
}

export interface Asked {
  readonly after: bigint;
  readonly upTo: bigint;
  readonly byMs: number;
  /** What was made later than this was made by a clock that is ahead: it is taken for made by `byMs`. */
  readonly aheadMs: number;
}

/** The messages of a thread in (after, upTo] that were made by `byMs`. Reads each entry once. */
export async function newMessages(
  store: Store,
  threadId: ThreadId,
  { after, upTo, byMs, aheadMs }: Asked,
): Promise<Found> {
  const messages: NewMessage[] = [];
  let looked = after;
  while (looked < upTo) {
    const range = { after: looked, upTo, limit: pageEntries };
    const entries = await store.entries(threadLog(threadId), range);
    for (const entry of entries) {
      if (entry.createTimeMs > byMs && entry.createTimeMs <= aheadMs)
        return found(messages, looked, entry.createTimeMs);
      looked = entry.sequence;
      const message = messageOf(entry);
      if (message !== undefined) messages.push(message);
    }
    if (entries.length === 0) break;
    messages.splice(0, messages.length - mostMessages);
  }
  return found(messages, looked, undefined);
}

export function messageOf({ sequence, senderId, createTimeMs, change }: Entry): NewMessage | undefined {
  if (change.kind !== 'message' || change.deleteSequence !== 0n) return undefined;
  return { sequence, senderId, createTimeMs, body: change.body };
}

function found(messages: NewMessage[], upTo: bigint, nextMs: number | undefined): Found {
  return { messages: messages.toReversed(), upTo, nextMs };
}
