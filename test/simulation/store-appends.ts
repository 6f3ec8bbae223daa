import { changesMembers, type Entry, isMessage } from '../../server/core/entry.ts';
import { KeyedQueue } from '../../server/core/keyed-queue.ts';
import type { LogId } from '../../server/core/ids.ts';
import type { Append, AppendResult, Duplicate } from '../../server/store/store.ts';
import { type Effects, isPlain } from './effects.ts';
import { InDoubt, type StoreWire, unavailable } from './store-wire.ts';
import { type Commit, epoch, type LogHead, type Tables } from './tables.ts';

/** How often it is tried to find out what became of a commit without an answer. */
const mostTries = 4;

/** Appends of one node, as the store on Cassandra makes them: one conditional write to the log, then what goes beside it. */
export class StoreAppends {
  readonly #name: string;
  readonly #tables: Tables;
  readonly #wire: StoreWire;
  readonly #effects: Effects;
  readonly #queue = new KeyedQueue();
  #attempts = 0;

  constructor(name: string, tables: Tables, wire: StoreWire, effects: Effects) {
    this.#name = name;
    this.#tables = tables;
    this.#wire = wire;
    this.#effects = effects;
  }

  append(log: LogId, append: Append): Promise<AppendResult> {
    return this.#queue.run(log, () => this.#append(log, append));
  }

  async #append(log: LogId, append: Append): Promise<AppendResult> {
    const before = await this.#wire.read(() => this.#tables.log(log).head);
    if (!isAt(before, append.expected)) return this.#refuse(log, append);
    const mayHaveEffects = append.entries.some(({ change }) => !isMessage(change)) || !append.inbox.every(isPlain);
    if (before !== undefined && mayHaveEffects) await this.#effects.settle(log, before);
    const commit = this.#commitOf(append, before);
    this.#checkTargets(log, commit);
    if (!(await this.#commit(log, commit))) return this.#refuse(log, append);
    const { entries, head } = commit;
    const hasEffects = head.effectsTo === head.sequence;
    await this.#effects.follow(log, head, entries, append.inbox, hasEffects);
    return { outcome: 'appended', entries, head: doorHead(head) };
  }

  #commitOf({ entries: given, inbox, nowMs }: Append, before: LogHead | undefined): Commit {
    const createTimeMs = Math.max(Math.floor(nowMs), before?.activityMs ?? 0);
    let sequence = before?.sequence ?? 0n;
    let ordinal = before?.ordinal ?? 0n;
    const entries = given.map(({ senderId, deviceId, clientMessageId, change }): Entry => {
      sequence += 1n;
      if (isMessage(change)) ordinal += 1n;
      return { sequence, ordinal, senderId, deviceId, clientMessageId, createTimeMs, change };
    });
    const effectsInbox = inbox.filter((update) => !isPlain(update));
    const putsRows = entries.some(({ change }) => !change.kind.startsWith('message'));
    const hasEffects = putsRows || effectsInbox.length > 0;
    const members = entries.findLast(({ change }) => changesMembers(change));
    const first = (before?.sequence ?? 0n) + 1n;
    this.#attempts += 1;
    return {
      expected: before?.sequence ?? 0n,
      entries,
      fingerprints: given.map(({ fingerprint }) => fingerprint),
      attempt: `${this.#name} ${this.#attempts}`,
      head: {
        epoch,
        sequence,
        ordinal,
        membersSequence: members?.sequence ?? before?.membersSequence ?? 0n,
        activityMs: createTimeMs,
        effectsFrom: hasEffects ? first : (before?.effectsFrom ?? 0n),
        effectsTo: hasEffects ? sequence : (before?.effectsTo ?? 0n),
        effectsInbox: hasEffects ? effectsInbox : (before?.effectsInbox ?? []),
      },
    };
  }

  /** @throws RangeError for an edit of what is no message */
  #checkTargets(log: LogId, { entries }: Commit): void {
    const kept = this.#tables.log(log).entries;
    for (const { change } of entries) {
      if (change.kind !== 'message-edited' && change.kind !== 'message-deleted') continue;
      const target = kept[Number(change.target) - 1] ?? entries.find(({ sequence }) => sequence === change.target);
      if (target?.change.kind !== 'message') throw new RangeError('the target of a change is a message');
    }
  }

  /** Whether it was applied. @throws Refusal STORE_UNAVAILABLE = unknown */
  async #commit(log: LogId, commit: Commit): Promise<boolean> {
    const { attempt, head, entries } = commit;
    const what = `${entries.map(({ change }) => change.kind).join(' ')} to ${log} at ${head.sequence}`;
    let doubt: unknown;
    for (let tries = 0; tries < mostTries; tries += 1) {
      let refused = false;
      try {
        const applied = await this.#wire.write(what, () => this.#tables.commit(log, commit));
        if (applied || doubt === undefined) return applied;
        refused = true;
      } catch (error) {
        if (!(error instanceof InDoubt)) throw doubt === undefined ? error : unavailable(error);
        doubt = error;
      }
      const whose = await this.#whose(log, commit);
      if (whose !== undefined) return whose === attempt;
      if (refused) return false;
      await this.#wire.pause(this.#wire.chanceMs(50, 1_000));
    }
    throw unavailable(doubt);
  }

  /** Whose entry stands where ours would; undefined = nobody's. */
  async #whose(log: LogId, { expected }: Commit): Promise<string | undefined> {
    return this.#wire.read(() => this.#tables.log(log).attempts[Number(expected)]);
  }

  /** Says why nothing was appended: ids that were appended before, or else where the log stands. */
  async #refuse(log: LogId, append: Append): Promise<AppendResult> {
    const { head, duplicates } = await this.#wire.read(() => {
      const found = new Map<number, Duplicate>();
      append.entries.forEach(({ senderId, clientMessageId }, at) => {
        const duplicate = this.#tables.duplicate(log, senderId, clientMessageId);
        if (duplicate !== undefined) found.set(at, duplicate);
      });
      return { head: this.#tables.log(log).head, duplicates: found };
    });
    if (head === undefined) return { outcome: 'conflict', head: undefined };
    await this.#effects.settle(log, head);
    if (duplicates.size === 0) return { outcome: 'conflict', head: doorHead(head) };
    for (const { sequence } of duplicates.values()) await this.#effects.finish(log, head, sequence);
    return { outcome: 'duplicate', duplicates };
  }
}

function isAt(head: LogHead | undefined, expected: Append['expected']): boolean {
  if (head === undefined || expected === undefined) return head === expected;
  return head.sequence === expected.sequence && head.membersSequence === expected.membersSequence;
}

/** Without what only the store knows of it. */
export function doorHead(head: LogHead): Omit<LogHead, 'effectsFrom' | 'effectsTo' | 'effectsInbox'> {
  const { sequence, ordinal, membersSequence, activityMs } = head;
  return { epoch, sequence, ordinal, membersSequence, activityMs };
}
