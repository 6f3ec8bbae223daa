import type { CommentLog } from '../../comments/comment-log.ts';
import { type Comment, erased, sizeOfComment } from '../../core/comment.ts';
import type { BusEvent } from '../../core/event.ts';
import type { ChannelId } from '../../core/ids.ts';
import { addHeard, type Run } from './pieces.ts';
import type { Heard } from './sample.ts';

export type CommentsEvent = Extract<BusEvent, { type: 'comments' }>;

/** Comments that are read back when the bus lost some; what lies before them is lost. */
const maxRepaired = 200;
/** Events that wait while some are read back, or before it is known where the channel stands. */
const maxWaiting = 256;
/** Deletions that are remembered for what comes late. */
const maxForgotten = 256;
/** What is remembered of what was heard, for who comes in amid it. */
const maxRecent = 256;
const maxRecentBytes = 256 * 1_024;

/**
 * Puts what is heard of a channel into one line: each number of the epoch once, in order, as a comment or as lost. What the bus did not bring is
 * read back from what is kept.
 */
export class ChannelLine {
  readonly #channelId: ChannelId;
  readonly #log: CommentLog;
  readonly #onMore: (runs: readonly Run[]) => void;
  readonly #onEpoch: (epoch: bigint, published: bigint, deleted: readonly bigint[]) => void;
  /** 0 = it is not known yet where the channel stands. */
  #epoch = 0n;
  #next = 1n;
  #runs: Run[] = [];
  #waiting: CommentsEvent[] = [];
  #repairing = false;
  #recent: Comment[] = [];
  #recentBytes = 0;
  #perSecond = 0;
  /** Deleted lately: they may be read or heard with their text yet. */
  readonly #forgotten = new Set<bigint>();
  /** Deleted in epochs that this node has not heard of yet. */
  #forgottenLater: { readonly epoch: bigint; readonly number: bigint }[] = [];

  /**
   * @param onMore what comes next in the line; @param onEpoch numbering goes on in a later epoch, above `published`, and these were deleted
   * in it already
   */
  constructor(
    channelId: ChannelId,
    log: CommentLog,
    onMore: (runs: readonly Run[]) => void,
    onEpoch: (epoch: bigint, published: bigint, deleted: readonly bigint[]) => void,
  ) {
    this.#channelId = channelId;
    this.#log = log;
    this.#onMore = onMore;
    this.#onEpoch = onEpoch;
  }

  get epoch(): bigint {
    return this.#epoch;
  }

  /** The number that comes next. */
  get next(): bigint {
    return this.#next;
  }

  /** Where the channel stands when this node begins to hear it: what comes after that is heard. */
  begin(epoch: bigint, published: bigint): void {
    this.#epoch = epoch;
    this.#next = published + 1n;
    this.#forgetAnew();
    for (const event of this.#waiting.splice(0)) this.hear(event);
  }

  hear(event: CommentsEvent): void {
    if (this.#epoch === 0n || (this.#repairing && event.epoch >= this.#epoch)) return this.#wait(event);
    if (event.epoch < this.#epoch) return;
    const first = event.comments[0]?.number ?? 0n;
    if (event.epoch > this.#epoch) this.#restart(event.epoch, first);
    if (first > this.#next) {
      this.#wait(event);
      void this.#repair(first);
      return;
    }
    const { epoch, second, perSecond } = event;
    this.#perSecond = perSecond;
    for (const comment of event.comments)
      if (comment.number >= this.#next) this.#add({ comment, epoch, second, perSecond });
    this.#flush();
  }

  /** The channel stands here: what was published up to there and not heard is read back. */
  hearCount(epoch: bigint, published: bigint): void {
    if (this.#repairing || this.#epoch === 0n || epoch < this.#epoch) return;
    if (epoch > this.#epoch) this.#restart(epoch, published + 1n);
    if (published >= this.#next) void this.#repair(published + 1n);
  }

  /** The comment is shown no more, to nobody. */
  forget(epoch: bigint, number: bigint): void {
    if (epoch > this.#epoch) {
      this.#forgottenLater = [...this.#forgottenLater, { epoch, number }].slice(-maxForgotten);
      return;
    }
    if (epoch < this.#epoch) return;
    this.#forgotten.add(number);
    if (this.#forgotten.size > maxForgotten) this.#forgotten.delete(this.#forgotten.values().next().value ?? 0n);
    this.#recent = this.#recent.map((comment) => (comment.number === number ? erased(comment) : comment));
  }

  /** What was heard from `from` on; undefined: not all of it is remembered. */
  recent(from: bigint): readonly Comment[] | undefined {
    if (from >= this.#next) return [];
    const comments = this.#recent.filter(({ number }) => number >= from);
    return comments.length === Number(this.#next - from) ? comments : undefined;
  }

  /** As it may be shown now. */
  shown(comment: Comment): Comment {
    return this.#forgotten.has(comment.number) && !comment.deleted ? erased(comment) : comment;
  }

  #add(told: Heard): void {
    const heard = { ...told, comment: this.shown(told.comment) };
    addHeard(this.#runs, heard);
    this.#next = heard.comment.number + 1n;
    this.#recent.push(heard.comment);
    this.#recentBytes += sizeOfComment(heard.comment);
    while (this.#recent.length > maxRecent || this.#recentBytes > maxRecentBytes) {
      const oldest = this.#recent.shift();
      if (oldest === undefined) break;
      this.#recentBytes -= sizeOfComment(oldest);
    }
  }

  #flush(): void {
    const runs = this.#runs;
    this.#runs = [];
    if (runs.length > 0) this.#onMore(runs);
  }

  #lose(to: bigint): void {
    if (to < this.#next) return;
    this.#runs.push({ kind: 'lost', from: this.#next, to });
    this.#next = to + 1n;
  }

  #wait(event: CommentsEvent): void {
    // What is dropped shows as a gap, and is read back.
    if (this.#waiting.length >= maxWaiting) this.#waiting.shift();
    this.#waiting.push(event);
  }

  /**
   * A later epoch, heard of at a number. It may go on with the numbers of the one before (a fail-over), or give them anew: what was told before is
   * not told again.
   */
  #restart(epoch: bigint, at: bigint): void {
    const next = at < this.#next ? at : this.#next;
    this.#epoch = epoch;
    this.#next = next;
    this.#recent = [];
    this.#recentBytes = 0;
    this.#forgetAnew();
    this.#onEpoch(epoch, next - 1n, [...this.#forgotten]);
  }

  /** An epoch begins: what was deleted in it before this node heard of it is shown no more. */
  #forgetAnew(): void {
    const later = this.#forgottenLater;
    this.#forgottenLater = later.filter(({ epoch }) => epoch > this.#epoch);
    this.#forgotten.clear();
    for (const { epoch, number } of later) if (epoch === this.#epoch) this.#forgotten.add(number);
  }

  /** Goes on at `upTo`, with what is kept of the numbers before it. */
  async #repair(upTo: bigint): Promise<void> {
    this.#repairing = true;
    const epoch = this.#epoch;
    const perSecond = this.#perSecond;
    const range = { after: this.#next - 1n, before: upTo, limit: maxRepaired, fromEnd: true };
    // What cannot be read is as good as lost.
    const kept = await this.#log.range(this.#channelId, range).catch(() => []);
    this.#repairing = false;
    // What came meanwhile may be what was missing: the bus was late, and lost nothing.
    const late = this.#waiting.filter((event) => event.epoch === epoch).flatMap(({ comments }) => comments);
    const known = new Map([...late, ...kept].map((comment) => [comment.number, comment]));
    for (const comment of [...known.values()].toSorted((a, b) => (a.number < b.number ? -1 : 1))) {
      if (comment.number < this.#next || comment.number >= upTo) continue;
      this.#lose(comment.number - 1n);
      this.#add({ comment, epoch, second: Math.floor(comment.createTimeMs / 1_000), perSecond });
    }
    this.#lose(upTo - 1n);
    this.#flush();
    for (const event of this.#waiting.splice(0)) this.hear(event);
  }
}
