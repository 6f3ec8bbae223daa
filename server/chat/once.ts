import { hash } from 'node:crypto';
import { idReused } from '../core/errors.ts';
import { type ThreadId, threadLog } from '../core/ids.ts';
import type { Store } from '../store/store.ts';
import type { AppendRequest } from './append-request.ts';
import type { Appender } from './appender.ts';
import type { Caller } from './caller.ts';
import type { AppendOutcome } from './draft.ts';

/** A change asked for under an id: asked again, it gets the first answer. */
export type OnceRequest = AppendRequest & {
  /** What is checked and done ahead of the append, when the id is new. */
  readonly before?: () => Promise<void>;
};

/**
 * Appends a change once, whatever happens between: the id is looked up first, so that a repeat is answered before anything is checked; and once
 * more when there is nothing left to change, since the same request may have run beside this one.
 */
export async function appendOnce(
  store: Store,
  appender: Appender,
  threadId: ThreadId,
  request: OnceRequest,
): Promise<AppendOutcome> {
  const first = await answered(store, threadId, request);
  if (first !== undefined) {
    appender.publishAgain(threadId, first.sequence);
    return first;
  }
  await request.before?.();
  const outcome = await appender.append(threadId, request);
  if (outcome.sequence !== 0n) return outcome;
  return (await answered(store, threadId, request)) ?? outcome;
}

async function answered(store: Store, threadId: ThreadId, request: AppendRequest): Promise<AppendOutcome | undefined> {
  const { senderId, clientMessageId, fingerprint, knownHead } = request;
  const found = await store.duplicate(threadLog(threadId), senderId, clientMessageId, knownHead);
  if (found === undefined) return undefined;
  if (found.fingerprint !== fingerprint) {
    throw idReused();
  }
  const { sequence, ordinal, epoch, createTimeMs } = found;
  return { sequence, ordinal, epoch, createTimeMs, duplicate: true };
}

/** What tells a repeat of a change from another one under the same id. */
export function fingerprintOfChange(...parts: readonly string[]): string {
  return hash('sha1', JSON.stringify(parts), 'base64');
}

/** Which service asks is a part of what is asked: two that chose the same id learn of it. */
export function serviceOf({ service }: Caller): readonly string[] {
  return service === undefined ? [] : [service];
}
