import { type Bus, subjectOf, type Topic } from '../bus/bus.ts';
import { chunksOf } from '../core/chunks.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { LogHead } from '../core/event.ts';
import { type LogId, threadLog, type ThreadId, userLog, type UserId } from '../core/ids.ts';
import type { Registry } from '../presence/registry.ts';
import type { Store } from '../store/store.ts';
import type { Hub, HubKeeper } from './hub.ts';
import { LogReader, type Missed } from './log-reader.ts';

export interface HeadCheckOptions {
  readonly bus: Bus;
  readonly hub: Hub;
  readonly store: Store;
  readonly registry: Registry;
  readonly clock: Clock;
}

interface Kept {
  readonly topic: Topic;
  /** Second in which it is looked at next. */
  second: number;
  /** Wall ms from when on its user's threads are looked for. */
  sinceMs: number;
  /** Where its own log stood when last looked at; undefined = not yet. */
  known: bigint | undefined;
  /** Second of the first look. */
  firstSecond: number;
  /** The bus may have lost something since it was last looked at. */
  interrupted: boolean;
}

/** How often each topic is looked at, at least: the bound on how late something lost is told. */
const leastS = 60;
const mostS = 120;
/**
 * A topic that is new is looked at soon: what its log had before, those who joined have read themselves; what came since may have been lost.
 */
const firstS = 2;
/** The clocks of nodes differ, and an append takes its time: what is so much older is looked at too. */
const slackMs = 10_000;
/** An interruption is noticed within this. */
const noticedS = 10;
/** After an interruption its topics are looked at within this. */
const spreadS = 10;
/** When the store could not be read. */
const againS = 5;
const atOnce = 100;

/**
 * Looks after what the bus may have lost: compares where logs stand with what the topics of this node have heard, now and then,
 * and soon after an interruption; once per topic, whoever listens. What was missed is read once, and heard by all of them.
 */
export class HeadCheck implements HubKeeper, Disposable {
  readonly #options: HeadCheckOptions;
  readonly #reader: LogReader;
  readonly #kept = new Map<Topic, Kept>();
  /** By second, modulo its length. */
  readonly #wheel: Set<Kept>[] = Array.from({ length: mostS + 8 }, () => new Set());
  #second = 0;
  #timer: Timer | undefined;
  #working = Promise.resolve();

  constructor(options: HeadCheckOptions) {
    this.#options = options;
    this.#reader = new LogReader(options.store, options.hub);
    options.hub.keeper = this;
    options.bus.onInterruption((topics) => this.#interrupt(topics ?? [...this.#kept.keys()]));
    this.#schedule();
  }

  serves(topic: Topic): void {
    const sinceMs = this.#options.clock.nowMs();
    const kept = { topic, second: this.#second, sinceMs, known: undefined, firstSecond: Infinity, interrupted: false };
    this.#kept.set(topic, kept);
    if (subjectOf(topic).kind !== 'presence') this.#place(kept, 0, firstS);
  }

  leaves(topic: Topic): void {
    const kept = this.#kept.get(topic);
    if (kept === undefined) return;
    this.#kept.delete(topic);
    this.#wheel[kept.second % this.#wheel.length]?.delete(kept);
  }

  hearHeads(topic: Topic, heads: readonly LogHead[]): void {
    for (const one of heads) void this.#tell(topic, one, 0n).catch(() => undefined);
  }

  /** Publishes where all logs of this node's topics stand, for other nodes: more was lost than is known. */
  async publishAll(): Promise<void> {
    const { bus } = this.#options;
    for (const { topic, sinceMs } of [...this.#kept.values()]) {
      const heads = await this.#headsOf(topic, sinceMs).catch(() => []);
      if (heads.length > 0) await bus.publish(topic, { type: 'heads', heads }).catch(() => undefined);
    }
  }

  /** Resolves when what was due is done. */
  settled(): Promise<void> {
    return this.#working;
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
    this.#options.hub.keeper = undefined;
  }

  #place(kept: Kept, leastInS: number, mostInS: number): void {
    this.#wheel[kept.second % this.#wheel.length]?.delete(kept);
    kept.second = this.#second + 1 + Math.floor(leastInS + this.#options.clock.random() * (mostInS - leastInS));
    this.#wheel[kept.second % this.#wheel.length]?.add(kept);
  }

  #schedule(): void {
    this.#timer = this.#options.clock.after(1_000, () => {
      this.#second += 1;
      const due = [...(this.#wheel[this.#second % this.#wheel.length] ?? [])];
      this.#wheel[this.#second % this.#wheel.length]?.clear();
      if (due.length > 0) this.#working = this.#working.then(() => this.#look(due));
      this.#schedule();
    });
  }

  #interrupt(topics: readonly Topic[]): void {
    for (const topic of topics) {
      const kept = this.#kept.get(topic);
      if (kept === undefined) continue;
      kept.interrupted = true;
      // What the first look found may have been lost before it.
      if (this.#second - kept.firstSecond < noticedS) kept.known = undefined;
      this.#place(kept, 0, spreadS);
    }
  }

  async #look(due: readonly Kept[]): Promise<void> {
    const of = (kind: string): Kept[] => due.filter(({ topic }) => subjectOf(topic).kind === kind);
    for (const some of chunksOf(of('thread'), atOnce)) await this.#attempt(some, () => this.#lookAtThreads(some));
    for (const some of chunksOf(of('presence'), atOnce)) await this.#attempt(some, () => this.#lookAtPresence(some));
    for (const kept of of('user')) await this.#attempt([kept], () => this.#lookAtUser(kept));
  }

  async #attempt(some: readonly Kept[], look: () => Promise<void>): Promise<void> {
    let failed = false;
    try {
      await look();
    } catch {
      failed = true;
    }
    for (const kept of some) {
      if (this.#kept.get(kept.topic) !== kept) continue;
      if (failed) this.#place(kept, againS, 2 * againS);
      // Presence is looked at after interruptions only: who watches has asked.
      else if (subjectOf(kept.topic).kind !== 'presence') this.#place(kept, leastS, mostS);
    }
  }

  async #lookAtThreads(some: readonly Kept[]): Promise<void> {
    const logs = some.map(({ topic }) => threadLog(subjectOf(topic).id as ThreadId));
    const heads = await this.#reader.heads(logs);
    for (const [index, kept] of some.entries()) await this.#compare(kept, logs[index] as LogId, heads);
  }

  async #lookAtUser(kept: Kept): Promise<void> {
    const { clock, hub } = this.#options;
    const userId = subjectOf(kept.topic).id as UserId;
    const nowMs = clock.nowMs();
    // A wall clock that was set back gives what is new an old time.
    const changed = await this.#reader.changed(userId, nowMs < kept.sinceMs ? 0 : kept.sinceMs);
    for (const one of changed) await this.#tell(kept.topic, one, 0n);
    if (kept.interrupted) hub.hearInterruption(kept.topic);
    const log = userLog(userId);
    await this.#compare(kept, log, await this.#reader.heads([log]));
    kept.sinceMs = nowMs;
  }

  async #lookAtPresence(some: readonly Kept[]): Promise<void> {
    const { registry, hub } = this.#options;
    const presences = await registry.get(some.map(({ topic }) => subjectOf(topic).id as UserId));
    for (const [index, kept] of some.entries()) {
      const presence = presences[index];
      kept.interrupted = false;
      if (presence !== undefined) hub.hear(kept.topic, { type: 'presence', presence });
    }
  }

  /** Has heard what a topic's own log has beyond what was heard, or was there when it was last looked at. */
  async #compare(kept: Kept, log: LogId, heads: ReadonlyMap<LogId, LogHead['head']>): Promise<void> {
    const head = heads.get(log);
    const isFirst = kept.known === undefined && !kept.interrupted;
    const hasStood = isFirst && head !== undefined && head.activityMs < kept.sinceMs - slackMs;
    if (head !== undefined && !hasStood) await this.#tell(kept.topic, { log, head }, kept.known ?? 0n);
    kept.known = head?.sequence ?? 0n;
    if (isFirst) kept.firstSecond = this.#second;
    kept.interrupted = false;
  }

  async #tell(topic: Topic, one: Missed, known: bigint): Promise<void> {
    const heard = this.#options.hub.heard(topic, one.log);
    await this.#reader.tell(topic, one, heard > known ? heard : known);
  }

  async #headsOf(topic: Topic, sinceMs: number): Promise<LogHead[]> {
    const { kind, id } = subjectOf(topic);
    if (kind === 'presence') return [];
    const own = kind === 'thread' ? threadLog(id as ThreadId) : userLog(id as UserId);
    const heads = [...(await this.#reader.heads([own]))].map(([log, head]) => ({ log, head }));
    if (kind === 'thread') return heads;
    const changed = await this.#reader.changed(id as UserId, sinceMs);
    return [...heads, ...changed.map(({ log, head }) => ({ log, head }))];
  }
}
