import type { Bus, Listener, Subscription, Topic } from '../../server/bus/bus.ts';
import { Listeners } from '../../server/bus/listeners.ts';
import { Refusal } from '../../server/core/errors.ts';
import type { BusEvent } from '../../server/core/event.ts';
import type { Random } from './random.ts';
import type { Weather } from './weather.ts';
import type { Life, World } from './world.ts';

/** How long an event is on its way, in ms; and how long a call is in doubt before it counts as failed. */
const wayMs = [0.3, 4] as const;
const doubtMs = 1_000;
/** How long it takes until what was subscribed to is heard again. */
const regainMs = [5, 1_500] as const;

/** What carries events between the buses of nodes. */
export class BusCore {
  readonly buses = new Set<SimBus>();
}

export interface SimBusOptions {
  readonly core: BusCore;
  readonly world: World;
  readonly life: Life;
  readonly weather: Weather;
  readonly random: Random;
}

interface Channel {
  /** Subscriptions of this node that are wanted. */
  wanted: number;
  /** Events from other nodes come. */
  held: boolean;
  /** Some may have been lost since it was last held. */
  missed: boolean;
}

/** The bus of one node, as server/bus/bus.ts promises: own events at once, those of others late, lost or repeated. */
export class SimBus implements Bus {
  readonly #options: SimBusOptions;
  readonly #listeners = new Listeners();
  readonly #channels = new Map<Topic, Channel>();
  readonly #onInterruption: ((topics: readonly Topic[] | undefined) => void)[] = [];
  /** When the last event sent to each other node arrives: in order for each. */
  readonly #lastMs = new Map<SimBus, number>();
  #cut = false;
  /** It is not noticed at once that the line is cut. */
  #noticedMs = 0;
  #cuts = 0;

  constructor(options: SimBusOptions) {
    this.#options = options;
    options.core.buses.add(this);
  }

  get name(): string {
    return this.#options.life.name;
  }

  publish(topic: Topic, event: BusEvent): Promise<void> {
    this.#listeners.hand(topic, event);
    const { world, core, weather, random } = this.#options;
    if (this.#cut) return this.#refused();
    for (const other of core.buses) {
      if (other === this || other.#channels.get(topic)?.held !== true) continue;
      if (random.chance(weather.busLoses)) {
        world.note(`the bus loses ${event.type} on ${topic} from ${this.name} to ${other.name}`);
        continue;
      }
      this.#send(other, topic, event);
      if (random.chance(weather.busRepeats)) this.#send(other, topic, event);
    }
    return this.#later(random.between(...wayMs));
  }

  async subscribe(topic: Topic, listener: Listener): Promise<Subscription> {
    const remove = this.#listeners.add(topic, listener);
    let channel = this.#channels.get(topic);
    if (channel === undefined) {
      channel = { wanted: 0, held: false, missed: false };
      this.#channels.set(topic, channel);
    }
    channel.wanted += 1;
    if (!channel.held) await this.#hold(channel);
    const held = channel;
    return {
      unsubscribe: () => {
        remove();
        held.wanted -= 1;
        if (held.wanted === 0 && this.#channels.get(topic) === held) this.#channels.delete(topic);
      },
    };
  }

  onInterruption(callback: (topics: readonly Topic[] | undefined) => void): void {
    this.#onInterruption.push(callback);
  }

  /** The line breaks: nothing comes or goes between this node and others. */
  cut(): void {
    const { world, random } = this.#options;
    if (this.#cut) return;
    this.#cut = true;
    this.#cuts += 1;
    this.#noticedMs = world.nowMs + random.between(0, doubtMs);
    for (const channel of this.#channels.values()) {
      channel.held = false;
      channel.missed = true;
    }
  }

  /** The line is whole again. */
  mend(): void {
    const { world, random } = this.#options;
    if (!this.#cut) return;
    this.#cut = false;
    const cuts = this.#cuts;
    world.after(random.between(...regainMs), () => {
      if (this.#cut || cuts !== this.#cuts || !this.#options.life.alive) return;
      const regained: Topic[] = [];
      for (const [topic, channel] of this.#channels) {
        channel.held = true;
        if (channel.missed) regained.push(topic);
        channel.missed = false;
      }
      world.note(`${this.name} hears ${regained.length} topics again`);
      if (regained.length > 0) for (const callback of this.#onInterruption) callback(regained);
    });
  }

  /** The node died. */
  end(): void {
    this.#options.core.buses.delete(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.end();
    return Promise.resolve();
  }

  #send(other: SimBus, topic: Topic, event: BusEvent): void {
    const { world, weather, random } = this.#options;
    const wayThereMs = random.between(...wayMs) * weather.slowness;
    const atMs = Math.max(world.nowMs + wayThereMs, this.#lastMs.get(other) ?? 0);
    this.#lastMs.set(other, atMs);
    world.after(atMs - world.nowMs, () => {
      if (other.#channels.get(topic)?.held !== true || !other.#options.life.alive) return;
      world.note(`${other.name} hears ${event.type} on ${topic} from ${this.name}`);
      other.#listeners.hand(topic, event);
    });
  }

  /** Resolves when the bus has confirmed, or when that is in doubt: then the topic is reported once it is heard. */
  async #hold(channel: Channel): Promise<void> {
    const cuts = this.#cuts;
    await this.#later(this.#cut ? doubtMs : this.#options.random.between(...wayMs));
    if (channel.held) return;
    if (!this.#cut && cuts === this.#cuts) channel.held = true;
    else channel.missed = true;
  }

  async #refused(): Promise<void> {
    const { world } = this.#options;
    if (world.nowMs < this.#noticedMs) await this.#later(doubtMs);
    throw new Refusal('STORE_UNAVAILABLE', 'the simulated bus cannot be reached');
  }

  #later(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#options.world.after(ms, () => {
        if (this.#options.life.alive) resolve();
      });
    });
  }
}
