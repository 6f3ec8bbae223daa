import {
  changesMembers,
  type Change,
  type Entry,
  emptyBody,
  type Head,
  isMessage,
  type NewEntry,
} from '../../core/entry.ts';
import { throwIfAborted } from '../../core/errors.ts';
import { type LogId, type ThreadId, threadOfLog } from '../../core/ids.ts';
import { type Row, rowsOf } from '../../core/rows.ts';
import type { Append, AppendResult, Duplicate } from '../store.ts';
import type { ByteWriter } from './bytes.ts';
import type { Commit } from './commit.ts';
import type { Database, Put } from './database.ts';
import { decodeDuplicate, encodeDuplicate } from './dedup.ts';
import { decodeEntry, encodeEntry } from './entry-codec.ts';
import { decodeHead } from './heads.ts';
import { dayMs, decodeInbox, encodeInbox, type InboxRecord, isPlain, updatedRecord } from './inbox.ts';
import { keys } from './keys.ts';
import type { LogState, LogStates } from './log-states.ts';
import { decodeRow, encodeRow } from './rows.ts';
import type { Writer } from './writer.ts';

const maxEntries = 256;
const maxBytes = 1024 * 1024;
/** What an entry's fixed fields take in the files beside its content. */
const overheadBytes = 1024;

/**
 * Appends: judged and turned into puts when they are handed over, against the head of the append before, which need not
 * be durable yet; answered when their commit is on disk. Nothing here waits between the check and the puts.
 */
export class Appends {
  readonly #database: Database;
  readonly #writer: Writer;
  readonly #states: LogStates;
  readonly #words: ByteWriter;
  readonly #epoch: bigint;

  constructor(database: Database, writer: Writer, states: LogStates, words: ByteWriter, epoch: bigint) {
    this.#database = database;
    this.#writer = writer;
    this.#states = states;
    this.#words = words;
    this.#epoch = epoch;
  }

  async append(log: LogId, append: Append, signal?: AbortSignal): Promise<AppendResult> {
    throwIfAborted(signal);
    if (append.entries.length === 0 || append.entries.length > maxEntries) {
      throw new RangeError(`an append has 1 to ${maxEntries} entries`);
    }
    while (this.#database.ready() !== undefined) await this.#database.ready();
    const commit = this.#writer.open;
    const state = this.state(log);

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
      result = this.#put(commit, state, append, idKeys);
    } catch (error) {
      // Nothing of an append that cannot be put whole may go to the disk. The maps are filled after the last throw.
      commit.puts.length = puts;
      state.indexedDay = -1;
      throw error;
    }
    this.#writer.flush();
    return commit.release(result);
  }

  /** What is in memory of a log; read from the disk if need be. Only when the database is ready. */
  state(log: LogId): LogState {
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

  #put(commit: Commit, state: LogState, append: Append, idKeys: readonly string[]): AppendResult {
    const { log } = state;
    const before = state.head;
    const createTimeMs = Math.max(Math.floor(append.nowMs), before?.activityMs ?? 0);
    let sequence = before === undefined ? 0 : Number(before.sequence);
    let ordinal = before === undefined ? 0 : Number(before.ordinal);
    let membersSequence = before === undefined ? 0 : Number(before.membersSequence);
    let bytes = 0;
    const entries: Entry[] = [];
    const rows = new Map<string, Row>();
    const changed = new Map<string, Entry>();
    for (let at = 0; at < append.entries.length; at++) {
      const given = append.entries[at] as NewEntry;
      sequence++;
      if (isMessage(given.change)) ordinal++;
      if (changesMembers(given.change)) membersSequence = sequence;
      const { senderId, deviceId, clientMessageId } = given;
      const change = asAppended(given.change);
      const entry: Entry = {
        sequence: BigInt(sequence),
        ordinal: BigInt(ordinal),
        senderId,
        deviceId,
        clientMessageId,
        createTimeMs,
        change,
      };
      entries.push(entry);
      const value = encodeEntry(this.#words, entry);
      bytes += value.length - overheadBytes;
      commit.puts.push({ key: keys.entry(log, sequence), value });
      const idKey = idKeys[at];
      if (idKey !== undefined && idKey !== '') {
        const id = encodeDuplicate(this.#words, sequence, ordinal, createTimeMs, given.fingerprint);
        commit.puts.push({ key: idKey, value: id });
      }
      if (change.kind === 'message') continue;
      if (change.kind === 'message-edited' || change.kind === 'message-deleted') {
        this.#change(commit.puts, log, changed, entry, change, entries);
        continue;
      }
      for (const row of rowsOf(entry, (key) => rows.get(keys.row(log, key)) ?? this.#currentRow(log, key))) {
        const key = keys.row(log, row.key);
        rows.set(key, row);
        commit.puts.push({ key, value: encodeRow(this.#words, row) });
      }
    }
    if (bytes > maxBytes) throw new RangeError(`an append has at most ${maxBytes} bytes`);
    const head: Head = {
      epoch: this.#epoch,
      sequence: BigInt(sequence),
      ordinal: BigInt(ordinal),
      membersSequence: BigInt(membersSequence),
      activityMs: createTimeMs,
    };
    const thread = threadOfLog(log);
    const inbox = new Map<string, InboxRecord>();
    if (thread !== undefined && append.inbox.length > 0)
      this.#putInbox(commit.puts, inbox, state, thread, append, head);

    for (const key of idKeys) if (key !== '') commit.ids.add(key);
    for (const [key, row] of rows) commit.rows.set(key, row);
    for (const [key, entry] of changed) commit.changed.set(key, entry);
    for (const [key, record] of inbox) commit.inbox.set(key, record);
    commit.appended.push({ state, entries });
    commit.heads.set(state, head);
    state.head = head;
    return { outcome: 'appended', entries, head };
  }

  #currentRow(log: LogId, key: string): Row | undefined {
    const full = keys.row(log, key);
    const pending = this.#writer.find((one) => one.rows.get(full));
    if (pending !== undefined) return pending;
    const bytes = this.#database.getNow(full);
    return bytes === undefined ? undefined : decodeRow(bytes, key);
  }

  /** Puts the target of an edit or a delete as it is from now on. What was deleted stays so. */
  #change(
    puts: Put[],
    log: LogId,
    changed: Map<string, Entry>,
    by: Entry,
    change: Extract<Change, { readonly kind: 'message-edited' | 'message-deleted' }>,
    entries: readonly Entry[],
  ): void {
    const key = keys.entry(log, Number(change.target));
    const target = changed.get(key) ?? this.#currentEntry(log, key, change.target, entries);
    if (target?.change.kind !== 'message') throw new RangeError('an edit or a delete needs a message as its target');
    if (target.change.deleteSequence !== 0n) return;
    const now: Entry = {
      ...target,
      change:
        change.kind === 'message-edited'
          ? { ...target.change, body: change.body, editSequence: by.sequence }
          : { ...target.change, body: emptyBody, deleteSequence: by.sequence },
    };
    changed.set(key, now);
    puts.push({ key, value: encodeEntry(this.#words, now) });
  }

  #currentEntry(log: LogId, key: string, sequence: bigint, own: readonly Entry[]): Entry | undefined {
    const pending =
      own.find((entry) => entry.sequence === sequence) ??
      this.#writer.find((one) => one.changed.get(key)) ??
      this.#writer.find((one) =>
        one.appended
          .filter(({ state }) => state.log === log)
          .flatMap(({ entries }) => entries)
          .find((entry) => entry.sequence === sequence),
      );
    if (pending !== undefined) return pending;
    const bytes = this.#database.getNow(key);
    return bytes === undefined ? undefined : decodeEntry(bytes, Number(sequence));
  }

  #putInbox(
    puts: Put[],
    records: Map<string, InboxRecord>,
    state: LogState,
    thread: ThreadId,
    append: Append,
    head: Head,
  ): void {
    const day = Math.floor(head.activityMs / dayMs);
    const before = state.head === undefined ? day : Math.floor(state.head.activityMs / dayMs);
    if (state.indexedDay !== day) {
      state.indexed = new Set();
      state.indexedDay = day;
    }
    for (const update of append.inbox) {
      const { userId } = update;
      if (state.indexed.has(userId) && isPlain(update)) continue;
      const key = keys.inbox(userId, thread);
      const bytes = this.#database.getNow(key);
      const record =
        records.get(key) ??
        this.#writer.find((one) => one.inbox.get(key)) ??
        (bytes === undefined ? undefined : decodeInbox(bytes));
      const next = updatedRecord(record, update, head);
      if (next !== record) {
        records.set(key, next);
        puts.push({ key, value: encodeInbox(this.#words, next) });
      }
      const large = next.large && next.member;
      if (large !== (record !== undefined && record.large && record.member)) {
        puts.push({ key: keys.large(userId, thread), value: large ? Buffer.alloc(0) : undefined });
      }
      // A thread stands under its last day only, so the index needs no expiry.
      if (before !== day) puts.push({ key: keys.day(userId, before, thread), value: undefined });
      puts.push({ key: keys.day(userId, day, thread), value: Buffer.alloc(0) });
      if (next.member) {
        state.indexed.add(userId);
        this.#states.grew(1);
      } else state.indexed.delete(userId);
    }
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

/** A message begins unedited. */
function asAppended(change: Change): Change {
  if (change.kind !== 'message' || (change.editSequence === 0n && change.deleteSequence === 0n)) return change;
  return { ...change, editSequence: 0n, deleteSequence: 0n };
}
