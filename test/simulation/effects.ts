import type { Entry } from '../../server/core/entry.ts';
import { type LogId, threadOfLog, type ThreadId, type UserId } from '../../server/core/ids.ts';
import { type MemberRow, type Row, rowsOf } from '../../server/core/rows.ts';
import type { InboxUpdate } from '../../server/store/store.ts';
import { InDoubt, type StoreWire, unavailable } from './store-wire.ts';
import type { LogHead, Standing, Tables } from './tables.ts';

/** What a node remembers of a log. */
interface LogMemory {
  effectsDone: bigint;
  raised: bigint;
}

/**
 * What appends write beside their log, each row by itself: inbox changes, rows, and at last the mark up to where they are
 * written. As the store on Cassandra does it: whoever finds a head above the mark finishes what is missing, from the log.
 */
export class Effects {
  readonly #tables: Tables;
  readonly #wire: StoreWire;
  readonly #memory = new Map<LogId, LogMemory>();
  readonly #running = new Map<LogId, Promise<void>>();

  constructor(tables: Tables, wire: StoreWire) {
    this.#tables = tables;
    this.#wire = wire;
  }

  /** Resolves when the effects of everything up to the head are written. */
  async settle(log: LogId, head: LogHead): Promise<void> {
    const memory = this.#of(log);
    while (memory.effectsDone < head.effectsTo) {
      const running = this.#running.get(log);
      if (running === undefined) await this.#run(log, () => this.#finish(log, head));
      else await running.catch(() => undefined);
    }
  }

  /** Writes what goes with an append that has just been made. */
  async follow(
    log: LogId,
    head: LogHead,
    entries: readonly Entry[],
    inbox: readonly InboxUpdate[],
    hasEffects: boolean,
  ): Promise<void> {
    const thread = threadOfLog(log);
    const plain = inbox.filter(isPlain);
    const writes: Promise<void>[] = [];
    if (hasEffects) writes.push(this.#run(log, () => this.#write(log, head.effectsInbox, entries, head)));
    if (thread !== undefined) writes.push(this.#raise(thread, plain, head));
    await settled(writes);
    const memory = this.#of(log);
    if (head.sequence > memory.raised) memory.raised = head.sequence;
  }

  /** Before a duplicate is told as appended, what its append may not have come to is done. */
  async finish(log: LogId, head: LogHead, sequence: bigint): Promise<void> {
    await this.settle(log, head);
    const memory = this.#of(log);
    const thread = threadOfLog(log);
    if (thread === undefined || sequence <= memory.raised || memory.raised >= head.sequence) return;
    const rows = await this.#wire.read(() => [...this.#tables.log(log).rows.values()]);
    const members = rows.filter(({ key, value }) => key.startsWith('member/') && isIn(value as MemberRow));
    const updates = members.map(({ key }) => ({ userId: key.slice('member/'.length) as UserId }));
    await this.#raise(thread, updates, head);
    memory.raised = head.sequence;
  }

  async #finish(log: LogId, head: LogHead): Promise<void> {
    const memory = this.#of(log);
    const done = await this.#wire.read(() => this.#tables.effectsDone(log));
    if (done > memory.effectsDone) memory.effectsDone = done;
    if (done >= head.effectsTo) return;
    const [from, to] = [Number(head.effectsFrom), Number(head.effectsTo)];
    const entries = await this.#wire.read(() => this.#tables.log(log).entries.slice(from - 1, to));
    const last = entries.at(-1);
    if (last === undefined) throw new Error('what the head names is in the log');
    const { sequence, ordinal, createTimeMs: activityMs } = last;
    await this.#write(log, head.effectsInbox, entries, { sequence, ordinal, activityMs });
  }

  async #write(
    log: LogId,
    inbox: readonly InboxUpdate[],
    entries: readonly Entry[],
    standing: Standing,
  ): Promise<void> {
    const thread = threadOfLog(log);
    if (thread !== undefined) await this.#raise(thread, inbox, standing);
    for (const row of await this.#rowsOf(log, entries)) {
      await this.#must(`row ${row.key} of ${log} at ${row.sequence}`, () => this.#tables.putRow(log, row));
    }
    const { sequence } = standing;
    await this.#must(`mark of ${log} at ${sequence}`, () => this.#tables.putEffectsDone(log, sequence));
    const memory = this.#of(log);
    if (sequence > memory.effectsDone) memory.effectsDone = sequence;
  }

  /** The rows that entries put: those that are not from them, or from later ones, already. */
  async #rowsOf(log: LogId, entries: readonly Entry[]): Promise<Row[]> {
    const current = await this.#wire.read(() => new Map(this.#tables.log(log).rows));
    const puts = new Map<string, Row>();
    for (const entry of entries) {
      for (const row of rowsOf(entry, (key) => current.get(key))) {
        if ((current.get(row.key)?.sequence ?? 0n) >= row.sequence) continue;
        current.set(row.key, row);
        puts.set(row.key, row);
      }
    }
    return [...puts.values()];
  }

  async #raise(thread: ThreadId, updates: readonly InboxUpdate[], standing: Standing): Promise<void> {
    const { sequence, ordinal, activityMs } = standing;
    await settled(
      updates.map((update) =>
        this.#must(`inbox of ${update.userId} for ${thread} at ${sequence}`, () =>
          this.#tables.raiseInbox(thread, update, { sequence, ordinal, activityMs }),
        ),
      ),
    );
  }

  async #must(what: string, apply: () => void): Promise<void> {
    try {
      await this.#wire.write(what, apply);
    } catch (error) {
      throw error instanceof InDoubt ? unavailable(error) : error;
    }
  }

  #of(log: LogId): LogMemory {
    let memory = this.#memory.get(log);
    if (memory === undefined) this.#memory.set(log, (memory = { effectsDone: 0n, raised: 0n }));
    return memory;
  }

  #run(log: LogId, work: () => Promise<void>): Promise<void> {
    const running = work().finally(() => {
      if (this.#running.get(log) === running) this.#running.delete(log);
    });
    this.#running.set(log, running);
    return running;
  }
}

/** Says nothing but that the thread moved. */
export function isPlain(update: InboxUpdate): boolean {
  return update.visibleFrom === undefined && update.member === undefined && update.large === undefined;
}

function isIn({ leftSequence }: MemberRow): boolean {
  return leftSequence === 0n;
}

/** Waits for all, then fails as the first that failed. */
export async function settled(writes: readonly Promise<void>[]): Promise<void> {
  for (const one of await Promise.allSettled(writes)) if (one.status === 'rejected') throw one.reason;
}
