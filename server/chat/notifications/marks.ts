import type { Clock } from '../../core/clock.ts';
import { noDevice, systemUser, type ThreadId } from '../../core/ids.ts';
import { Lru } from '../../core/lru.ts';
import type { NewJob, NotifyQueue } from '../../notify/queue.ts';

/** A thread is looked at so long after its first new message, and then again only after the next one. */
const windowMs = 1_000;
/** What the queue did not take is put again after this. */
const againMs = 1_000;
/** Threads that the queue is owed a mark of. */
const maxOwed = 100_000;
/** Threads whose last mark is remembered; of one that is forgotten another mark is made too early. */
const remembered = 50_000;
const atOnce = 500;

/** A thread's last mark. */
interface Mark {
  /** It is about messages above this one. */
  readonly after: bigint;
  /** Monotonic ms before which nobody looks at the thread. */
  readonly untilMs: number;
  /** Undefined once the queue has it. */
  putting: Promise<void> | undefined;
}

/** What the appender asks for. */
export interface Marking {
  /** Before messages are appended after `after`. */
  begin(threadId: ThreadId, after: bigint): void;
  /** They were appended. Undefined, or resolved: the queue has a mark that is looked at after now, or is owed one. Never rejects. */
  end(threadId: ThreadId, after: bigint): Promise<void> | undefined;
}

/**
 * Marks threads that have new messages, for others to find out who is to be notified: one mark a thread and second, written beside the append, and there before
 * the sender's reply. So what was acknowledged is never forgotten, whichever process dies.
 */
export class Marks implements Marking, Disposable {
  readonly #queue: NotifyQueue;
  readonly #clock: Clock;
  readonly #marks = new Lru<ThreadId, Mark>(remembered);
  readonly #owed = new Map<ThreadId, bigint>();
  readonly #onLost: (() => void) | undefined;
  #paying = false;
  #disposed = false;

  /** `onLost`: so many threads are owed a mark that one was given up. */
  constructor(queue: NotifyQueue, clock: Clock, onLost?: () => void) {
    this.#queue = queue;
    this.#clock = clock;
    this.#onLost = onLost;
  }

  /** Threads that the queue is owed a mark of. */
  get owed(): number {
    return this.#owed.size;
  }

  begin(threadId: ThreadId, after: bigint): void {
    if (!this.#holds(threadId, after)) this.#mark(threadId, after);
  }

  end(threadId: ThreadId, after: bigint): Promise<void> | undefined {
    // An append may take longer than a window: who looked meanwhile did not see it.
    if (!this.#holds(threadId, after)) this.#mark(threadId, after);
    return this.#marks.get(threadId)?.putting;
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
  }

  #holds(threadId: ThreadId, after: bigint): boolean {
    const mark = this.#marks.get(threadId);
    return mark !== undefined && mark.after <= after && mark.untilMs > this.#clock.monotonicMs();
  }

  #mark(threadId: ThreadId, after: bigint): void {
    const mark: Mark = { after, untilMs: this.#clock.monotonicMs() + windowMs, putting: undefined };
    mark.putting = this.#put(threadId, after).finally(() => (mark.putting = undefined));
    this.#marks.set(threadId, mark);
  }

  async #put(threadId: ThreadId, after: bigint): Promise<void> {
    try {
      const refused = await this.#queue.put([lookAt(threadId, after)]);
      if (refused.length === 0) return;
    } catch {
      // Owed.
    }
    this.#owe(threadId, after);
  }

  #owe(threadId: ThreadId, after: bigint): void {
    const before = this.#owed.get(threadId);
    if (before === undefined && this.#owed.size >= maxOwed) return this.#onLost?.();
    if (before === undefined || after < before) this.#owed.set(threadId, after);
    this.#paySoon();
  }

  #paySoon(): void {
    if (this.#paying || this.#disposed) return;
    this.#paying = true;
    this.#clock.after(againMs, () => void this.#pay());
  }

  async #pay(): Promise<void> {
    const paid = [...this.#owed].slice(0, atOnce);
    for (const [threadId] of paid) this.#owed.delete(threadId);
    let unpaid: readonly { readonly threadId: ThreadId; readonly after: bigint }[];
    try {
      unpaid = await this.#queue.put(paid.map(([threadId, after]) => lookAt(threadId, after)));
    } catch {
      unpaid = paid.map(([threadId, after]) => ({ threadId, after }));
    }
    this.#paying = false;
    for (const { threadId, after } of unpaid) this.#owe(threadId, after);
    if (this.#owed.size > 0) this.#paySoon();
  }
}

function lookAt(threadId: ThreadId, after: bigint): NewJob {
  return { kind: 'look', threadId, userId: systemUser, deviceId: noDevice, after, upTo: after, delayMs: windowMs };
}
