import { type Bus, subjectOf, type Subscription, topicOf } from '../../bus/bus.ts';
import type { Timer } from '../../core/clock.ts';
import { Refusal } from '../../core/errors.ts';
import type { ChannelId } from '../../core/ids.ts';
import type { DeliveryClass } from './channel.ts';
import { ChannelTopic, type ChannelTopicContext, type Resume } from './channel-topic.ts';
import type { ChannelListener, Listening } from './listening.ts';

export interface ChannelHubOptions extends ChannelTopicContext {
  readonly bus: Bus;
  /** Listeners of one channel on this node at most. */
  readonly maxListeners: number;
}

interface Served {
  readonly topic: ChannelTopic;
  readonly subscription: Promise<Subscription>;
  readonly begun: Promise<void>;
  /** Those who are coming in. */
  arriving: number;
}

const beatMs = 1_000;

/** The channels that this node's sessions hear: subscribed to with the first listener, left with the last. */
export class ChannelHub implements Disposable {
  readonly #options: ChannelHubOptions;
  readonly #served = new Map<ChannelId, Served>();
  #timer: Timer | undefined;
  #disposed = false;

  constructor(options: ChannelHubOptions) {
    this.#options = options;
    options.bus.onInterruption((topics) => {
      if (topics === undefined) return this.#look([...this.#served.values()]);
      for (const topic of topics) {
        const { kind, id } = subjectOf(topic);
        const served = kind === 'post' ? this.#served.get(id as ChannelId) : undefined;
        if (served !== undefined) this.#look([served]);
      }
    });
  }

  get channels(): number {
    return this.#served.size;
  }

  /**
   * The listener hears the channel from now on, or from where it resumes: first the channel as it is, then what it missed, then what comes. Undefined: it was not wanted any more.
   * @throws Refusal CHANNEL_NOT_FOUND, LISTENER_CAP, RATE_LIMITED, STORE_UNAVAILABLE
   */
  async join(
    channelId: ChannelId,
    listener: ChannelListener,
    deliveryClass: DeliveryClass,
    resume: Resume | undefined,
    isWanted: () => boolean,
  ): Promise<{ readonly listening: Listening; readonly leave: () => void } | undefined> {
    const { directory, maxListeners } = this.#options;
    await directory.enter(channelId, listener.userId);
    const served = this.#served.get(channelId) ?? this.#serve(channelId);
    if (served.topic.size + served.arriving >= maxListeners) {
      throw new Refusal(
        'LISTENER_CAP',
        `the channel has ${maxListeners} listeners on this node, which is all it may have`,
      );
    }
    served.arriving += 1;
    try {
      await served.begun;
      const added = await served.topic.add(listener, deliveryClass, resume, isWanted);
      return (
        added && {
          listening: added.listening,
          leave: () => {
            added.leave();
            this.#settle(channelId, served);
          },
        }
      );
    } finally {
      served.arriving -= 1;
      this.#settle(channelId, served);
    }
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#timer?.cancel();
    for (const [channelId, served] of this.#served) this.#close(channelId, served);
  }

  #serve(channelId: ChannelId): Served {
    const topic = new ChannelTopic(channelId, this.#options);
    const subscription = this.#options.bus.subscribe(topicOf.post(channelId), (event) => topic.hear(event));
    const served: Served = { topic, subscription, begun: subscription.then(() => topic.begin()), arriving: 0 };
    // Whoever waits for it is told.
    served.begun.catch(() => undefined);
    this.#served.set(channelId, served);
    this.#schedule();
    return served;
  }

  #settle(channelId: ChannelId, served: Served): void {
    if (served.topic.size > 0 || served.arriving > 0 || this.#served.get(channelId) !== served) return;
    this.#close(channelId, served);
  }

  #close(channelId: ChannelId, served: Served): void {
    this.#served.delete(channelId);
    served.topic.close();
    void served.subscription.then((subscription) => subscription.unsubscribe());
  }

  #look(served: readonly Served[]): void {
    // What cannot be asked just now is asked at a later beat.
    for (const { topic } of served) topic.look().catch(() => undefined);
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#disposed) return;
    const { clock } = this.#options;
    this.#timer = clock.after(beatMs, () => {
      this.#timer = undefined;
      const nowMs = clock.monotonicMs();
      for (const { topic } of this.#served.values()) topic.beat(nowMs);
      if (this.#served.size > 0) this.#schedule();
    });
  }
}
