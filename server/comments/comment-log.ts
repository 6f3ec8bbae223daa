import type { ChannelCount, Comment, NewComment } from '../core/comment.ts';
import type { ChannelId } from '../core/ids.ts';

/**
 * The door to what is said on channels: numbers comments, keeps the last ones for a while, and publishes them on the topic of
 * their channel, where nodes hear them as `comments` events of the bus. Best effort, other than the store: comments are kept in memory
 * or in Redis and go with it. One contract suite (test/contract/comment-log.ts).
 *
 * Promises
 * - Comments of a channel are numbered 1, 2, 3 … in one epoch. When numbering had to begin anew (all was lost, or the channel was
 *   not spoken in for 30 days), the epoch is a later one. It is, too, when the last numbers may have been lost: then what is still
 *   kept belongs to the later epoch, under the numbers it had.
 * - Every node hears the batches of a channel in the order of their numbers, its own too, each once at most. A batch may be lost: the
 *   numbers show it, and `range` gives what is kept.
 * - `publish` takes a batch as one: it is numbered, kept and handed to the bus in one step, before it resolves. Within it one comment
 *   is judged after the other, as if they had come singly.
 * - A comment is known by sender and client_message_id as long as it is kept: given again it is answered with the first one's number,
 *   with another fingerprint it is refused. Within one batch too. Slow mode does not hold up such answers, and counts from the sender's
 *   last comment that was published under it. What is `repeatOnly` is answered so too, and takes no number where it is not known.
 * - Nothing is given that is older than the rule of the last `publish` says, or beyond its count; but for what is pinned.
 *
 * Failure: every call may reject with Refusal STORE_UNAVAILABLE, at once or after 1 s of doubt. A publish may then have happened: the same
 * comments with the same ids may be given again.
 */
export interface CommentLog extends AsyncDisposable {
  /** @param comments 1–256, together at most 256 KiB. Answers in their order. */
  publish(channel: ChannelId, comments: readonly NewComment[], keep: KeepRule): Promise<readonly Published[]>;
  /** Begins a numbering where there is none. */
  count(channel: ChannelId): Promise<ChannelCount>;
  /** Kept comments, deleted ones too (without text and mentions), ascending by number. */
  range(channel: ChannelId, range: CommentRange): Promise<readonly Comment[]>;
  /** Erases text and mentions of a comment that is kept or pinned, and tells all nodes. False = it is neither, or was deleted before. */
  delete(channel: ChannelId, number: bigint): Promise<boolean>;
  /**
   * Pins a kept comment, or the pinned one again; 0 = none is pinned from now on. It stays readable although newer ones take its place
   * in what is kept, or the time of that is over. Tells all nodes. False = it is not kept, or deleted.
   */
  pin(channel: ChannelId, number: bigint): Promise<boolean>;
  /** Without text and mentions, where it was deleted. */
  pinned(channel: ChannelId): Promise<Comment | undefined>;
  /**
   * Says how many listeners this node has, and asks how many all have. Nodes that said nothing for 30 s count for nothing. 0 = this
   * node has left; undefined = it only asks.
   */
  countListeners(channel: ChannelId, here: number | undefined): Promise<number>;
}

/** After so long without a word in a channel, all that was kept of it is gone, and its numbering is. */
export const forgetMs = 30 * 86_400_000;
/** For so long what a node said of its listeners counts. */
export const listenersCountMs = 30_000;

export interface KeepRule {
  /** The last so many, 0–10,000. 0 = none is kept, and none is known by its id. */
  readonly count: number;
  /** For so long, ms. */
  readonly forMs: number;
}

export type Published =
  | { readonly outcome: 'published'; readonly number: bigint; readonly epoch: bigint; readonly createTimeMs: number }
  | { readonly outcome: 'duplicate'; readonly number: bigint; readonly epoch: bigint; readonly createTimeMs: number }
  /** It was `repeatOnly`, and is not known: it takes no number. */
  | { readonly outcome: 'unknown' }
  /** The id is another comment's. */
  | { readonly outcome: 'id-reused' }
  /** Slow mode: the sender may comment again in so many ms. */
  | { readonly outcome: 'too-soon'; readonly retryAfterMs: number };

export interface CommentRange {
  /** Above this number. */
  readonly after: bigint;
  /** Below this number; 0 = up to the last. */
  readonly before: bigint;
  /** 1–200. */
  readonly limit: number;
  /** True: the highest ones of the range (still in ascending order). */
  readonly fromEnd: boolean;
}
