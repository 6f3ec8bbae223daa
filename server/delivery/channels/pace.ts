import type { Clock } from '../../core/clock.ts';
import type { ChannelListener } from './listening.ts';

/** Listeners who are asked whether they were reached; each is a ping on its connection, and some share one. */
export const maxAsked = 8;
/** Of those asked: the rest may be on connections that hang. */
const shareOfArrived = 0.75;
/** Times as long as all that is told takes on its way: what is told does not queue then, and others find their way between. */
const times = 1.35;
/** Less than all of it: how long it takes would not be seen any more. */
const shareOfSpread = 0.5;
/** Measurements of about this time are averaged. */
const smoothedMs = 1_500;
/** How much of a way that became longer is taken over at a time: of some, something was in front. */
const wayWeight = 0.05;
/** Larger frames take no less work a byte, and streams have no room for many of them. */
const fullBytes = 32 * 1_024;
/** Beyond this a wait no longer makes up for what it costs. */
const longestMs = 1_000;

/** What is told in one tick, on its way to the listeners. */
export interface Passage {
  /** All of it was written. */
  told(): void;
  /** Whether it has yet to arrive at most of those asked. */
  isArriving(): boolean;
}

/**
 * How far apart the ticks of a channel lie. A proxy or a machine that cannot take as many frames as there are has them wait in the sockets
 * in between, in longer and longer queues. Fewer frames with more comments in each take it less work: what takes long to pass is told less often.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #listeners: () => number;
  readonly #baseMs: () => number;
  /** How long what was told lately took, and to how many listeners it was told. */
  #passedMs = 0;
  #frames = 0;
  #measuredMs = -Infinity;
  /** What is heard of the channel. */
  #bytesPerMs = 0;
  /** There and back, where nothing waits. */
  #wayMs: number | undefined;
  #arrivedMs = -Infinity;
  #last: Passage | undefined;
  /** Ticks, and parts of one, until the time when the interval was last another. */
  #turns = 0;
  #turnsMs = 0;
  #turnMs = 0;

  /** @param baseMs what it is where everything arrives at once */
  constructor(clock: Clock, listeners: () => number, baseMs: () => number) {
    this.#clock = clock;
    this.#listeners = listeners;
    this.#baseMs = baseMs;
  }

  get intervalMs(): number {
    const fullMs = this.#bytesPerMs === 0 ? longestMs : fullBytes / this.#bytesPerMs;
    return Math.max(this.#baseMs(), Math.min(longestMs, fullMs, this.#frameMs * this.#listeners() * times));
  }

  /** What a listener's frame takes of the time of all that lies behind this node. */
  get #frameMs(): number {
    return this.#frames === 0 ? 0 : this.#passedMs / this.#frames;
  }

  /** Over how long to tell so many, so that they are told little faster than they are reached: others find their way between. */
  spreadMs(listeners: number): number {
    return Math.min(this.intervalMs / 2, this.#frameMs * listeners * shareOfSpread);
  }

  /**
   * Milliseconds until the turn of those who tick at a point in the time of a tick, 0 to below 1; more than 0. An interval that changes moves
   * no turn by more than the change.
   */
  untilTurn(phase: number): number {
    const nowMs = this.#clock.monotonicMs();
    if (this.#turnMs > 0) this.#turns = (this.#turns + (nowMs - this.#turnsMs) / this.#turnMs) % 1;
    [this.#turnsMs, this.#turnMs] = [nowMs, this.intervalMs];
    return (phase > this.#turns ? phase - this.#turns : phase + 1 - this.#turns) * this.#turnMs;
  }

  /** Once a second: bytes of comments that were heard since. */
  heard(bytes: number): void {
    this.#bytesPerMs = bytes / 1_000;
  }

  /**
   * Something is about to be told to so many, these among them. What it takes is the time from when what was told before had arrived, or could
   * have: neither the way there and back nor what waits in front counts, or a queue would be taken for the cost of what waits in it.
   */
  begin(listeners: number, some: readonly ChannelListener[]): Passage {
    const beganMs = this.#clock.monotonicMs();
    const isFirst = this.#last?.isArriving() !== true;
    if (isFirst) this.#ask(some, (nowMs) => this.#returned(nowMs - beganMs));
    let arrivedMs: number | undefined;
    const isArriving = (): boolean =>
      some.length > 0 && arrivedMs === undefined && this.#clock.monotonicMs() - beganMs < longestMs;
    const told = (): void =>
      this.#ask(some, (nowMs) => {
        arrivedMs = nowMs;
        const startMs = Math.max(beganMs + (this.#wayMs ?? 0), this.#arrivedMs);
        // Longer is something that stood still, not what a tick takes.
        this.#measured(Math.min(longestMs, Math.max(0, nowMs - startMs)), listeners);
        this.#arrivedMs = nowMs;
      });
    this.#last = { told, isArriving };
    return this.#last;
  }

  #ask(some: readonly ChannelListener[], onArrived: (nowMs: number) => void): void {
    let awaited = Math.ceil(some.length * shareOfArrived);
    const arrived = (): void => {
      awaited -= 1;
      if (awaited === 0) onArrived(this.#clock.monotonicMs());
    };
    for (const listener of some) listener.whenArrived(arrived);
  }

  #returned(wayMs: number): void {
    const before = this.#wayMs ?? wayMs;
    this.#wayMs = Math.min(wayMs, before + (wayMs - before) * wayWeight);
  }

  #measured(passedMs: number, frames: number): void {
    const nowMs = this.#clock.monotonicMs();
    const kept = Math.exp((this.#measuredMs - nowMs) / smoothedMs);
    this.#passedMs = this.#passedMs * kept + passedMs;
    this.#frames = this.#frames * kept + frames;
    this.#measuredMs = nowMs;
  }
}
