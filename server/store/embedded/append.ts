import type { Head } from '../../core/entry.ts';
import { throwIfAborted } from '../../core/errors.ts';
import type { LogId } from '../../core/ids.ts';
import type { Append, AppendResult, Duplicate } from '../store.ts';
import { AppendPuts } from './append-puts.ts';
import type { ByteWriter } from './bytes.ts';
import type { Database } from './database.ts';
import { decodeDuplicate } from './dedup.ts';
import { decodeHead } from './heads.ts';
import { keys } from './keys.ts';
import type { LogState, LogStates } from './log-states.ts';
import type { Writer } from './writer.ts';

const maxEntries = 256;

/**
 * Appends: judged and turned into puts when they are handed over, against the head of the append before, which need not
 * be durable yet; answered when their commit is on disk. Nothing here waits between the check and the puts.
 */
export class Appends {
  readonly #database: Database;
  readonly #writer: Writer;
  readonly #states: LogStates;
  readonly #puts: AppendPuts;
  readonly #epoch: bigint;

  constructor(database: Database, writer: Writer, states: LogStates, words: ByteWriter, epoch: bigint) {
    this.#database = database;
    this.#writer = writer;
    this.#states = states;
    this.#puts = new AppendPuts(database, writer, states, words, epoch);
    this.#epoch = epoch;
  }

  async append(log: LogId, append: Append, signal?: AbortSignal): Promise<AppendResult> {
    throwIfAborted(signal);
    if (append.entries.length === 0 || append.entries.length > maxEntries) {
      throw new RangeError(`an append has 1 to ${maxEntries} entries`);
    }
    while (this.#database.ready() !== undefined) await this.#database.ready();
    const commit = this.#writer.open;
    const state = this.#state(log);

    const idKeys = append.entries.map((entry) =>
      entry.clientMessageId === '' ? '' : keys.id(log, entry.senderId, entry.clientMessageId),
    );
    if (hasRepeated(idKeys)) throw new RangeError('an append has an id at most once');
    const unsettled = this.#writer.find((one) => (idKeys.some((key) => one.ids.has(key)) ? one : undefined));
    if (unsettled !== undefined) {
      // One of them is being appended: whether it was shows itself when that commit is durable.
      await unsettled.durable();
      return this.append(log, append, signal);
    }
    const duplicates = this.#duplicates(state, idKeys);
    if (duplicates !== undefined) return { outcome: 'duplicate', duplicates };

    if (!isAt(state.head, append.expected)) {
      // A head that is not durable yet is told to nobody.
      if (state.head !== state.durable) await this.#settled(state);
      return { outcome: 'conflict', head: state.durable };
    }

    const puts = commit.puts.length;
    let result: AppendResult;
    try {
      result = this.#puts.put(commit, state, append, idKeys);
    } catch (error) {
      // Nothing of an append that cannot be put whole may go to the disk. The maps are filled after the last throw.
      commit.puts.length = puts;
      state.indexedDay = -1;
      throw error;
    }
    this.#writer.flush();
    return commit.release(result);
  }

  async erase(log: LogId, messages: readonly bigint[], upTo: bigint): Promise<void> {
    if (messages.length > maxEntries) throw new RangeError(`at most ${maxEntries} messages are erased at once`);
    while (this.#database.ready() !== undefined) await this.#database.ready();
    const commit = this.#writer.open;
    if (this.#puts.erase(commit, log, messages, upTo)) {
      this.#writer.flush();
      return commit.durable();
    }
    // What was erased before may still be on its way to the disk.
    const keysOf = messages.map((sequence) => keys.entry(log, Number(sequence)));
    await this.#writer.find((one) => (keysOf.some((key) => one.changed.has(key)) ? one : undefined))?.durable();
  }

  /** What is in memory of a log; read from the disk if need be. Only when the database is ready. */
  #state(log: LogId): LogState {
    const known = this.#states.get(log);
    if (known !== undefined) return known;
    const bytes = this.#database.getNow(keys.head(log));
    const head = bytes === undefined ? undefined : decodeHead(bytes, this.#epoch);
    const state: LogState = { log, head, durable: head, indexed: new Set(), indexedDay: -1 };
    this.#states.add(state);
    return state;
  }

  async #settled(state: LogState): Promise<void> {
    await this.#writer.find((one) => (one.heads.has(state) ? one : undefined))?.durable();
  }

  #duplicates(state: LogState, idKeys: readonly string[]): ReadonlyMap<number, Duplicate> | undefined {
    if (state.head === undefined) return undefined;
    let duplicates: Map<number, Duplicate> | undefined;
    for (let at = 0; at < idKeys.length; at++) {
      const key = idKeys[at];
      if (key === undefined || key === '') continue;
      const bytes = this.#database.getNow(key);
      if (bytes !== undefined) (duplicates ??= new Map()).set(at, decodeDuplicate(bytes, this.#epoch));
    }
    return duplicates;
  }
}

function isAt(head: Head | undefined, expected: Append['expected']): boolean {
  if (head === undefined || expected === undefined) return head === expected;
  return head.sequence === expected.sequence && head.membersSequence === expected.membersSequence;
}

function hasRepeated(idKeys: readonly string[]): boolean {
  if (idKeys.length === 1) return false;
  const given = idKeys.filter((key) => key !== '');
  return new Set(given).size !== given.length;
}
