import type { Clock } from '../../core/clock.ts';
import { type Comment, erased, type NewComment } from '../../core/comment.ts';
import type { UserId } from '../../core/ids.ts';
import { type CommentRange, type KeepRule, listenersCountMs, type Published } from '../comment-log.ts';

interface Kept {
  readonly comment: Comment;
  readonly fingerprint: string;
}

export interface Batch {
  readonly answers: readonly Published[];
  /** Those that have a number now. */
  readonly fresh: readonly Comment[];
  readonly second: number;
  readonly perSecond: number;
}

/** The comments of one channel, on one node. */
export class MemoryChannel {
  readonly epoch: bigint;
  /** Monotonic ms. */
  spokenMs: number;
  readonly #clock: Clock;
  /** By number, from `#first` to `#last` without a hole. */
  readonly #kept = new Map<bigint, Kept>();
  readonly #ids = new Map<string, bigint>();
  #keep: KeepRule = { count: 0, forMs: 0 };
  #first = 1n;
  #last = 0n;
  #pinned: Comment | undefined;
  /** Monotonic ms of each sender's last comment under slow mode, the longest ago first. */
  readonly #spoke = new Map<UserId, number>();
  #slowModeMs = 0;
  #second = 0;
  #numbered = 0;
  #before = 0;
  #listeners = { count: 0, saidMs: 0 };

  constructor(clock: Clock, epoch: bigint) {
    this.#clock = clock;
    this.epoch = epoch;
    this.spokenMs = clock.monotonicMs();
  }

  get last(): bigint {
    return this.#last;
  }

  /** How many comments it holds on to. */
  get kept(): number {
    return this.#kept.size;
  }

  get pinned(): Comment | undefined {
    return this.#pinned;
  }

  publish(comments: readonly NewComment[], keep: KeepRule): Batch {
    this.#keep = keep;
    this.#trim();
    this.#forgetWhoSpoke();
    const fresh: Comment[] = [];
    const answers = comments.map((comment) => this.#publishOne(comment, fresh));
    this.#countSecond(fresh.length);
    return { answers, fresh, second: this.#second, perSecond: this.#before };
  }

  range({ after, before, limit, fromEnd }: CommentRange): Comment[] {
    this.#trim();
    let low = after >= this.#first ? after + 1n : this.#first;
    let high = before === 0n || before > this.#last ? this.#last : before - 1n;
    const most = BigInt(limit);
    if (fromEnd && high - low >= most) low = high - most + 1n;
    if (!fromEnd && high - low >= most) high = low + most - 1n;
    const comments: Comment[] = [];
    for (let number = low; number <= high; number++) {
      const kept = this.#kept.get(number);
      if (kept !== undefined) comments.push(kept.comment);
    }
    return comments;
  }

  erase(number: bigint): boolean {
    this.#trim();
    const kept = this.#kept.get(number);
    const isPinned = this.#pinned?.number === number;
    const comment = kept?.comment ?? (isPinned ? this.#pinned : undefined);
    if (comment === undefined || comment.deleted) return false;
    const left = erased(comment);
    if (kept !== undefined) this.#kept.set(number, { ...kept, comment: left });
    if (isPinned) this.#pinned = left;
    return true;
  }

  pin(number: bigint): boolean {
    this.#trim();
    if (number === 0n) {
      this.#pinned = undefined;
      return true;
    }
    const comment = this.#readable(number);
    if (comment === undefined || comment.deleted) return false;
    this.#pinned = comment;
    return true;
  }

  countListeners(here: number | undefined): number {
    const nowMs = this.#clock.monotonicMs();
    if (here !== undefined) this.#listeners = { count: here, saidMs: nowMs };
    return nowMs - this.#listeners.saidMs < listenersCountMs ? this.#listeners.count : 0;
  }

  #publishOne(comment: NewComment, fresh: Comment[]): Published {
    const { senderId, clientMessageId, text, replyTo, mentions, moderator, fingerprint } = comment;
    const id = `${clientMessageId} ${senderId}`;
    const known = this.#kept.get(this.#ids.get(id) ?? 0n);
    if (known !== undefined) {
      if (known.fingerprint !== fingerprint) return { outcome: 'id-reused' };
      const { number, createTimeMs } = known.comment;
      return { outcome: 'duplicate', number, epoch: this.epoch, createTimeMs };
    }
    if (comment.repeatOnly === true) return { outcome: 'unknown' };
    const retryAfterMs = this.#waitOf(senderId, comment.slowModeMs);
    if (retryAfterMs > 0) return { outcome: 'too-soon', retryAfterMs };
    const replyToSenderId = this.#readable(replyTo)?.senderId ?? ('' as UserId);
    const said = { senderId, clientMessageId, text, replyTo, replyToSenderId, mentions, moderator, deleted: false };
    this.#last += 1n;
    const numbered: Comment = { number: this.#last, createTimeMs: this.#clock.nowMs(), ...said };
    fresh.push(numbered);
    this.#kept.set(this.#last, { comment: numbered, fingerprint });
    this.#ids.set(id, this.#last);
    this.#trim();
    return { outcome: 'published', number: this.#last, epoch: this.epoch, createTimeMs: numbered.createTimeMs };
  }

  #readable(number: bigint): Comment | undefined {
    return this.#kept.get(number)?.comment ?? (this.#pinned?.number === number ? this.#pinned : undefined);
  }

  #waitOf(senderId: UserId, slowModeMs: number): number {
    if (slowModeMs === 0) return 0;
    const nowMs = this.#clock.monotonicMs();
    const spokeMs = this.#spoke.get(senderId) ?? -Infinity;
    if (nowMs - spokeMs < slowModeMs) return Math.ceil(spokeMs + slowModeMs - nowMs);
    this.#slowModeMs = slowModeMs;
    this.#spoke.delete(senderId);
    this.#spoke.set(senderId, nowMs);
    return 0;
  }

  #forgetWhoSpoke(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [senderId, spokeMs] of this.#spoke) {
      if (nowMs - spokeMs < this.#slowModeMs) return;
      this.#spoke.delete(senderId);
    }
  }

  #countSecond(count: number): void {
    const second = Math.floor(this.#clock.nowMs() / 1_000);
    if (count === 0) return;
    if (second !== this.#second) {
      this.#before = second === this.#second + 1 ? this.#numbered : 0;
      this.#second = second;
      this.#numbered = 0;
    }
    this.#numbered += count;
  }

  /** Takes away from the oldest on what the rule does not keep. */
  #trim(): void {
    const { count, forMs } = this.#keep;
    const horizonMs = this.#clock.nowMs() - forMs;
    for (; this.#first <= this.#last; this.#first++) {
      const kept = this.#kept.get(this.#first);
      if (kept !== undefined && this.#kept.size <= count && kept.comment.createTimeMs > horizonMs) return;
      this.#kept.delete(this.#first);
      const { clientMessageId, senderId } = kept?.comment ?? { clientMessageId: '', senderId: '' };
      const id = `${clientMessageId} ${senderId}`;
      if (this.#ids.get(id) === this.#first) this.#ids.delete(id);
    }
  }
}
