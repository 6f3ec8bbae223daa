import { changesMembers, isMessage } from '../../core/entry.ts';
import { type LogId, threadOfLog, type UserId } from '../../core/ids.ts';
import { type MemberRow, type Row, rowKey, rowsOf } from '../../core/rows.ts';
import { type BackupEntry, BackupError, type FoldedInbox, type FoldedLog, type PlacedEntry } from '../backup.ts';

/** Threads that have ever had more members: their heads are read from themselves, and nobody's inbox is raised. */
const largeThread = 100;

/** Folds a log into what stores keep beside it. Refuses what can be no log. */
export class LogFold {
  readonly #log: LogId;
  readonly #rows = new Map<string, Row>();
  readonly #inbox = new Map<UserId, Omit<FoldedInbox, 'large'>>();
  #last: PlacedEntry | undefined;
  #history = false;
  #members = 0;
  #large = false;

  constructor(log: LogId) {
    this.#log = log;
  }

  get sequence(): bigint {
    return this.#last?.sequence ?? 0n;
  }

  /** @throws BackupError when it does not follow the entry before */
  take(entry: BackupEntry): PlacedEntry {
    const sequence = this.sequence + 1n;
    const ordinal = (this.#last?.ordinal ?? 0n) + (isMessage(entry.change) ? 1n : 0n);
    if (entry.sequence !== sequence || entry.ordinal !== ordinal) {
      throw new BackupError(
        `log ${this.#log} has entry ${entry.sequence} (message ${entry.ordinal}) in the place of ${sequence} (${ordinal})`,
      );
    }
    const membersSequence = changesMembers(entry.change) ? sequence : (this.#last?.membersSequence ?? 0n);
    this.#last = { ...entry, membersSequence };
    for (const row of rowsOf(entry, (key) => this.#rows.get(key))) this.#rows.set(row.key, row);
    if (threadOfLog(this.#log) !== undefined) this.#judge(entry);
    return this.#last;
  }

  /** Judges a message that came already and was changed since. @throws BackupError */
  judgeChanged({ sequence, change }: BackupEntry): void {
    const isMessage = change.kind === 'message';
    const by = isMessage && change.editSequence > change.deleteSequence ? change.editSequence : 0n;
    if (!isMessage || sequence > this.sequence || by > this.sequence || change.deleteSequence > this.sequence) {
      throw new BackupError(`log ${this.#log} has a change of ${sequence} that no entry up to ${this.sequence} made`);
    }
  }

  /** What it amounts to so far; undefined without entries. */
  folded(): FoldedLog | undefined {
    if (this.#last === undefined) return undefined;
    const { sequence, ordinal, membersSequence, createTimeMs } = this.#last;
    const head = { sequence, ordinal, membersSequence, activityMs: createTimeMs };
    const standing = { sequence, ordinal, activityMs: createTimeMs };
    const inbox = [...this.#inbox.values()].map((row) => ({
      ...row,
      ...(row.member ? standing : {}),
      large: this.#large,
    }));
    return { head, rows: [...this.#rows.values()], inbox };
  }

  /** Who is in from where on: as appends say it in their inbox changes. */
  #judge(entry: BackupEntry): void {
    const { change, sequence } = entry;
    if (change.kind === 'thread-created') {
      this.#history = change.historyForNewMembers;
      for (const { userId } of change.members) this.#comes(entry, userId, 1n);
    } else if (change.kind === 'group-changed') {
      this.#history = change.historyForNewMembers;
    } else if (change.kind === 'member-added') {
      this.#comes(entry, change.userId, this.#history ? 1n : sequence);
    } else if (change.kind === 'member-removed') {
      const before = this.#inbox.get(change.userId);
      if (before?.member === true) this.#members--;
      this.#put(entry, change.userId, before?.visibleFrom ?? 1n, false);
    }
  }

  #comes(entry: BackupEntry, userId: UserId, visibleFrom: bigint): void {
    if (this.#inbox.get(userId)?.member !== true) this.#members++;
    if (this.#members > largeThread) this.#large = true;
    this.#put(entry, userId, visibleFrom, true);
  }

  #put({ sequence, ordinal, createTimeMs }: BackupEntry, userId: UserId, visibleFrom: bigint, member: boolean): void {
    const row = this.#rows.get(rowKey.member(userId))?.value as MemberRow | undefined;
    // The row and the inbox are made from the same entry, so they can only agree.
    if (row === undefined || (row.leftSequence === 0n) !== member) {
      throw new BackupError(`log ${this.#log} has entry ${sequence}, which says two things of ${userId}`);
    }
    this.#inbox.set(userId, { userId, sequence, ordinal, activityMs: createTimeMs, visibleFrom, member });
  }
}
