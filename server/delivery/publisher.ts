import type { Bus, Topic } from '../bus/bus.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Head } from '../core/entry.ts';
import type { BusEvent } from '../core/event.ts';
import { threadLog, userLog, type LogId } from '../core/ids.ts';

export interface PublisherOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  /** For the log and the metrics. */
  readonly onFailed: (topic: Topic, error: unknown) => void;
  /** More was owed than is kept: whoever can tell the heads of further topics does so now, since the bus is back. */
  readonly onOverflow?: () => void;
}

/** Topics owed at most. */
const maxTopics = 10_000;
/** Logs of one topic: a user's threads. */
const maxLogs = 100;
const retryMs = 500;
const headsAtOnce = 100;

/**
 * Publishes what was appended. What the bus does not take is owed: the head of the log, for each topic that should have heard.
 * The heads are published when the bus takes them again, so that others look into the log. Nobody waits for it.
 */
export class Publisher implements Disposable {
  readonly #options: PublisherOptions;
  readonly #owed = new Map<Topic, Map<LogId, Head>>();
  #overflowed = false;
  #timer: Timer | undefined;
  #disposed = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Topics of which something is owed. */
  get owed(): number {
    return this.#owed.size;
  }

  /** Each topic hears of it as far as the bus can be reached, this node's sessions in any case. */
  publish(topics: Iterable<Topic>, event: Extract<BusEvent, { type: 'entries' | 'user-entries' }>): void {
    const log = event.type === 'entries' ? threadLog(event.threadId) : userLog(event.userId);
    for (const topic of topics) void this.#publish(topic, log, event);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#timer?.cancel();
  }

  async #publish(topic: Topic, log: LogId, event: BusEvent & { readonly head: Head }): Promise<void> {
    try {
      await this.#options.bus.publish(topic, event);
      // Whoever hears this one finds what came before it.
      if (this.#owed.size > 0) this.#settle(topic, log, event.head);
    } catch (error) {
      this.#options.onFailed(topic, error);
      this.#owe(topic, log, event.head);
    }
  }

  #owe(topic: Topic, log: LogId, head: Head): void {
    let logs = this.#owed.get(topic);
    if (logs === undefined) {
      if (this.#owed.size >= maxTopics) this.#overflowed = true;
      else this.#owed.set(topic, (logs = new Map()));
    }
    const known = logs?.get(log);
    if (known === undefined && (logs?.size ?? 0) >= maxLogs) this.#overflowed = true;
    else if (known === undefined || isLater(head, known)) logs?.set(log, head);
    this.#schedule();
  }

  #settle(topic: Topic, log: LogId, head: Head): void {
    const logs = this.#owed.get(topic);
    const known = logs?.get(log);
    if (logs === undefined || known === undefined || isLater(known, head)) return;
    logs.delete(log);
    if (logs.size === 0) this.#owed.delete(topic);
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#disposed) return;
    const { clock } = this.#options;
    this.#timer = clock.after(retryMs * (1 + clock.random()), () => {
      void this.#pay().then(() => {
        this.#timer = undefined;
        if (this.#owed.size > 0) this.#schedule();
      });
    });
  }

  /** Publishes what is owed; what the bus still does not take stays so. */
  async #pay(): Promise<void> {
    const topics = [...this.#owed.keys()];
    let paid = 0;
    for (let start = 0; start < topics.length; start += headsAtOnce) {
      const some = topics.slice(start, start + headsAtOnce);
      for (const done of await Promise.all(some.map((topic) => this.#payTopic(topic)))) paid += done ? 1 : 0;
    }
    if (paid === 0 || !this.#overflowed) return;
    this.#overflowed = false;
    this.#options.onOverflow?.();
  }

  async #payTopic(topic: Topic): Promise<boolean> {
    const heads = [...(this.#owed.get(topic) ?? [])].map(([log, head]) => ({ log, head }));
    if (heads.length === 0) return true;
    try {
      await this.#options.bus.publish(topic, { type: 'heads', heads });
    } catch {
      return false;
    }
    for (const { log, head } of heads) this.#settle(topic, log, head);
    return true;
  }
}

function isLater(a: Head, b: Head): boolean {
  return a.epoch === b.epoch ? a.sequence > b.sequence : a.activityMs >= b.activityMs;
}
