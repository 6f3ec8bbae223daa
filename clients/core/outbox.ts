import type { Send, SendResult } from '#proto/parley/v1/stream_service.ts';
import { Backoff } from './backoff.ts';
import { bytesOfDraft, tooLarge } from './draft.ts';
import type { Draft, DraftStore } from './draft.ts';
import * as Code from './codes.ts';
import { isForNow, localError } from './errors.ts';
import type { ParleyError } from './errors.ts';
import type { Runtime, Timer } from './runtime.ts';
import type { Outcome, Session } from './session.ts';

export interface OutboxOptions {
  /** Most drafts at a time. */
  readonly maxDrafts: number;
  /** Most bytes of them. */
  readonly maxBytes: number;
  /**
   * Drafts of one thread that may wait for a reply at once. With 1, the thread's order is the order of `add`, whatever
   * happens. With more, sending is faster, and a draft that the server refused for a while (RATE_LIMITED,
   * STORE_UNAVAILABLE) can come after one that was added later.
   */
  readonly inFlightPerThread: number;
  readonly store: DraftStore | undefined;
}

export interface OutboxListener {
  /** The draft is in the outbox. */
  added(draft: Draft): void;
  /** The draft is durable on the server. Told before the promise of `add` resolves, once per draft. */
  sent(draft: Draft, result: SendResult): void;
  /** It never will be: refused for good, or too large to be sent (then it was not `added`). Told before the promise rejects. */
  failed(draft: Draft, error: ParleyError): void;
}

/** A frame without a reply for this long is sent again: an append in doubt is never answered. */
const replyWithinMs = 15_000;
/** A bug of the server's is asked again this often before it counts as the answer. */
const mostInternalErrors = 4;
/** Requests of the session's that are left to others (positions, subscriptions). */
const sharedRequests = 8;

interface Item {
  readonly draft: Draft;
  readonly bytes: number;
  readonly resolve: ((result: SendResult) => void) | undefined;
  readonly reject: ((error: ParleyError) => void) | undefined;
  /** The store holds it, or there is none. */
  saved: boolean;
  /** Counts sendings, so that a late answer of an earlier one is known. */
  sending: number;
  /** It is known what became of it. */
  answered: boolean;
  /** When it was sent on the session it waits on; undefined = not on its way. */
  sentMs: number | undefined;
  internalErrors: number;
}

interface Queue {
  readonly items: Item[];
  readonly backoff: Backoff;
  /** Nothing of the thread goes out before: its first draft was refused for a while. */
  pause: Timer | undefined;
}

/**
 * Drafts on their way: each is sent until a reply says what became of it, through reconnects and, with a store, through
 * restarts of the process. Drafts of one thread go in the order of `add`; threads do not wait for each other.
 */
export class Outbox {
  readonly #runtime: Runtime;
  readonly #options: OutboxOptions;
  readonly #listener: OutboxListener;
  readonly #queues = new Map<string, Queue>();
  #session: Session | undefined;
  #inFlight = 0;
  #mostInFlight = 1;
  #drafts = 0;
  #bytes = 0;
  #check: Timer | undefined;
  #closed = false;

  constructor(runtime: Runtime, options: OutboxOptions, listener: OutboxListener) {
    this.#runtime = runtime;
    this.#options = options;
    this.#listener = listener;
  }

  /** Drafts without an answer. */
  get size(): number {
    return this.#drafts;
  }

  /** Drafts without an answer, per thread in their order. */
  drafts(threadId: string): Draft[] {
    return (this.#queues.get(threadId)?.items ?? []).map((item) => item.draft);
  }

  /** Takes in what the store has and this outbox has not: what an earlier process left, or another one put there. */
  async load(): Promise<void> {
    for (const draft of (await this.#options.store?.load()) ?? []) {
      const known = this.#queues.get(draft.threadId)?.items ?? [];
      if (!this.#closed && !known.some((item) => item.draft.clientMessageId === draft.clientMessageId)) {
        const item = this.#insert(draft, true, undefined, undefined);
        // An earlier version may have kept it.
        const error = tooLarge(draft);
        if (error !== undefined) this.#fail(item, error);
      }
    }
    this.#flush();
  }

  /**
   * Sends a draft. Resolves when it is durable on the server. Rejects with TOO_LARGE (nor kept), OUTBOX_FULL or
   * DRAFT_NOT_SAVED (not sent), with the server's reason (refused for good), or with CLIENT_CLOSED (not known; a store keeps it).
   */
  add(draft: Draft): Promise<SendResult> {
    if (this.#closed) return Promise.reject(closedError());
    const error = tooLarge(draft);
    if (error !== undefined) {
      // As when the server refuses it: who listens has what was written, and can say why.
      this.#listener.failed(draft, error);
      return Promise.reject(error);
    }
    const bytes = bytesOfDraft(draft);
    if (this.#drafts >= this.#options.maxDrafts || this.#bytes + bytes > this.#options.maxBytes) {
      const held = `${this.#drafts} drafts and ${this.#bytes} bytes wait`;
      return Promise.reject(localError('OUTBOX_FULL', `the outbox is full: ${held}`, Code.RESOURCE_EXHAUSTED));
    }
    const { store } = this.#options;
    return new Promise((resolve, reject) => {
      const item = this.#insert(draft, store === undefined, resolve, reject);
      if (store === undefined) {
        this.#flush();
        return;
      }
      store.put(draft).then(
        () => {
          item.saved = true;
          this.#flush();
        },
        (error: unknown) => {
          this.#fail(item, localError('DRAFT_NOT_SAVED', 'the draft could not be saved', Code.INTERNAL, error));
        },
      );
    });
  }

  /** Sends on this session from now on; what waits on another one is sent again as that one ends. */
  use(session: Session, framesInFlight: number): void {
    this.#session = session;
    this.#mostInFlight = Math.max(1, framesInFlight - sharedRequests);
    this.#flush();
  }

  /** Ends it: promises reject with CLIENT_CLOSED. */
  close(): void {
    this.#closed = true;
    this.#check?.cancel();
    for (const queue of this.#queues.values()) {
      queue.pause?.cancel();
      for (const item of queue.items) item.reject?.(closedError());
    }
    this.#queues.clear();
  }

  #insert(draft: Draft, saved: boolean, resolve: Item['resolve'], reject: Item['reject']): Item {
    const bytes = bytesOfDraft(draft);
    const item: Item = {
      draft,
      bytes,
      resolve,
      reject,
      saved,
      sending: 0,
      answered: false,
      sentMs: undefined,
      internalErrors: 0,
    };
    let queue = this.#queues.get(draft.threadId);
    if (queue === undefined) {
      queue = { items: [], backoff: new Backoff(this.#runtime), pause: undefined };
      this.#queues.set(draft.threadId, queue);
    }
    queue.items.push(item);
    this.#drafts += 1;
    this.#bytes += bytes;
    this.#listener.added(draft);
    return item;
  }

  #flush(): void {
    const session = this.#session;
    if (session === undefined || !session.isOpen) return;
    const batch: { frame: { $case: 'send'; value: Send }; done: (outcome: Outcome) => void }[] = [];
    for (const queue of this.#queues.values()) {
      if (queue.pause !== undefined) continue;
      for (const item of queue.items.slice(0, this.#options.inFlightPerThread)) {
        if (this.#inFlight >= this.#mostInFlight) break;
        // In order: what is not saved yet holds up those after it.
        if (!item.saved) break;
        if (item.sentMs !== undefined) continue;
        this.#inFlight += 1;
        item.sentMs = this.#runtime.now();
        item.sending += 1;
        const { sending } = item;
        batch.push({
          frame: { $case: 'send', value: sendOf(item.draft) },
          done: (outcome) => {
            this.#inFlight -= 1;
            // An earlier sending may be answered after it was given up: a yes is a yes, its no is the next one's to say.
            if (!item.answered && !this.#closed && (outcome.ok || item.sending === sending)) {
              this.#answer(queue, item, outcome);
            }
          },
        });
      }
    }
    session.requestAll(batch);
    if (batch.length > 0) this.#watch();
  }

  #answer(queue: Queue, item: Item, outcome: Outcome): void {
    item.sentMs = undefined;
    if (outcome.ok) {
      if (outcome.result?.$case !== 'send') {
        this.#retry(queue, item, undefined);
        return;
      }
      this.#take(item);
      queue.backoff.reset();
      this.#listener.sent(item.draft, outcome.result.value);
      item.resolve?.(outcome.result.value);
      this.#flush();
      return;
    }
    const { error } = outcome;
    if (error.code === Code.INTERNAL) item.internalErrors += 1;
    if (error.reason === 'CONNECTION_LOST') this.#flush();
    else if (isForNow(error) || (error.code === Code.INTERNAL && item.internalErrors < mostInternalErrors)) {
      this.#retry(queue, item, error.retryAfterMs);
    } else this.#fail(item, error);
  }

  #retry(queue: Queue, item: Item, afterMs: number | undefined): void {
    item.sentMs = undefined;
    if (queue.pause !== undefined) return;
    queue.pause = this.#runtime.setTimer(queue.backoff.nextMs(afterMs), () => {
      queue.pause = undefined;
      this.#flush();
    });
  }

  #fail(item: Item, error: ParleyError): void {
    this.#take(item);
    this.#listener.failed(item.draft, error);
    item.reject?.(error);
    this.#flush();
  }

  /** Out of the outbox: it has its answer. */
  #take(item: Item): void {
    item.answered = true;
    const { threadId, clientMessageId } = item.draft;
    const queue = this.#queues.get(threadId);
    const at = queue?.items.indexOf(item) ?? -1;
    if (queue === undefined || at < 0) return;
    queue.items.splice(at, 1);
    if (queue.items.length === 0) {
      queue.pause?.cancel();
      this.#queues.delete(threadId);
    }
    this.#drafts -= 1;
    this.#bytes -= item.bytes;
    // Not awaited: a removal that is lost costs one more sending, which is answered as the first.
    if (item.saved)
      this.#options.store?.remove(threadId, clientMessageId).catch((error) => this.#runtime.report(error));
  }

  /** Sees to it that what has no reply in time is sent again. */
  #watch(): void {
    if (this.#check !== undefined || this.#closed) return;
    this.#check = this.#runtime.setTimer(replyWithinMs, () => {
      this.#check = undefined;
      const overdueMs = this.#runtime.now() - replyWithinMs;
      let left = false;
      for (const queue of this.#queues.values()) {
        for (const item of queue.items) {
          if (item.sentMs === undefined) continue;
          if (item.sentMs > overdueMs) left = true;
          else item.sentMs = undefined;
        }
      }
      this.#flush();
      if (left) this.#watch();
    });
  }
}

function sendOf(draft: Draft): Send {
  return { ...draft, mentionIds: [...draft.mentionIds], attachments: [...draft.attachments] };
}

function closedError(): ParleyError {
  return localError('CLIENT_CLOSED', 'the client was closed', Code.CANCELLED);
}
