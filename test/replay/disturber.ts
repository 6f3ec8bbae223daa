/** Breaks clients' streams at random. Which, when and how is drawn from the seed, by the count of messages sent. */
import { type Break, breaks, type ReplayClient } from './client.ts';
import { seeded } from './random.ts';

/** One break in so many acknowledged messages. */
const messagesPerBreak = 8;

export class Disturber {
  readonly counts: Record<Break, number> = { close: 0, end: 0, reset: 0, freeze: 0 };
  readonly #clients: readonly ReplayClient[];
  readonly #random: (n: number) => number;

  constructor(clients: readonly ReplayClient[], seed: number) {
    this.#clients = clients;
    this.#random = seeded(seed);
  }

  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }

  /** A message was acknowledged: now and then, someone's stream breaks. The author's own as often as anyone else's. */
  messageSent(author: ReplayClient): void {
    if (this.#random(messagesPerBreak) > 0) return;
    const victim = this.#random(2) === 0 ? author : this.#clients[this.#random(this.#clients.length)];
    this.#break(victim ?? author);
  }

  /** All has been sent: a last round hits one client in ten, so that some catch up at the end. */
  allSent(): void {
    for (const client of this.#clients) if (this.#random(10) === 0) this.#break(client);
  }

  #break(client: ReplayClient): void {
    const how = breaks[this.#random(breaks.length)] ?? 'reset';
    this.counts[how] += 1;
    client.break(how);
  }
}
