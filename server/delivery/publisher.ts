import type { Bus, Topic } from '../bus/bus.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Head } from '../core/entry.ts';
import type { BusEvent, PositionChange } from '../core/event.ts';
import { threadLog, userLog, type LogId, type ThreadId } from '../core/ids.ts';

export interface PublisherOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  /** For the metrics and the log. `isFirst`: nothing was owed before. */
  readonly onFailed: (topic: Topic, error: unknown, isFirst: boolean) => void;
  /** Nothing is owed any more. */
  readonly onPaid?: () => void;
  /** More was owed than is kept: whoever can tell the heads of further topics does so now, since the bus is back. */
  readonly onOverflow?: () => void;
}

/** Topics owed at most. */
const maxTopics = 10_000;
/** Logs of one topic: a user's threads; and positions, of users in them. */
const maxLogs = 100;
const maxPositions = 500;
const retryMs = 500;
const topicsAtOnce = 100;

/** What goes out when a topic can be reached again. */
interface Owed {
  readonly heads: Map<LogId, Head>;
  /** By thread and user, the newest. */
  readonly positions: Map<string, { readonly threadId: ThreadId; readonly position: PositionChange }>;
}

type Published = Extract<BusEvent, { type: 'entries' | 'user-entries' | 'positions' }>;

/**
 * Publishes what was appended and what was acknowledged and read. What the bus does not take is owed to each topic that should
 * have heard: of entries the head of their log, so that others look into it; of positions the newest. It is published when the
 * bus takes it. Nobody waits for it.
 */
export class Publisher implements Disposable {
  readonly #options: PublisherOptions;
  readonly #owed = new Map<Topic, Owed>();
  #overflowed = false;
  #timer: Timer | undefined;
  #disposed = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Topics to which something is owed. */
  get owed(): number {
    return this.#owed.size;
  }

  /** Each topic hears of it as far as the bus can be reached, this node's sessions in any case. In order for each topic. */
  publish(topics: Iterable<Topic>, event: Published): void {
    for (const topic of topics) void this.#publish(topic, event);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#timer?.cancel();
  }

  async #publish(topic: Topic, event: Published): Promise<void> {
    try {
      await this.#options.bus.publish(topic, event);
      // Whoever hears this one finds what came before it.
      if (this.#owed.size > 0 && event.type !== 'positions') this.#settle(topic, logOf(event), event.head);
    } catch (error) {
      this.#options.onFailed(topic, error, this.#owed.size === 0);
      this.#owe(topic, event);
    }
  }

  #owe(topic: Topic, event: Published): void {
    this.#schedule();
    let owed = this.#owed.get(topic);
    if (owed === undefined) {
      if (this.#owed.size >= maxTopics) {
        this.#overflowed = true;
        return;
      }
      this.#owed.set(topic, (owed = { heads: new Map(), positions: new Map() }));
    }
    if (event.type === 'positions') {
      for (const position of event.positions) owePosition(owed, event.threadId, position);
      return;
    }
    const log = logOf(event);
    const known = owed.heads.get(log);
    if (known === undefined && owed.heads.size >= maxLogs) this.#overflowed = true;
    else if (known === undefined || isLater(event.head, known)) owed.heads.set(log, event.head);
  }

  #settle(topic: Topic, log: LogId, head: Head): void {
    const owed = this.#owed.get(topic);
    const known = owed?.heads.get(log);
    if (owed === undefined || known === undefined || isLater(known, head)) return;
    owed.heads.delete(log);
    if (owed.heads.size === 0 && owed.positions.size === 0) this.#owed.delete(topic);
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#disposed) return;
    const { clock } = this.#options;
    this.#timer = clock.after(retryMs * (1 + clock.random()), () => {
      void this.#pay().then(() => {
        this.#timer = undefined;
        if (this.#owed.size > 0) this.#schedule();
        else this.#options.onPaid?.();
      });
    });
  }

  /** Publishes what is owed; what the bus still does not take stays so. */
  async #pay(): Promise<void> {
    const topics = [...this.#owed.keys()];
    let paid = 0;
    for (let start = 0; start < topics.length; start += topicsAtOnce) {
      const some = topics.slice(start, start + topicsAtOnce);
      for (const done of await Promise.all(some.map((topic) => this.#payTopic(topic)))) paid += done ? 1 : 0;
    }
    if (paid === 0 || !this.#overflowed) return;
    this.#overflowed = false;
    this.#options.onOverflow?.();
  }

  async #payTopic(topic: Topic): Promise<boolean> {
    const owed = this.#owed.get(topic);
    if (owed === undefined) return true;
    const [heads, positions] = [[...owed.heads], [...owed.positions]];
    try {
      await Promise.all(eventsOf(owed).map((event) => this.#options.bus.publish(topic, event)));
    } catch {
      return false;
    }
    // What is newer came meanwhile.
    for (const [log, head] of heads) if (owed.heads.get(log) === head) owed.heads.delete(log);
    for (const [key, one] of positions) if (owed.positions.get(key) === one) owed.positions.delete(key);
    if (owed.heads.size === 0 && owed.positions.size === 0) this.#owed.delete(topic);
    return true;
  }
}

function logOf(event: Exclude<Published, { type: 'positions' }>): LogId {
  return event.type === 'entries' ? threadLog(event.threadId) : userLog(event.userId);
}

function owePosition(owed: Owed, threadId: ThreadId, position: PositionChange): void {
  const key = `${threadId} ${position.userId}`;
  const known = owed.positions.get(key)?.position;
  // Beyond, they are told with the next position, or at the next opening.
  if (known === undefined && owed.positions.size >= maxPositions) return;
  const read = known === undefined || position.read >= known.read ? position : known;
  const delivered = known !== undefined && known.delivered > position.delivered ? known.delivered : position.delivered;
  owed.positions.set(key, { threadId, position: { ...read, delivered } });
}

function eventsOf({ heads, positions }: Owed): Extract<BusEvent, { type: 'heads' | 'positions' }>[] {
  const events: Extract<BusEvent, { type: 'heads' | 'positions' }>[] = [];
  if (heads.size > 0) events.push({ type: 'heads', heads: [...heads].map(([log, head]) => ({ log, head })) });
  for (const [threadId, all] of Map.groupBy(positions.values(), (one) => one.threadId)) {
    events.push({ type: 'positions', threadId, positions: all.map(({ position }) => position) });
  }
  return events;
}

function isLater(a: Head, b: Head): boolean {
  return a.epoch === b.epoch ? a.sequence > b.sequence : a.activityMs >= b.activityMs;
}
