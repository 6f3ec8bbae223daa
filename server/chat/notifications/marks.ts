import type { Clock } from '../../core/clock.ts';
import { noDevice, systemUser, type ThreadId } from '../../core/ids.ts';
import { Lru } from '../../core/lru.ts';
import type { NewJob, NotifyQueue } from '../../notify/queue.ts';
import { Debts } from './debts.ts';

/** A thread is looked at so long after its first new message, and then again only after the next one. */
const windowMs = 1_000;
/** Threads whose last mark is remembered; of one that is forgotten another mark is made too early. */
const remembered = 50_000;

/** A thread's last mark. */
interface Mark {
  /** It is about messages above this one. */
  readonly after: bigint;
  /** Monotonic ms before which nobody looks at the thread. -Infinity until the queue has said so: it may have been merged into one that is looked at sooner. */
  untilMs: number;
  /** Undefined once the queue has it, or is owed it. */
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
 * the sender's reply. So what was acknowledged is not forgotten, whichever process dies. But nobody waits for a queue that takes nothing: it is owed the mark, and if
 * this process dies before the queue has it, who is not there is notified of the thread's next message.
 */
export class Marks implements Marking, AsyncDisposable {
  readonly #queue: NotifyQueue;
  readonly #clock: Clock;
  readonly #marks = new Lru<ThreadId, Mark>(remembered);
  readonly #owed: Debts<ThreadId, bigint>;

  /** `onLost`: so many threads are owed a mark that one was given up. */
  constructor(queue: NotifyQueue, clock: Clock, onLost?: () => void) {
    this.#queue = queue;
    this.#clock = clock;
    this.#owed = new Debts({
      clock,
      onLost,
      merge: (one, other) => (one < other ? one : other),
      pay: async (some) =>
        (await queue.put(some.map(([id, after]) => lookAt(id, after)))).map((ms) => ms !== undefined),
    });
  }

  /** Threads that the queue is owed a mark of. */
  get owed(): number {
    return this.#owed.size;
  }

  begin(threadId: ThreadId, after: bigint): void {
    const mark = this.#marks.get(threadId);
    const isOnItsWay = mark?.putting !== undefined && mark.after <= after;
    if (!isOnItsWay && !this.#holds(threadId, after)) void this.#mark(threadId, after);
  }

  end(threadId: ThreadId, after: bigint): Promise<void> | undefined {
    return this.#holds(threadId, after) ? undefined : this.#makeSure(threadId, after);
  }

  async #makeSure(threadId: ThreadId, after: bigint): Promise<void> {
    await this.#marks.get(threadId)?.putting;
    // An append may take longer than a window, or its mark have been merged into one that was due: who looked meanwhile did not see it.
    if (!this.#holds(threadId, after)) await this.#mark(threadId, after);
  }

  /** When nothing is appended any more: what is owed is put, if the queue takes it now. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owed[Symbol.asyncDispose]();
  }

  /** Whether the thread is surely looked at after now. */
  #holds(threadId: ThreadId, after: bigint): boolean {
    const owed = this.#owed.get(threadId);
    if (owed !== undefined && owed <= after) return true;
    const mark = this.#marks.get(threadId);
    return mark !== undefined && mark.after <= after && mark.untilMs > this.#clock.monotonicMs();
  }

  #mark(threadId: ThreadId, after: bigint): Promise<void> {
    const mark: Mark = { after, untilMs: -Infinity, putting: undefined };
    this.#marks.set(threadId, mark);
    const putting = this.#put(threadId, mark).finally(() => (mark.putting = undefined));
    mark.putting = putting;
    return putting;
  }

  async #put(threadId: ThreadId, mark: Mark): Promise<void> {
    const askedMs = this.#clock.monotonicMs();
    try {
      const [dueInMs] = await this.#queue.put([lookAt(threadId, mark.after)]);
      if (dueInMs !== undefined) {
        // The queue counts whole ms.
        mark.untilMs = askedMs + dueInMs - 1;
        return;
      }
    } catch {
      // Owed.
    }
    this.#owed.add(threadId, mark.after);
  }
}

function lookAt(threadId: ThreadId, after: bigint): NewJob {
  return { kind: 'look', threadId, userId: systemUser, deviceId: noDevice, after, upTo: after, delayMs: windowMs };
}
