import type { Clock, Timer } from '../../core/clock.ts';
import { Link } from '../../redis/link.ts';
import type { RedisAddress, RedisSettings } from '../../redis/settings.ts';

/** A channel that this node listens to, wherever it is served. */
export interface Channel {
  readonly name: string;
  /** This node wants it. */
  wanted: boolean;
  /** Redis has confirmed it on the present connection. */
  held: boolean;
  /** The command about it that is under way; what an earlier one brings does not count any more. */
  step: object | undefined;
}

export interface SubscriberOptions {
  readonly address: RedisAddress;
  readonly settings: RedisSettings;
  readonly clock: Clock;
  readonly onMessage: (channel: Buffer, message: Buffer) => void;
  /** Redis has confirmed the channel. */
  readonly onHeld: (channel: Channel) => void;
  /** These are wanted, and not heard just now. */
  readonly onLost: (channels: readonly Channel[]) => void;
  /** This one is not wanted and not held any more. */
  readonly onGone: (channel: Channel) => void;
  /** No command is under way, after some channel was confirmed. */
  readonly onSettled: () => void;
  /** A slot is served elsewhere now. */
  readonly onMoved: () => void;
  readonly onProblem: (problem: Error) => void;
}

/** Commands under way: what else is to be done waits here, where each channel is but once. */
const maxInFlight = 1_000;
const retryMs = 500;
/** A subscription connection that is quiet this long is not worth losing all its channels for. */
const doubtMs = 3_000;

/** The channels that one Redis serves, on one connection. Brings them back when the connection was lost. */
export class Subscriber implements Disposable {
  readonly #options: SubscriberOptions;
  readonly #link: Link;
  readonly #channels = new Set<Channel>();
  /** Channels that may not be as they are wanted. */
  readonly #todo = new Set<Channel>();
  #inFlight = 0;
  #confirmed = false;
  #retry: Timer | undefined;
  /** It has connected, or has failed to. */
  #tried = false;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    const { address, settings, clock, onMessage } = options;
    this.#link = new Link({
      address,
      settings,
      clock,
      name: 'parley-bus-subscriber',
      doubtMs,
      onMessage,
      onMoved: () => options.onMoved(),
      onUp: () => this.#begin(),
      onDown: (why) => {
        this.#tried = true;
        this.#lose();
        options.onProblem(why);
      },
    });
  }

  /** It is known that nothing can be had of it just now. */
  get down(): boolean {
    return this.#tried && !this.#link.up;
  }

  /** Takes a channel over, or looks at it again because `wanted` has changed. */
  see(channel: Channel): void {
    if (!channel.wanted && !channel.held && channel.step === undefined) return this.#forget(channel);
    this.#channels.add(channel);
    this.#todo.add(channel);
    this.#pump();
  }

  /** Lets go of a channel that is served elsewhere now. */
  release(channel: Channel): void {
    if (!this.#channels.has(channel)) return;
    this.#reset(channel);
    this.#channels.delete(channel);
  }

  [Symbol.dispose](): void {
    this.#retry?.cancel();
    this.#link[Symbol.dispose]();
    this.#lose();
    this.#channels.clear();
  }

  #begin(): void {
    this.#tried = true;
    for (const channel of this.#channels) this.#todo.add(channel);
    this.#pump();
  }

  #lose(): void {
    for (const channel of this.#channels) {
      this.#reset(channel);
      if (!channel.wanted) this.#forget(channel);
    }
    this.#options.onLost([...this.#channels]);
  }

  #reset(channel: Channel): void {
    channel.held = false;
    channel.step = undefined;
    this.#todo.delete(channel);
  }

  #forget(channel: Channel): void {
    this.#channels.delete(channel);
    this.#todo.delete(channel);
    this.#options.onGone(channel);
  }

  #pump(): void {
    if (!this.#link.up) return;
    for (const channel of this.#todo) {
      if (this.#inFlight >= maxInFlight) return;
      this.#todo.delete(channel);
      // It is looked at again when the command under way is answered.
      if (channel.step !== undefined) continue;
      if (channel.wanted !== channel.held) void this.#make(channel);
      else if (!channel.wanted) this.#forget(channel);
    }
    if (this.#inFlight > 0 || !this.#confirmed) return;
    this.#confirmed = false;
    this.#options.onSettled();
  }

  /** One step towards what is wanted. */
  async #make(channel: Channel): Promise<void> {
    const { wanted } = channel;
    const step = {};
    channel.step = step;
    // From the moment it is given up nothing can be said to be heard.
    channel.held = false;
    this.#inFlight += 1;
    try {
      await this.#link.call(wanted ? 'SSUBSCRIBE' : 'SUNSUBSCRIBE', [channel.name]);
      if (channel.step !== step) return;
      channel.step = undefined;
      channel.held = wanted;
      this.#todo.add(channel);
      if (!wanted || !channel.wanted) return;
      this.#confirmed = true;
      this.#options.onHeld(channel);
    } catch (error) {
      if (channel.step !== step) return;
      channel.step = undefined;
      // When the connection went with it, all is asked for again once it is back.
      if (this.#link.up) this.#refused(error as Error);
    } finally {
      this.#inFlight -= 1;
      this.#pump();
    }
  }

  /** Redis does not want to: tried again, here or wherever the slot is found to be. */
  #refused(error: Error): void {
    if (error.message.startsWith('MOVED ')) this.#options.onMoved();
    this.#options.onProblem(error);
    this.#retry ??= this.#options.clock.after(retryMs, () => {
      this.#retry = undefined;
      for (const channel of this.#channels) if (channel.wanted !== channel.held) this.#todo.add(channel);
      this.#pump();
    });
  }
}
