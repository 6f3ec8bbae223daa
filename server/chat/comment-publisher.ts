import type { CommentLog, KeepRule, Published } from '../comments/comment-log.ts';
import type { Clock } from '../core/clock.ts';
import { type NewComment, sizeOfComment } from '../core/comment.ts';
import { Refusal } from '../core/errors.ts';
import type { ChannelId } from '../core/ids.ts';

/** What one step of the log takes. */
const maxBatch = 256;
const maxBatchBytes = 192 * 1_024;
/** Comments of one channel that wait on this node. */
const maxWaiting = 1_024;

interface Waiting {
  readonly comment: NewComment;
  readonly keep: KeepRule;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: unknown) => void;
}

interface Queue {
  readonly waiting: Waiting[];
  lastMs: number;
}

/**
 * Hands comments to their log several at once: in a calm channel each at once; in a busy one what came within `gatherMs`, and while
 * the step before was under way, as one batch. Keeps their order.
 */
export class CommentPublisher {
  readonly #log: CommentLog;
  readonly #clock: Clock;
  readonly #gatherMs: number;
  readonly #queues = new Map<ChannelId, Queue>();

  constructor(log: CommentLog, clock: Clock, gatherMs: number) {
    this.#log = log;
    this.#clock = clock;
    this.#gatherMs = gatherMs;
  }

  /** @throws Refusal OVERLOADED, STORE_UNAVAILABLE: the same comment may be given again */
  publish(channelId: ChannelId, comment: NewComment, keep: KeepRule): Promise<Published> {
    return new Promise((resolve, reject) => {
      const waiting = { comment, keep, resolve, reject };
      const queue = this.#queues.get(channelId);
      if (queue === undefined) {
        const begun: Queue = { waiting: [waiting], lastMs: -Infinity };
        this.#queues.set(channelId, begun);
        void this.#run(channelId, begun);
      } else if (queue.waiting.length >= maxWaiting) {
        const message = 'too many comments wait for this channel: publish again, with the same id';
        reject(new Refusal('OVERLOADED', message, { retryAfterMs: 1_000 }));
      } else {
        queue.waiting.push(waiting);
      }
    });
  }

  async #run(channelId: ChannelId, queue: Queue): Promise<void> {
    for (;;) {
      while (queue.waiting.length > 0) await this.#step(channelId, queue);
      // The next one within this time finds the queue, and waits until others may have come too.
      await new Promise<void>((resolve) => this.#clock.after(this.#gatherMs, resolve));
      if (queue.waiting.length > 0) continue;
      this.#queues.delete(channelId);
      return;
    }
  }

  async #step(channelId: ChannelId, queue: Queue): Promise<void> {
    const dueMs = queue.lastMs + this.#gatherMs - this.#clock.monotonicMs();
    if (dueMs > 0 && queue.waiting.length < maxBatch) {
      await new Promise<void>((resolve) => this.#clock.after(dueMs, resolve));
    }
    queue.lastMs = this.#clock.monotonicMs();
    let bytes = 0;
    let count = 0;
    for (const { comment } of queue.waiting) {
      bytes += sizeOfComment(comment);
      if (count === maxBatch || (count > 0 && bytes > maxBatchBytes)) break;
      count += 1;
    }
    const batch = queue.waiting.splice(0, count);
    const [first] = batch;
    if (first === undefined) return;
    try {
      const published = await this.#log.publish(
        channelId,
        batch.map(({ comment }) => comment),
        first.keep,
      );
      batch.forEach(({ resolve, reject }, at) => {
        const one = published[at];
        if (one === undefined) reject(new Error(`the comment log answered ${published.length} of ${batch.length}`));
        else resolve(one);
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
