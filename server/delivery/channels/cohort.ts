import type { Clock, Timer } from '../../core/clock.ts';
import { erased } from '../../core/comment.ts';
import type { ChannelId } from '../../core/ids.ts';
import { Audience, type Statistics } from './audience.ts';
import type { ChannelTopicContext } from './channel-topic.ts';
import { maxAsked, type Pace, type Passage } from './pace.ts';
import { addHeard, type Run } from './pieces.ts';

/** When to look again whether an audience is through. */
const retryMs = 10;
/** Listeners of an audience that is worth asking how long what it is told takes. */
const leastPaced = 64;

/**
 * Listeners of a channel that are told in the same tick. The cohorts of a busy channel tick one after another through the time of a tick, so
 * that its frames leave the node evenly and what others are told finds its way between them.
 */
export class Cohort {
  readonly audience: Audience;
  readonly #clock: Clock;
  /** Where its ticks lie in the time of a tick, 0 to 1. */
  readonly #phase: number;
  readonly #pace: Pace;
  #runs: Run[] = [];
  #deleted: bigint[] = [];
  #statistics: Statistics | undefined;
  #epoch = 0n;
  #timer: Timer | undefined;
  #lastTickMs = -Infinity;
  /** Of what was told last. */
  #passage: Passage | undefined;

  constructor(channelId: ChannelId, context: ChannelTopicContext, phase: number, pace: Pace) {
    this.audience = new Audience(channelId, context.encode, context.clock);
    this.#clock = context.clock;
    this.#phase = phase;
    this.#pace = pace;
  }

  /** The lowest number that its listeners were not told of yet; undefined = there is none. */
  get untold(): bigint | undefined {
    return this.#runs[0]?.from;
  }

  hear(epoch: bigint, runs: readonly Run[]): void {
    this.#epoch = epoch;
    for (const run of runs) {
      if (run.kind === 'lost') this.#runs.push(run);
      else for (const one of run.heard) addHeard(this.#runs, one);
    }
    this.#schedule();
  }

  hearDeletion(epoch: bigint, number: bigint): void {
    this.#epoch = epoch;
    for (const run of this.#runs) {
      if (run.kind === 'lost') continue;
      const at = run.heard.findIndex(({ comment }) => comment.number === number);
      const heard = run.heard[at];
      if (heard !== undefined) run.heard[at] = { ...heard, comment: erased(heard.comment) };
    }
    this.#deleted.push(number);
    this.#schedule();
  }

  hearStatistics(statistics: Statistics): void {
    this.#epoch = statistics.epoch;
    this.#statistics = statistics;
    this.#schedule();
  }

  /** Tells what waits, now. */
  tick(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const [runs, deleted, statistics] = [this.#runs, this.#deleted, this.#statistics];
    if (runs.length === 0 && deleted.length === 0 && statistics === undefined) return;
    this.#lastTickMs = this.#clock.monotonicMs();
    this.#runs = [];
    this.#deleted = [];
    this.#statistics = undefined;
    const { audience } = this;
    const some = audience.size < leastPaced ? [] : audience.some(maxAsked).map(({ listener }) => listener);
    const passage = this.#pace.begin(audience.size, some);
    this.#passage = passage;
    audience.spread(this.#pace.spreadMs(audience.size));
    audience.hear(this.#epoch, runs, deleted, statistics);
    audience.whenTold(() => passage.told());
  }

  /** Nothing of what waits is told. */
  close(): void {
    this.#timer?.cancel();
  }

  /** At once where nothing was told for the time of a tick; else when its turn in it comes. */
  #schedule(): void {
    if (this.#timer !== undefined) return;
    const nowMs = this.#clock.monotonicMs();
    const tickMs = this.#pace.intervalMs;
    if (nowMs - this.#lastTickMs >= tickMs && !this.#isHeld()) return this.tick();
    const turnMs = this.#pace.untilTurn(this.#phase);
    const isTooSoon = nowMs + turnMs - this.#lastTickMs < tickMs / 2;
    this.#timer = this.#clock.after(isTooSoon ? turnMs + tickMs : turnMs, () => this.#tickInTime());
  }

  #isHeld(): boolean {
    return this.audience.isTelling || this.#passage?.isArriving() === true;
  }

  /** An audience that is not through with the last tick is not given another: what comes meanwhile shares the next one's frames. */
  #tickInTime(): void {
    if (!this.#isHeld()) return this.tick();
    this.#timer = this.#clock.after(retryMs, () => this.#tickInTime());
  }
}
