import type { CommentLog } from '../../comments/comment-log.ts';
import type { Clock } from '../../core/clock.ts';
import { type Comment, sizeOfComment } from '../../core/comment.ts';
import type { BusEvent } from '../../core/event.ts';
import type { ChannelId } from '../../core/ids.ts';
import type { FrameEncoder } from '../frames.ts';
import { tickMsOf } from '../tick.ts';
import type { Channel, ChannelDirectory, DeliveryClass } from './channel.ts';
import { ChannelLine } from './channel-line.ts';
import { Cohort } from './cohort.ts';
import { Listening, Skips, type ChannelListener } from './listening.ts';
import { Pace } from './pace.ts';
import { lostPiece, piecesOf, type Run } from './pieces.ts';

export interface ChannelTopicContext {
  readonly log: CommentLog;
  readonly directory: ChannelDirectory;
  readonly clock: Clock;
  readonly encode: FrameEncoder;
  /** The longest that comments wait for others to share a frame with. */
  readonly maxTickMs: number;
}

/** Where a listener was when it last heard the channel. */
export interface Resume {
  readonly epoch: bigint;
  readonly after: bigint;
}

/** Where the ticks of each cohort lie in the time of a tick: apart from each other, however many there are. */
const phases = [0, 0.5, 0.25, 0.75, 0.125, 0.625, 0.375, 0.875];
const maxCohorts = phases.length;
/** Listeners of a cohort before there is another. */
const leastOfCohort = 128;

interface Missed {
  readonly epoch: bigint;
  /** The first number that is missing, and the first that is told. */
  readonly first: bigint;
  readonly start: bigint;
}

/** So far a listener may be ahead of this node, which is late. */
const maxAhead = 100_000n;
/** Comments told to who resumes. */
const maxBackfill = 200;
/** How often it is asked how many listen elsewhere, and where the channel stands. */
const countEveryMs = 10_000;

/** One channel on this node: what is heard of it, put together per tick, told to its audience. */
export class ChannelTopic {
  readonly channelId: ChannelId;
  readonly #context: ChannelTopicContext;
  readonly #line: ChannelLine;
  readonly #cohorts: Cohort[] = [];
  readonly #pace: Pace;
  readonly #skips: Skips;
  #description: Promise<Channel> | undefined;
  #described: Channel | undefined;
  #changedAgain = false;
  #telling = false;
  /** Since the last statistics. */
  #heardSince = 0;
  #bytesSince = 0;
  #told = '';
  #listeners = 0;
  #countedMs = -Infinity;

  constructor(channelId: ChannelId, context: ChannelTopicContext) {
    this.channelId = channelId;
    this.#context = context;
    this.#skips = new Skips(channelId, context.encode);
    this.#pace = new Pace(
      context.clock,
      () => this.size,
      () => tickMsOf(this.size, context.maxTickMs),
    );
    const onMore = (runs: readonly Run[]): void => {
      for (const cohort of this.#cohorts) cohort.hear(this.#line.epoch, runs);
    };
    this.#line = new ChannelLine(channelId, context.log, onMore, (...at) => this.#beginAnew(...at));
  }

  get size(): number {
    return this.#cohorts.reduce((sum, { audience }) => sum + audience.size, 0);
  }

  /** Once the bus has confirmed that the channel is heard. @throws Refusal STORE_UNAVAILABLE */
  async begin(): Promise<void> {
    const { epoch, published } = await this.#context.log.count(this.channelId);
    this.#line.begin(epoch, published);
  }

  hear(event: BusEvent): void {
    if (event.type === 'comments') {
      this.#heardSince += event.comments.length;
      for (const comment of event.comments) this.#bytesSince += sizeOfComment(comment);
      this.#line.hear(event);
    } else if (event.type === 'comment-deleted') {
      void this.#forget(event.epoch, event.number);
    } else if (event.type === 'channel-changed') {
      this.#context.directory.changed(this.channelId);
      void this.#tellChanged();
    }
  }

  /** Events may have been lost: looks where the channel stands. */
  async look(): Promise<void> {
    const { epoch, published } = await this.#context.log.count(this.channelId);
    this.#line.hearCount(epoch, published);
    void this.#tellChanged();
  }

  /** What the listener gets of it from now on, and what leaves it; undefined = it was not wanted any more. @throws Refusal CHANNEL_NOT_FOUND, STORE_UNAVAILABLE */
  async add(
    listener: ChannelListener,
    deliveryClass: DeliveryClass,
    resume: Resume | undefined,
    isWanted: () => boolean,
  ): Promise<{ readonly listening: Listening; readonly leave: () => void } | undefined> {
    const channel = await this.#describe();
    const { encode, log } = this.#context;
    const { channelId } = this;
    const from = this.#startOf(resume);
    const listening = new Listening(listener, channelId, encode, this.#skips);
    const kept =
      from === undefined
        ? []
        : await log.range(channelId, {
            after: from.start - 1n,
            before: this.#line.next,
            limit: maxBackfill,
            fromEnd: false,
          });
    if (!isWanted()) return undefined;
    // From here on nothing may come between what it is told of before and what it hears. What its cohort was not told yet, it hears with it.
    const cohort = this.#cohortFor();
    const { epoch } = this.#line;
    // Who has accounted for some of that already is not told of it again.
    if (resume?.epoch === epoch && cohort.untold !== undefined && resume.after >= cohort.untold) cohort.tick();
    const next = cohort.untold ?? this.#line.next;
    listener.tell(encode({ type: 'channel', channel: this.#now(this.#described ?? channel, next - 1n) }));
    if (from !== undefined && from.epoch === epoch) this.#tellMissed(listening, from, kept, next);
    if (resume?.epoch === epoch && resume.after < next + maxAhead) listening.floor = resume.after;
    return { listening, leave: cohort.audience.add(listening, deliveryClass) };
  }

  /** What lies between where it was and what it hears: as far as it is kept, and as far as there is room. */
  #tellMissed(listening: Listening, from: Missed, kept: readonly Comment[], next: bigint): void {
    const { encode } = this.#context;
    const { channelId } = this;
    if (from.start > from.first) {
      const bytes = encode({
        type: 'channel-skipped',
        channelId,
        from: from.first,
        to: from.start - 1n,
        reason: 'backfill-limit',
      });
      listening.hear({ bytes, from: from.first, to: from.start - 1n });
    }
    const known = new Map(kept.map((comment) => [comment.number, comment]));
    const after = kept.at(-1)?.number ?? from.start - 1n;
    for (const comment of this.#line.recent(after + 1n) ?? []) known.set(comment.number, comment);
    const lose = (upTo: bigint): void => {
      if (told < upTo) listening.hear(lostPiece(encode, channelId, told + 1n, upTo));
    };
    let told = from.start - 1n;
    let stretch: Comment[] = [];
    const tell = (): void => {
      const [first, last] = [stretch[0], stretch.at(-1)];
      if (first === undefined || last === undefined) return;
      const run = { from: first.number, to: last.number };
      for (const piece of piecesOf(encode, channelId, from.epoch, run, stretch)) listening.hear(piece);
      told = last.number;
      stretch = [];
    };
    for (const comment of known.values()) {
      if (comment.number >= next) break;
      if (comment.number > (stretch.at(-1)?.number ?? told) + 1n) {
        tell();
        lose(comment.number - 1n);
        told = comment.number - 1n;
      }
      stretch.push(this.#line.shown(comment));
    }
    tell();
    lose(next - 1n);
  }

  /** Once a second. */
  beat(nowMs: number): void {
    const { log } = this.#context;
    if (nowMs - this.#countedMs >= countEveryMs) {
      this.#countedMs = nowMs;
      const counted = log.countListeners(this.channelId, this.size);
      // What cannot be asked just now is asked the next time.
      counted.then(
        (all) => (this.#listeners = all),
        () => undefined,
      );
      this.look().catch(() => undefined);
    }
    const perSecond = this.#heardSince;
    this.#heardSince = 0;
    this.#pace.heard(this.#bytesSince);
    this.#bytesSince = 0;
    const { epoch, next } = this.#line;
    const listeners = Math.max(this.#listeners, this.size);
    const telling = `${epoch} ${next} ${perSecond} ${listeners}`;
    if (telling === this.#told) return;
    this.#told = telling;
    for (const cohort of this.#cohorts) cohort.hearStatistics({ epoch, published: next - 1n, perSecond, listeners });
  }

  close(): void {
    for (const cohort of this.#cohorts) cohort.close();
    this.#context.log.countListeners(this.channelId, 0).catch(() => undefined);
  }

  #startOf(resume: Resume | undefined): Missed | undefined {
    const { epoch, next } = this.#line;
    if (resume === undefined) return undefined;
    // Numbers of another epoch say nothing of what is missing; who has accounted for more than there is has it from elsewhere.
    const first = resume.after + 1n;
    if (resume.epoch !== epoch || first >= next) return undefined;
    const lowest = next - BigInt(maxBackfill);
    return { epoch, first, start: first > lowest ? first : lowest };
  }

  #describe(): Promise<Channel> {
    const described = (this.#description ??= this.#context.directory.describe(this.channelId));
    described.then(
      (channel) => {
        if (this.#description === described) this.#described = channel;
      },
      () => {
        if (this.#description === described) this.#description = undefined;
      },
    );
    return described;
  }

  /** As this node's listeners see it: what they were told of is what is published. */
  #now(channel: Channel, published: bigint): Channel {
    return { ...channel, epoch: this.#line.epoch, published, listeners: Math.max(this.#listeners, this.size) };
  }

  /** Looks what holds for the channel now, and tells it where it is another than was told. */
  async #tellChanged(): Promise<void> {
    this.#changedAgain = true;
    if (this.#telling) return;
    this.#telling = true;
    try {
      while (this.#changedAgain) {
        this.#changedAgain = false;
        const before = this.#described;
        this.#description = undefined;
        const channel = await this.#describe();
        if (before === undefined || !isSame(before, channel)) this.#hearAll(this.#now(channel, this.#line.next - 1n));
      }
    } catch {
      // It is looked at again when the listeners are next counted.
    } finally {
      this.#telling = false;
    }
  }

  /** Listeners are told that numbering is another now before they are told anything of it. */
  #beginAnew(epoch: bigint, published: bigint, deleted: readonly bigint[]): void {
    for (const cohort of this.#cohorts) {
      cohort.tick();
      cohort.audience.begin();
    }
    if (this.#described !== undefined) {
      const bytes = this.#context.encode({ type: 'channel', channel: { ...this.#described, epoch, published } });
      for (const { audience } of this.#cohorts) audience.tell(bytes);
    }
    // Comments that were told in the epoch before may go on under their numbers.
    for (const number of deleted) this.#tellDeletion(epoch, number);
    if (this.#described !== undefined) void this.#tellChanged();
  }

  #tellDeletion(epoch: bigint, number: bigint): void {
    for (const cohort of this.#cohorts) cohort.hearDeletion(epoch, number);
  }

  /** Behind what waits to be told: the channel's count is of that too. */
  #hearAll(channel: Channel): void {
    for (const cohort of this.#cohorts) {
      cohort.tick();
      cohort.audience.hearChannel(channel);
    }
  }

  /** The smallest one; a new one where all are large enough to tick by themselves. */
  #cohortFor(): Cohort {
    const smallest = this.#cohorts.reduce<Cohort | undefined>(
      (least, cohort) => (least === undefined || cohort.audience.size < least.audience.size ? cohort : least),
      undefined,
    );
    if (smallest !== undefined && (smallest.audience.size < leastOfCohort || this.#cohorts.length >= maxCohorts)) {
      return smallest;
    }
    const phase = phases[this.#cohorts.length] ?? 0;
    const made = new Cohort(this.channelId, this.#context, phase, this.#pace);
    this.#cohorts.push(made);
    return made;
  }

  async #forget(epoch: bigint, number: bigint): Promise<void> {
    this.#line.forget(epoch, number);
    if (epoch === this.#line.epoch) this.#tellDeletion(epoch, number);
    const channel = await this.#description?.catch(() => undefined);
    if (channel?.pinned?.number === number) void this.#tellChanged();
  }
}

/** Whether nothing but the counts differs. */
function isSame(a: Channel, b: Channel): boolean {
  const rules = ({ slowModeS, closed, historyCount, historyS, pinned }: Channel): string =>
    JSON.stringify([slowModeS, closed, historyCount, historyS, String(pinned?.number), pinned?.deleted, pinned?.text]);
  return rules(a) === rules(b);
}
