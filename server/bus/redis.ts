import { randomBytes } from 'node:crypto';
import type { Clock, Timer } from '../core/clock.ts';
import { Refusal } from '../core/errors.ts';
import type { BusEvent } from '../core/event.ts';
import { addressText, type RedisSettings } from '../redis/settings.ts';
import { Shards } from '../redis/shards.ts';
import { slotOf } from '../redis/slots.ts';
import type { Bus, Listener, Subscription, Topic } from './bus.ts';
import { decodeEvent, encodeEvent } from './codec.ts';
import { Listeners } from './listeners.ts';
import { type Channel, Subscriber } from './redis/subscriber.ts';

export interface RedisBusOptions {
  readonly settings: RedisSettings;
  readonly clock: Clock;
  /** Before every channel's name, so that deployments can share a Redis. No braces. Default `parley:`. */
  readonly prefix?: string;
  /** For the log: links that are down, messages that cannot be read. */
  readonly onProblem?: (problem: Error) => void;
}

interface TopicChannel extends Channel {
  readonly topic: Topic;
  readonly slot: number;
  subscriber: Subscriber | undefined;
  /** Somebody was told that they hear it, and events may have been lost since. */
  missed: boolean;
  /** Those who wait for the confirmation. */
  waiting: (() => void)[];
  /** Monotonic ms when they stop waiting. */
  doubtAtMs: number;
}

/** A confirmation in doubt for this long counts as down, as a publish does. */
const doubtMs = 1_000;
const tagBytes = 8;

/**
 * The bus of several nodes: sharded pub/sub, a channel per topic, on one Redis or on a Redis Cluster. Sessions of this node
 * are handed an event at once, whether Redis is there or not; what comes back of it is told by the tag before it and left out.
 */
export class RedisBus implements Bus {
  readonly #options: RedisBusOptions;
  readonly #prefix: string;
  readonly #tag = randomBytes(tagBytes);
  readonly #listeners = new Listeners();
  readonly #shards: Shards;
  /** By the address of the master. */
  readonly #subscribers = new Map<string, Subscriber>();
  readonly #channels = new Map<Topic, TopicChannel>();
  /** Channels that somebody waits for, the one longest in doubt first. */
  readonly #doubtful = new Set<TopicChannel>();
  /** Topics heard again, and not reported yet. */
  readonly #regained = new Set<Topic>();
  readonly #onInterruption: ((topics: readonly Topic[]) => void)[] = [];
  #doubtTimer: Timer | undefined;
  /** The last event that was published: often it goes to several topics. */
  #encoded: { readonly event: BusEvent; readonly bytes: Buffer } | undefined;

  constructor(options: RedisBusOptions) {
    this.#options = options;
    this.#prefix = options.prefix ?? 'parley:';
    const { settings, clock } = options;
    this.#shards = new Shards({ settings, clock, name: 'parley-bus', onProblem: (problem) => this.#report(problem) });
    this.#shards.listen({ onChange: () => this.#follow() });
    this.#follow();
  }

  /** Resolves when all of Redis is reached. @throws RedisUnfit */
  ready(): Promise<void> {
    return this.#shards.ready();
  }

  async publish(topic: Topic, event: BusEvent): Promise<void> {
    this.#listeners.hand(topic, event);
    const bytes = this.#bytesOf(event);
    const channel = this.#prefix + topic;
    try {
      await this.#shards.call(channel, 'SPUBLISH', [channel, bytes]);
    } catch (error) {
      throw new Refusal('STORE_UNAVAILABLE', 'other nodes cannot be told just now', { cause: error });
    }
  }

  #bytesOf(event: BusEvent): Buffer {
    if (this.#encoded?.event === event) return this.#encoded.bytes;
    const bytes = encodeEvent(event, tagBytes);
    this.#tag.copy(bytes);
    this.#encoded = { event, bytes };
    return bytes;
  }

  async subscribe(topic: Topic, listener: Listener): Promise<Subscription> {
    const remove = this.#listeners.add(topic, listener);
    const channel = this.#channels.get(topic) ?? this.#newChannel(topic);
    if (!channel.wanted) {
      channel.wanted = true;
      channel.missed = false;
      this.#place(channel);
    }
    if (!channel.held) await this.#confirmed(channel);
    return {
      unsubscribe: () => {
        if (!remove()) return;
        channel.wanted = false;
        channel.missed = false;
        this.#regained.delete(topic);
        if (channel.subscriber === undefined) this.#gone(channel);
        else channel.subscriber.see(channel);
      },
    };
  }

  onInterruption(callback: (topics: readonly Topic[] | undefined) => void): void {
    this.#onInterruption.push(callback);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#doubtTimer?.cancel();
    this.#listeners.clear();
    this.#shards[Symbol.dispose]();
    for (const subscriber of this.#subscribers.values()) subscriber[Symbol.dispose]();
    for (const channel of this.#doubtful) this.#release(channel);
    this.#subscribers.clear();
    this.#channels.clear();
    return Promise.resolve();
  }

  #newChannel(topic: Topic): TopicChannel {
    const name = this.#prefix + topic;
    const channel: TopicChannel = {
      topic,
      name,
      slot: slotOf(name),
      wanted: false,
      held: false,
      step: undefined,
      subscriber: undefined,
      missed: false,
      waiting: [],
      doubtAtMs: 0,
    };
    this.#channels.set(topic, channel);
    return channel;
  }

  /** Has the channel listened to where its slot is served. */
  #place(channel: TopicChannel): void {
    const master = this.#shards.masterOf(channel.slot);
    const subscriber = master && this.#subscribers.get(addressText(master));
    if (subscriber !== channel.subscriber) {
      if (channel.held) channel.missed = true;
      channel.subscriber?.release(channel);
      channel.subscriber = subscriber;
    }
    subscriber?.see(channel);
  }

  /**
   * Resolves when Redis has confirmed, or when it counts as down: then nothing comes from other nodes anyway, and the topic is
   * reported as interrupted when it is heard.
   */
  #confirmed(channel: TopicChannel): Promise<void> {
    if (channel.subscriber?.down === true) {
      channel.missed = true;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      channel.waiting.push(resolve);
      if (this.#doubtful.has(channel)) return;
      channel.doubtAtMs = this.#options.clock.monotonicMs() + doubtMs;
      this.#doubtful.add(channel);
      this.#doubtTimer ??= this.#options.clock.after(doubtMs, () => this.#endDoubt());
    });
  }

  #endDoubt(): void {
    this.#doubtTimer = undefined;
    const nowMs = this.#options.clock.monotonicMs();
    for (const channel of this.#doubtful) {
      if (channel.doubtAtMs > nowMs) {
        this.#doubtTimer = this.#options.clock.after(channel.doubtAtMs - nowMs, () => this.#endDoubt());
        return;
      }
      channel.missed = true;
      this.#release(channel);
    }
  }

  #release(channel: TopicChannel): void {
    this.#doubtful.delete(channel);
    for (const resolve of channel.waiting.splice(0)) resolve();
  }

  /** Masters have come or gone, or serve other slots. */
  #follow(): void {
    const masters = new Map(this.#shards.masters.map((address) => [addressText(address), address]));
    const leaving = [...this.#subscribers].filter(([text]) => !masters.has(text));
    for (const [text, address] of masters) {
      if (this.#subscribers.has(text)) continue;
      const { settings, clock } = this.#options;
      this.#subscribers.set(
        text,
        new Subscriber({
          address,
          settings,
          clock,
          onMessage: (name, message) => this.#hear(name, message),
          onHeld: (channel) => this.#held(channel as TopicChannel),
          onLost: (channels) => this.#lost(channels as readonly TopicChannel[]),
          onGone: (channel) => this.#gone(channel as TopicChannel),
          onSettled: () => this.#settled(),
          onMoved: () => this.#shards.suspect(),
          onProblem: (problem) => this.#report(problem),
        }),
      );
    }
    for (const [text] of leaving) this.#subscribers.delete(text);
    for (const channel of this.#channels.values()) {
      const master = this.#shards.masterOf(channel.slot);
      if (channel.subscriber !== (master && this.#subscribers.get(addressText(master)))) this.#place(channel);
    }
    for (const [, subscriber] of leaving) subscriber[Symbol.dispose]();
  }

  #hear(name: Buffer, message: Buffer): void {
    // An echo: it was handed over when it was published.
    if (message.subarray(0, tagBytes).equals(this.#tag)) return;
    const topic = name.toString().slice(this.#prefix.length) as Topic;
    if (!this.#listeners.has(topic)) return;
    let event: BusEvent | undefined;
    try {
      event = decodeEvent(message.subarray(tagBytes));
    } catch (error) {
      this.#report(new Error('a message on the bus cannot be read', { cause: error }));
    }
    if (event !== undefined) this.#listeners.hand(topic, event);
  }

  #held(channel: TopicChannel): void {
    if (channel.missed) this.#regained.add(channel.topic);
    channel.missed = false;
    this.#release(channel);
  }

  #lost(channels: readonly TopicChannel[]): void {
    for (const channel of channels) {
      // Those who wait for it have been promised nothing yet, but wait in vain.
      channel.missed = true;
      this.#regained.delete(channel.topic);
      this.#release(channel);
    }
  }

  #gone(channel: TopicChannel): void {
    if (channel.wanted || this.#channels.get(channel.topic) !== channel) return;
    this.#channels.delete(channel.topic);
    this.#release(channel);
  }

  #settled(): void {
    if (this.#regained.size === 0) return;
    const topics = [...this.#regained];
    this.#regained.clear();
    for (const callback of this.#onInterruption) callback(topics);
  }

  #report(problem: Error): void {
    this.#options.onProblem?.(problem);
  }
}
