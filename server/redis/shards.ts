import type { Clock, Timer } from '../core/clock.ts';
import { Link, type RedisArgument, LinkDown } from './link.ts';
import { RedisUnfit, type ServerInfo } from './server-info.ts';
import { addressText, type RedisAddress, type RedisSettings } from './settings.ts';
import { slotOf } from './slots.ts';
import { askTopology, soleTopology, type Topology } from './topology.ts';

export interface ShardsOptions {
  readonly settings: RedisSettings;
  readonly clock: Clock;
  /** Names the connections in `CLIENT LIST`. */
  readonly name: string;
  /** For the log: a link that does not come up, a cluster that does not say who serves what. */
  readonly onProblem?: (problem: Error) => void;
}

/** Called when something is otherwise than before. */
export interface ShardsListener {
  /** A link came up, or a slot is served by another master. */
  readonly onChange?: () => void;
  /** The data of this master may have lost writes or gone back: a restart, or a replica that was promoted. */
  readonly onFork?: (master: string) => void;
}

/** Unasked-for looks at the cluster. */
const lookEveryMs = 30_000;
/** While a slot has no link that is up, and for a few times after a hint that one has moved: nodes learn it one by one. */
const lookAgainMs = 1_000;
const looksAfterHint = 5;

/**
 * A deployment of Redis: one, or the masters of a cluster, with a link to each. Follows the cluster when it fails over or
 * moves slots. Nothing waits for a master that is down: calls reject.
 */
export class Shards implements Disposable {
  readonly #options: ShardsOptions;
  readonly #listeners: ShardsListener[] = [];
  /** By address. */
  readonly #links = new Map<string, Link>();
  /** History of the data of each slot, as its master named it when last seen. */
  readonly #histories: (string | undefined)[] = [];
  readonly #infos = new Map<Link, ServerInfo>();
  #topology: Topology = { masters: [], nodes: [] };
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #hinted = 0;
  #disposed = false;
  #unfit: RedisUnfit | undefined;
  #waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];

  constructor(options: ShardsOptions) {
    this.#options = options;
    const [first] = options.settings.nodes;
    if (first === undefined) throw new RangeError('a deployment of Redis has at least one node');
    if (options.settings.cluster) void this.#look();
    else this.#apply(soleTopology(first));
  }

  listen(listener: ShardsListener): void {
    this.#listeners.push(listener);
  }

  /** Masters, in the order of their slots. */
  get masters(): readonly RedisAddress[] {
    return [...new Set(this.#topology.masters)].filter((address) => address !== undefined);
  }

  masterOf(slot: number): RedisAddress | undefined {
    return this.#topology.masters[slot];
  }

  /** Which master serves a key, as text: equal for equal ones; empty while nobody knows one. */
  masterName(key: string): string {
    return textOf(this.#topology.masters[slotOf(key)]) ?? '';
  }

  /** The link to the master of a slot; undefined while nobody knows one. */
  link(slot: number): Link | undefined {
    const master = this.#topology.masters[slot];
    return master && this.#links.get(addressText(master));
  }

  /** True while every slot has a link that is up. */
  get up(): boolean {
    return this.#topology.nodes.length > 0 && [...this.#links.values()].every((link) => link.up) && this.#isCovered();
  }

  /** Resolves when all is up; rejects when a Redis is not fit. May wait for ever. @throws RedisUnfit */
  ready(): Promise<void> {
    if (this.#unfit !== undefined) return Promise.reject(this.#unfit);
    if (this.up) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Runs a command at the master of `key`; once more when the slot has just moved. @throws LinkDown, or what Redis answered */
  async call(key: string, command: string, args: readonly RedisArgument[]): Promise<unknown> {
    const slot = slotOf(key);
    const link = this.link(slot);
    try {
      if (link === undefined) throw new LinkDown('no Redis node is known for this key');
      return await link.call(command, args);
    } catch (error) {
      if (!isMoved(error)) throw error;
      await this.look();
      const next = this.link(slot);
      if (next === undefined || next === link) throw error;
      return next.call(command, args);
    }
  }

  /** Something hints that a slot is served elsewhere. */
  suspect(): void {
    this.#hinted = looksAfterHint;
    void this.look();
  }

  /** Asks the cluster who serves what. Never rejects. */
  look(): Promise<void> {
    if (!this.#options.settings.cluster || this.#disposed) return Promise.resolve();
    return (this.#looking ??= this.#look().finally(() => (this.#looking = undefined)));
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#timer?.cancel();
    for (const link of this.#links.values()) link[Symbol.dispose]();
    this.#links.clear();
  }

  async #look(): Promise<void> {
    this.#timer?.cancel();
    const { settings, clock, onProblem } = this.#options;
    const strangers = new Map(
      [...this.#topology.nodes, ...settings.nodes].map((address) => [addressText(address), address]),
    );
    let changed = false;
    try {
      const topology = await askTopology([...this.#links.values()], [...strangers.values()], settings, clock);
      if (!this.#disposed) changed = this.#apply(topology);
    } catch (error) {
      onProblem?.(new Error('the Redis Cluster does not say who serves what', { cause: error }));
    }
    if (this.#disposed) return;
    // What was new may have been the view of a node that is behind.
    const soon = changed || !this.up || this.#hinted > 0;
    const delayMs = soon ? lookAgainMs : lookEveryMs;
    this.#hinted = Math.max(0, this.#hinted - 1);
    this.#timer = clock.after(delayMs * (0.5 + clock.random()), () => void this.look());
  }

  /** True when a slot has another master than before. */
  #apply(topology: Topology): boolean {
    const before = this.#topology.masters;
    const changed = topology.masters.some((master, slot) => textOf(master) !== textOf(before[slot]));
    this.#topology = topology;
    if (!changed) return false;
    const masters = new Map(this.masters.map((address) => [addressText(address), address]));
    for (const [text, link] of this.#links) {
      if (masters.has(text)) continue;
      this.#links.delete(text);
      this.#infos.delete(link);
      link[Symbol.dispose]();
    }
    for (const [text, address] of masters) if (!this.#links.has(text)) this.#links.set(text, this.#open(address));
    for (const [link, info] of this.#infos) if (link.up) this.#compare(link, info);
    this.#changed();
    return true;
  }

  #open(address: RedisAddress): Link {
    const { settings, clock, name, onProblem } = this.#options;
    const link: Link = new Link({
      address,
      settings,
      clock,
      name,
      onUp: (info) => {
        this.#unfit = undefined;
        this.#infos.set(link, info);
        this.#compare(link, info);
        this.#changed();
      },
      onDown: (why) => {
        onProblem?.(new Error(`the link to Redis at ${addressText(address)} is down`, { cause: why }));
        if (why instanceof RedisUnfit) this.#refuse(why);
        this.#lookSoon();
      },
    });
    return link;
  }

  #lookSoon(): void {
    if (this.#looking !== undefined || this.#disposed || !this.#options.settings.cluster) return;
    const { clock } = this.#options;
    this.#timer?.cancel();
    this.#timer = clock.after(lookAgainMs * clock.random(), () => void this.look());
  }

  /** Whether the data of a link's slots is the continuation of what it was. */
  #compare(link: Link, { history }: ServerInfo): void {
    const address = addressText(link.address);
    let forked = false;
    this.#topology.masters.forEach((master, slot) => {
      if (textOf(master) !== address || this.#histories[slot] === history) return;
      if (this.#histories[slot] !== undefined) forked = true;
      this.#histories[slot] = history;
    });
    if (forked) for (const { onFork } of this.#listeners) onFork?.(address);
  }

  #changed(): void {
    for (const { onChange } of this.#listeners) onChange?.();
    if (!this.up) return;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  #refuse(unfit: RedisUnfit): void {
    this.#unfit = unfit;
    for (const { reject } of this.#waiting.splice(0)) reject(unfit);
  }

  #isCovered(): boolean {
    return this.#topology.masters.every((master) => master !== undefined);
  }
}

function textOf(address: RedisAddress | undefined): string | undefined {
  return address && addressText(address);
}

function isMoved(error: unknown): boolean {
  return error instanceof Error && /^(MOVED|READONLY) /.test(error.message);
}
