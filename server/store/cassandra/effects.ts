import type { Entry } from '../../core/entry.ts';
import { type LogId, threadOfLog, type UserId } from '../../core/ids.ts';
import type { MemberRow } from '../../core/rows.ts';
import type { InboxUpdate } from '../store.ts';
import { unpackInbox } from './codec.ts';
import type { EntryRows } from './entry-rows.ts';
import { eraseOld } from './erase.ts';
import { Hole } from './failures.ts';
import type { Cluster } from './cluster.ts';
import type { Heads } from './heads.ts';
import { closingHoles } from './holes.ts';
import type { InboxWriter, Standing } from './inbox.ts';
import type { LogHead, LogState } from './log-state.ts';
import type { Rows } from './rows.ts';

/** Threads of more members have no inbox rows to raise. */
const mostRaised = 100;

/** An append that is in the log. */
export interface Appended {
  readonly log: LogId;
  readonly bucket: bigint;
  readonly entries: readonly (Entry & { readonly formerEdit: bigint })[];
  /** Beside being raised. */
  readonly inbox: readonly InboxUpdate[];
  readonly standing: Standing;
}

/**
 * What appends write outside their partition: rows, bodies erased in other buckets, inbox changes. The log is the truth, and
 * the head says which append was the last that had effects; a mark beside the rows says up to where they are written. An
 * append with effects is not made before those of the one before are written, so only one can ever be unfinished;
 * whoever sees a head above the mark finishes it, from the log. Every effect may be written twice, and late.
 */
export class Effects {
  readonly #cluster: Cluster;
  readonly #heads: Heads;
  readonly #entryRows: EntryRows;
  readonly #rows: Rows;
  readonly #inbox: InboxWriter;
  readonly #running = new Map<LogId, Promise<void>>();

  constructor(cluster: Cluster, heads: Heads, entryRows: EntryRows, rows: Rows, inbox: InboxWriter) {
    this.#cluster = cluster;
    this.#heads = heads;
    this.#entryRows = entryRows;
    this.#rows = rows;
    this.#inbox = inbox;
  }

  /** Resolves when the effects of everything up to the head are written. */
  async settle(state: LogState, head: LogHead): Promise<void> {
    while (state.effectsDone < head.effectsTo) {
      const running = this.#running.get(state.log);
      // Who is at it may fail; then it is done here.
      if (running === undefined) await this.#run(state, () => this.#finish(state, head));
      else await running.catch(() => {});
    }
  }

  /** Writes the effects of an append that has just been made. */
  write(state: LogState, appended: Appended): Promise<void> {
    return this.#run(state, () => this.#write(state, appended));
  }

  /** Raises the inbox rows of those who are members now: an append may be in the log without having come that far. */
  async raiseMembers(state: LogState, head: LogHead): Promise<void> {
    const thread = threadOfLog(state.log);
    if (thread === undefined || state.raised >= head.sequence) return;
    const users: UserId[] = [];
    for (let after = ''; ;) {
      const rows = await this.#rows.list(state.log, { prefix: 'member/', after, limit: mostRaised });
      for (const row of rows) {
        if ((row.value as MemberRow).leftSequence === 0n) users.push(row.key.slice('member/'.length) as UserId);
      }
      const last = rows.at(-1);
      if (users.length > mostRaised) return;
      if (last === undefined || rows.length < mostRaised) break;
      after = last.key;
    }
    await this.#inbox.raiseAll(state, thread, users, head);
    state.raised = head.sequence;
  }

  #run(state: LogState, work: () => Promise<void>): Promise<void> {
    const running = work().finally(() => {
      if (this.#running.get(state.log) === running) this.#running.delete(state.log);
    });
    this.#running.set(state.log, running);
    return running;
  }

  async #finish(state: LogState, head: LogHead): Promise<void> {
    const done = await this.#heads.effectsDone(state.log);
    if (done > state.effectsDone) state.effectsDone = done;
    if (done >= head.effectsTo) return;
    const { rows, last } = await closingHoles(this.#entryRows, async () => {
      const found = await this.#entryRows.appended(state.log, head.effectsFrom, head.effectsTo);
      const end = found.at(-1);
      if (end?.sequence !== head.effectsTo) throw new Hole(state.log, head.effectsTo);
      return { rows: found, last: end };
    });
    const inbox = rows[0]?.inbox;
    await this.#write(state, {
      log: state.log,
      bucket: last.bucket,
      entries: rows,
      inbox: inbox === undefined ? [] : unpackInbox(inbox),
      standing: { sequence: last.sequence, ordinal: last.ordinal, activityMs: last.createTimeMs },
    });
  }

  async #write(state: LogState, appended: Appended): Promise<void> {
    const { log, entries, inbox, standing } = appended;
    const thread = threadOfLog(log);
    await Promise.all([
      eraseOld(this.#cluster, this.#entryRows, appended),
      thread === undefined ? undefined : this.#inbox.raise(state, thread, inbox, standing),
    ]);
    await this.#rows.put(log, await this.#rows.of(log, entries), standing.sequence);
    if (standing.sequence > state.effectsDone) state.effectsDone = standing.sequence;
  }
}
