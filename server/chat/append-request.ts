import { type Entry, type NewEntry, sizeOfEntry } from '../core/entry.ts';
import { idReused, Refusal } from '../core/errors.ts';
import type { SessionId, ThreadId, UserId } from '../core/ids.ts';
import type { ThreadView } from '../delivery/thread-views.ts';
import type { Duplicate } from '../store/store.ts';
import type { AppendOutcome } from './draft.ts';
import type { RoutedResult, RoutedSend } from './send-router.ts';

/** What is to be appended to a thread, judged when its turn comes. */
export interface AppendRequest {
  readonly senderId: UserId;
  /** Makes the request idempotent. The last entry that `build` gives must carry it. Empty = not idempotent by id. */
  readonly clientMessageId: string;
  readonly fingerprint: string;
  /** The head its author had been told when composing. */
  readonly knownHead: bigint;
  /** Session it came from, which needs no event for it: the reply stands for it. */
  readonly origin?: SessionId;
  readonly signal?: AbortSignal;
  /** The request as another node could append it. Without it, it is appended here. */
  readonly routable?: RoutedSend;
  /** Looks up what `build` needs beside the view. Called before it, each time. */
  prepare?(view: ThreadView | undefined): Promise<void> | undefined;
  /**
   * The entries to append now, judged by the view that the append is conditional on; `next` is the sequence that the
   * first would get. None = nothing to change. Throws a Refusal. Called again when the head has moved.
   */
  build(view: ThreadView | undefined, next: bigint): readonly NewEntry[];
}

/** Sees to it that what is appended does not stay longer than its thread's retention says. */
export interface BodyKeeper {
  /** Nothing is appended before it resolves, if it gives a promise. */
  willAppend(
    threadId: ThreadId,
    view: ThreadView | undefined,
    entries: readonly NewEntry[],
    nowMs: number,
  ): Promise<void> | undefined;
  appended(threadId: ThreadId, view: ThreadView | undefined, entries: readonly Entry[]): void;
}

/** A request in its thread's queue. */
export interface Waiting {
  readonly request: AppendRequest;
  readonly resolve: (outcome: AppendOutcome) => void;
  readonly reject: (error: unknown) => void;
}

export function settle(waiting: Waiting | undefined, result: RoutedResult): void {
  if (result instanceof Refusal) waiting?.reject(result);
  else waiting?.resolve(result);
}

export function sizeOfRequest({ senderId, clientMessageId }: AppendRequest, { draft }: RoutedSend): number {
  const { replyTo, body } = draft;
  const change = { kind: 'message', replyTo, body, editSequence: 0n, deleteSequence: 0n } as const;
  return sizeOfEntry({ senderId, clientMessageId, change });
}

/** Empty for what has none. Ids hold no spaces. */
export function idOf({ senderId, clientMessageId }: AppendRequest): string {
  return clientMessageId === '' ? '' : `${clientMessageId} ${senderId}`;
}

export function isAbort(error: unknown): boolean {
  return error instanceof Refusal && (error.reason === 'CANCELLED' || error.reason === 'DEADLINE_EXCEEDED');
}

export function answerDuplicate(waiting: Waiting, duplicate: Duplicate): void {
  if (duplicate.fingerprint !== waiting.request.fingerprint) {
    waiting.reject(idReused());
    return;
  }
  const { sequence, ordinal, epoch, createTimeMs } = duplicate;
  waiting.resolve({ sequence, ordinal, epoch, createTimeMs, duplicate: true });
}

export function soleOrigin(owners: readonly [Waiting, number][]): SessionId | undefined {
  const origin = owners[0]?.[0].request.origin;
  return owners.every(([waiting]) => waiting.request.origin === origin) ? origin : undefined;
}
