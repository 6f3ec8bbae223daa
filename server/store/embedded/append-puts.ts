import {
  changesMembers,
  type Change,
  type Entry,
  emptyBody,
  type Head,
  isMessage,
  type NewEntry,
} from '../../core/entry.ts';
import { type LogId, type ThreadId, threadOfLog } from '../../core/ids.ts';
import { type Row, rowsOf } from '../../core/rows.ts';
import type { Append, AppendResult } from '../store.ts';
import type { ByteWriter } from './bytes.ts';
import type { Commit } from './commit.ts';
import type { Database, Put } from './database.ts';
import { encodeDuplicate } from './dedup.ts';
import { decodeEntry, encodeEntry } from './entry-codec.ts';
import { dayOf, decodeInbox, encodeInbox, type InboxRecord, isPlain, updatedRecord } from './inbox.ts';
import { keys } from './keys.ts';
import type { LogState, LogStates } from './log-states.ts';
import { decodeRow, encodeRow } from './rows.ts';
import type { Writer } from './writer.ts';

const maxBytes = 1024 * 1024;
/** What an entry's fixed fields take in the files beside its content. */
const overheadBytes = 1024;

/**
 * Turns an append that was judged into puts of a commit: entries, ids, rows, the messages that edits and deletes change, and
 * inbox rows. It reads what it builds on, and looks first into the commits that are not durable yet.
 */
export class AppendPuts {
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

  /** When it throws, the caller takes back what it has put; nothing else has changed then. */
  put(commit: Commit, state: LogState, append: Append, idKeys: readonly string[]): AppendResult {
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

  /** Puts messages as they are without their bodies; false = all of them were so already. */
  erase(commit: Commit, log: LogId, messages: readonly bigint[], upTo: bigint): boolean {
    let some = false;
    for (const sequence of messages) {
      const key = keys.entry(log, Number(sequence));
      const target = this.#currentEntry(log, key, sequence, []);
      if (target?.change.kind !== 'message') continue;
      const { change } = target;
      if (change.erased === true || change.deleteSequence !== 0n || change.editSequence > upTo) continue;
      const now: Entry = { ...target, change: { ...change, body: emptyBody, erased: true } };
      commit.changed.set(key, now);
      commit.puts.push({ key, value: encodeEntry(this.#words, now) });
      some = true;
    }
    return some;
  }

  #currentRow(log: LogId, key: string): Row | undefined {
    const full = keys.row(log, key);
    const pending = this.#writer.find((one) => one.rows.get(full));
    if (pending !== undefined) return pending;
    const bytes = this.#database.getNow(full);
    return bytes === undefined ? undefined : decodeRow(bytes, key);
  }

  /** Puts the target of an edit or a delete as it is from now on. What was deleted stays so, and what retention erased. */
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
    const { erased, ...message } = target.change;
    if (message.deleteSequence !== 0n || (erased === true && change.kind === 'message-edited')) return;
    const now: Entry = {
      ...target,
      change:
        change.kind === 'message-edited'
          ? { ...message, body: change.body, editSequence: by.sequence }
          : { ...message, body: emptyBody, deleteSequence: by.sequence },
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
    const day = dayOf(head.activityMs);
    const before = state.head === undefined ? day : dayOf(state.head.activityMs);
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
      // A thread stands under its last day only (and under that of its last reading), so the index needs no expiry.
      if (before !== day) puts.push({ key: keys.day(userId, before, thread), value: undefined });
      puts.push({ key: keys.day(userId, day, thread), value: Buffer.alloc(0) });
      if (next.member) {
        state.indexed.add(userId);
        this.#states.grew(1);
      } else state.indexed.delete(userId);
    }
  }
}

/** A message begins unedited. */
function asAppended(change: Change): Change {
  if (change.kind !== 'message' || (change.editSequence === 0n && change.deleteSequence === 0n)) return change;
  return { ...change, editSequence: 0n, deleteSequence: 0n };
}
