import type { Clock } from '../../core/clock.ts';
import type { ChannelListener } from './listening.ts';

/** Listeners who are asked whether they were reached; each is a ping on its connection, and some share one. */
export const maxAsked = 8;
/** Of those asked: the rest may be on connections that hang. */
const shareOfArrived = 0.75;
/** Times as long as what was told took to arrive: the machine is two thirds busy then, and what is told does not queue. */
const times = 4;
/** How much of each new measurement is taken over. */
const weight = 0.2;
/** Beyond this a wait no longer makes up for what it costs. */
const longestMs = 1_000;

/**
 * How far apart the ticks of a channel lie. A proxy or a machine that cannot take as many frames as there are has them wait in the sockets
 * in between, in longer and longer queues. Fewer frames with more comments in each take it less work: what arrives late is told less often.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #baseMs: () => number;
  #delayMs = 0;

  /** @param baseMs what it is where everything arrives at once */
  constructor(clock: Clock, baseMs: () => number) {
    this.#clock = clock;
    this.#baseMs = baseMs;
  }

  get intervalMs(): number {
    return Math.max(this.#baseMs(), Math.min(longestMs, this.#delayMs * times));
  }

  /** What was told just now is on its way, to these among others. Gives whether it has yet to arrive at most of them. */
  told(some: readonly ChannelListener[]): () => boolean {
    const toldMs = this.#clock.monotonicMs();
    let awaited = Math.ceil(some.length * shareOfArrived);
    const arrived = (): void => {
      awaited -= 1;
      if (awaited === 0) this.#delayMs += (this.#clock.monotonicMs() - toldMs - this.#delayMs) * weight;
    };
    for (const listener of some) listener.whenArrived(arrived);
    return () => awaited > 0 && this.#clock.monotonicMs() - toldMs < longestMs;
  }
}
