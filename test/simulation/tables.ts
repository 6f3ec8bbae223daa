// What the simulated database holds, shared by all nodes. Each method is one write or read of it: atomic by itself, nothing
// ties it to the next. Registers keep the highest stamp, so that late and repeated writes change nothing.
import { type Entry, type Head, emptyBody } from '../../server/core/entry.ts';
import type { DeviceId, LogId, ThreadId, UserId } from '../../server/core/ids.ts';
import type { Row } from '../../server/core/rows.ts';
import type { Duplicate, InboxRow, InboxUpdate, Position, PositionUpdate } from '../../server/store/store.ts';
import { DeviceTable } from './device-table.ts';

export const epoch = 1n;

/** A head, and the last append that has to write something beside the log; 0 = there was none. */
export interface LogHead extends Head {
  readonly effectsFrom: bigint;
  readonly effectsTo: bigint;
  /** Inbox changes of that append, beside being raised. */
  readonly effectsInbox: readonly InboxUpdate[];
}

export interface Commit {
  readonly expected: bigint;
  readonly entries: readonly Entry[];
  readonly fingerprints: readonly string[];
  readonly head: LogHead;
  /** Tells whose entries stand in the log. */
  readonly attempt: string;
}

interface Log {
  head: LogHead | undefined;
  readonly entries: Entry[];
  readonly attempts: string[];
  readonly ids: Map<string, Duplicate>;
  readonly rows: Map<string, Row>;
  effectsDone: bigint;
}

interface Cell {
  readonly stamp: bigint;
  readonly value: unknown;
}

export interface Standing {
  readonly sequence: bigint;
  readonly ordinal: bigint;
  readonly activityMs: number;
}

interface Positions {
  delivered: bigint;
  read: bigint;
  readOrdinal: bigint;
  readMs: number;
  updateMs: number;
}

function idKey(senderId: UserId, clientMessageId: string): string {
  return `${clientMessageId} ${senderId}`;
}

export class Tables {
  readonly devices = new DeviceTable();
  readonly #logs = new Map<LogId, Log>();
  readonly #inboxes = new Map<UserId, Map<ThreadId, Map<string, Cell>>>();
  readonly #positions = new Map<ThreadId, Map<UserId, Positions>>();
  readonly #devices = new Map<string, bigint>();

  log(log: LogId): Log {
    let found = this.#logs.get(log);
    if (found === undefined) {
      found = { head: undefined, entries: [], attempts: [], ids: new Map(), rows: new Map(), effectsDone: 0n };
      this.#logs.set(log, found);
    }
    return found;
  }

  /** Conditional: on the head, and on none of the ids being taken. */
  commit(log: LogId, { expected, entries, fingerprints, head, attempt }: Commit): boolean {
    const kept = this.log(log);
    if ((kept.head?.sequence ?? 0n) !== expected) return false;
    const isTaken = (entry: Entry): boolean => this.duplicate(log, entry.senderId, entry.clientMessageId) !== undefined;
    if (entries.some(isTaken)) return false;
    entries.forEach((entry, at) => {
      kept.entries.push(entry);
      kept.attempts.push(attempt);
      this.#change(kept, entry);
      if (entry.clientMessageId === '') return;
      const { sequence, ordinal, createTimeMs } = entry;
      kept.ids.set(idOf(entry), { sequence, ordinal, createTimeMs, epoch, fingerprint: fingerprints[at] ?? '' });
    });
    kept.head = head;
    return true;
  }

  /** What an id was appended as. */
  duplicate(log: LogId, senderId: UserId, clientMessageId: string): Duplicate | undefined {
    return clientMessageId === '' ? undefined : this.log(log).ids.get(idKey(senderId, clientMessageId));
  }

  /** Up to where the effects of appends are written. */
  effectsDone(log: LogId): bigint {
    return this.log(log).effectsDone;
  }

  /** Whether a position takes the place of another: they only grow. */
  holdsOver(position: bigint, before: bigint): boolean {
    return position > before;
  }

  /** What an edit or a delete does to the message it is of. */
  #change({ entries }: Log, { change, sequence }: Entry): void {
    if (change.kind !== 'message-edited' && change.kind !== 'message-deleted') return;
    const at = Number(change.target) - 1;
    const target = entries[at];
    if (target?.change.kind !== 'message') throw new Error('a change of what is no message was committed');
    const put = (place: number, entry: Entry, body: object): void => {
      entries[place] = { ...entry, change: { ...entry.change, ...body } as Entry['change'] };
    };
    const own = entries[Number(sequence) - 1] as Entry;
    if (target.change.deleteSequence !== 0n) {
      if (change.kind === 'message-edited') put(Number(sequence) - 1, own, { body: emptyBody });
      return;
    }
    const formerAt = Number(target.change.editSequence) - 1;
    const former = entries[formerAt];
    if (former?.change.kind === 'message-edited') put(formerAt, former, { body: emptyBody });
    if (change.kind === 'message-edited') put(at, target, { body: change.body, editSequence: sequence });
    else put(at, target, { body: emptyBody, deleteSequence: sequence });
  }

  putRow(log: LogId, row: Row): void {
    const { rows } = this.log(log);
    if ((rows.get(row.key)?.sequence ?? 0n) < row.sequence) rows.set(row.key, row);
  }

  putEffectsDone(log: LogId, done: bigint): void {
    const kept = this.log(log);
    if (done > kept.effectsDone) kept.effectsDone = done;
  }

  raiseInbox(thread: ThreadId, { userId, visibleFrom, member, large }: InboxUpdate, standing: Standing): void {
    let inbox = this.#inboxes.get(userId);
    if (inbox === undefined) this.#inboxes.set(userId, (inbox = new Map()));
    let cells = inbox.get(thread);
    if (cells === undefined) inbox.set(thread, (cells = new Map()));
    for (const [name, value] of Object.entries({ standing, visibleFrom, member, large })) {
      if (value === undefined || (cells.get(name)?.stamp ?? 0n) >= standing.sequence) continue;
      cells.set(name, { stamp: standing.sequence, value });
    }
  }

  inbox(user: UserId): InboxRow[] {
    return [...(this.#inboxes.get(user)?.keys() ?? [])].flatMap((thread) => this.inboxRow(user, thread) ?? []);
  }

  inboxRow(user: UserId, threadId: ThreadId): InboxRow | undefined {
    const cells = this.#inboxes.get(user)?.get(threadId);
    const standing = cells?.get('standing')?.value as Standing | undefined;
    if (cells === undefined || standing === undefined) return undefined;
    return {
      threadId,
      epoch,
      ...standing,
      visibleFrom: (cells.get('visibleFrom')?.value as bigint | undefined) ?? 1n,
      member: (cells.get('member')?.value as boolean | undefined) ?? true,
      large: (cells.get('large')?.value as boolean | undefined) ?? false,
    };
  }

  raiseRead({ threadId, userId, sequence, ordinal, atMs }: PositionUpdate): void {
    const kept = this.#position(threadId, userId);
    if (!this.holdsOver(sequence, kept.read)) return;
    kept.read = sequence;
    kept.readOrdinal = ordinal;
    kept.readMs = Math.max(kept.readMs, atMs);
    kept.updateMs = Math.max(kept.updateMs, atMs);
  }

  raiseDelivered({ threadId, userId, sequence, atMs }: PositionUpdate): void {
    const kept = this.#position(threadId, userId);
    if (!this.holdsOver(sequence, kept.delivered)) return;
    kept.delivered = sequence;
    kept.updateMs = Math.max(kept.updateMs, atMs);
  }

  raiseDevice({ threadId, userId, deviceId, sequence }: PositionUpdate): void {
    const key = deviceKey(userId, deviceId ?? '', threadId);
    if (sequence > (this.#devices.get(key) ?? 0n)) this.#devices.set(key, sequence);
  }

  positionOf(threadId: ThreadId, userId: UserId): Position | undefined {
    const kept = this.#positions.get(threadId)?.get(userId);
    return kept && { threadId, userId, ...kept };
  }

  positions(threadId: ThreadId): Position[] {
    const users = [...(this.#positions.get(threadId)?.keys() ?? [])].toSorted();
    return users.flatMap((userId) => this.positionOf(threadId, userId) ?? []);
  }

  devicePosition(user: UserId, device: DeviceId, thread: ThreadId): bigint {
    return this.#devices.get(deviceKey(user, device, thread)) ?? 0n;
  }

  #position(threadId: ThreadId, userId: UserId): Positions {
    let users = this.#positions.get(threadId);
    if (users === undefined) this.#positions.set(threadId, (users = new Map()));
    let kept = users.get(userId);
    if (kept === undefined)
      users.set(userId, (kept = { delivered: 0n, read: 0n, readOrdinal: 0n, readMs: 0, updateMs: 0 }));
    return kept;
  }
}

function idOf(entry: Entry): string {
  return idKey(entry.senderId, entry.clientMessageId);
}

function deviceKey(user: string, device: string, thread: string): string {
  return `${user} ${device} ${thread}`;
}
