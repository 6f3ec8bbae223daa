import type { Head } from '../../core/entry.ts';
import type { LogId } from '../../core/ids.ts';
import { isFull } from './buckets.ts';
import type { Cluster, Row } from './cluster.ts';
import type { LogHead, LogState } from './log-state.ts';
import type { StoreLog } from './options.ts';

const headColumns = 'log, bucket, head_sequence, head_ordinal, members_sequence, activity_ms, effects_from, effects_to';
const readHead = `SELECT DISTINCT ${headColumns} FROM logs WHERE log = ? AND bucket = ?`;
const readMarks = 'SELECT DISTINCT log, last_bucket, effects_done FROM rows WHERE log = ?';

/** Finds where a log stands: in the last bucket that was begun. */
export class Heads {
  readonly #cluster: Cluster;
  readonly #epoch: bigint;
  readonly #storeLog: StoreLog;

  constructor(cluster: Cluster, epoch: bigint, storeLog: StoreLog) {
    this.#cluster = cluster;
    this.#epoch = epoch;
    this.#storeLog = storeLog;
  }

  /** Looks from the bucket that is remembered on; of a log that is not, from the one that its marks name. */
  async read(state: LogState, signal?: AbortSignal): Promise<LogHead | undefined> {
    const known = state.head;
    const found =
      known === undefined
        ? await this.#cold(state, signal)
        : await this.#from(state.log, known.bucket, undefined, signal);
    if (known !== undefined && (found === undefined || found.sequence < known.sequence)) {
      this.#wentBack(state, known, found);
    } else if (found !== undefined && (state.head === undefined || found.sequence > state.head.sequence)) {
      // Another call may have seen a later one meanwhile.
      state.head = found;
    }
    return state.head;
  }

  /** A head that this node knew to be acknowledged is not there any more. Said, and then the log is as it is. */
  #wentBack(state: LogState, known: LogHead, found: LogHead | undefined): void {
    const sequence = found?.sequence ?? 0n;
    const fields = { log: state.log, knownSequence: Number(known.sequence), sequence: Number(sequence) };
    this.#storeLog.error(fields, 'Cassandra has lost entries that it had acknowledged: repair it, or restore a backup');
    state.head = found;
    state.effectsDone = 0n;
    state.raised = 0n;
    state.indexed = new Set();
  }

  /** What the bucket's conditional writes have come to. */
  async readDecided(log: LogId, bucket: bigint): Promise<LogHead | undefined> {
    return this.#headOf((await this.#cluster.readSerial(readHead, [log, bucket]))[0]);
  }

  /** Up to where the effects of appends are written. */
  async effectsDone(log: LogId): Promise<bigint> {
    const [marks] = await this.#cluster.read(readMarks, [log]);
    return (marks?.['effects_done'] as bigint | null | undefined) ?? 0n;
  }

  async #cold(state: LogState, signal: AbortSignal | undefined): Promise<LogHead | undefined> {
    const [[marks], first] = await Promise.all([
      this.#cluster.read(readMarks, [state.log], signal),
      this.#bucket(state.log, 0n, signal),
    ]);
    const done = (marks?.['effects_done'] as bigint | null | undefined) ?? 0n;
    if (done > state.effectsDone) state.effectsDone = done;
    const bucket = (marks?.['last_bucket'] as bigint | null | undefined) ?? 0n;
    if (bucket > 0n) return this.#from(state.log, bucket, undefined, signal);
    return first === undefined ? undefined : this.#from(state.log, 0n, first, signal);
  }

  /** `known`: the head of that bucket, if it was read already. */
  async #from(
    log: LogId,
    bucket: bigint,
    known: LogHead | undefined,
    signal: AbortSignal | undefined,
  ): Promise<LogHead | undefined> {
    let head = known ?? (await this.#bucket(log, bucket, signal));
    if (head === undefined) {
      // It was about to be begun: then the log ends where the one before does.
      return bucket === 0n ? undefined : this.#bucket(log, bucket - 1n, signal);
    }
    while (isFull(head.bucket, head.sequence)) {
      const next: LogHead | undefined = await this.#bucket(log, head.bucket + 1n, signal);
      if (next === undefined) return head;
      head = next;
    }
    return head;
  }

  async #bucket(log: LogId, bucket: bigint, signal: AbortSignal | undefined): Promise<LogHead | undefined> {
    return this.#headOf((await this.#cluster.read(readHead, [log, bucket], signal))[0]);
  }

  #headOf(row: Row | undefined): LogHead | undefined {
    const sequence = row?.['head_sequence'] as bigint | null | undefined;
    if (row === undefined || sequence === undefined || sequence === null) return undefined;
    return {
      epoch: this.#epoch,
      bucket: row['bucket'] as bigint,
      sequence,
      ordinal: row['head_ordinal'] as bigint,
      membersSequence: row['members_sequence'] as bigint,
      activityMs: Number(row['activity_ms'] as bigint),
      effectsFrom: row['effects_from'] as bigint,
      effectsTo: row['effects_to'] as bigint,
    };
  }
}

/** Without what only this store knows of it. */
export function doorHead(head: LogHead): Head {
  const { epoch, sequence, ordinal, membersSequence, activityMs } = head;
  return { epoch, sequence, ordinal, membersSequence, activityMs };
}
