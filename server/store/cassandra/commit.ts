import { type Clock, pause } from '../../core/clock.ts';
import { Refusal } from '../../core/errors.ts';
import { isFull } from './buckets.ts';
import { type Cluster, type Statement, UnknownOutcome } from './cluster.ts';
import { erased, packEntry, packId, packInbox } from './codec.ts';
import { unavailable } from './failures.ts';
import type { Heads } from './heads.ts';
import { idKey, type Ids } from './ids.ts';
import type { Plan } from './plan.ts';
import type { Rows } from './rows.ts';

const setHead =
  'UPDATE logs SET head_sequence = ?, head_ordinal = ?, members_sequence = ?, activity_ms = ?, effects_from = ?, effects_to = ? WHERE log = ? AND bucket = ?';
const beginBucket = `${setHead} IF head_sequence = null`;
const moveHead = `${setHead} IF head_sequence = ?`;
const putEntry =
  "INSERT INTO logs (log, bucket, kind, sequence, id, entry, body, edit_sequence, delete_sequence, attempt, inbox) VALUES (?, ?, 0, ?, '', ?, ?, ?, ?, ?, ?)";
const putId = 'INSERT INTO logs (log, bucket, kind, sequence, id, entry) VALUES (?, ?, 1, 0, ?, ?) IF NOT EXISTS';
const changeOld =
  "UPDATE logs SET body = ?, edit_sequence = ?, delete_sequence = ? WHERE log = ? AND bucket = ? AND kind = 0 AND sequence = ? AND id = ''";
const readAttempt = "SELECT attempt FROM logs WHERE log = ? AND bucket = ? AND kind = 0 AND sequence = ? AND id = ''";

/** How long it is tried to find out what became of a commit without an answer. */
const decideWithinMs = 15_000;
const firstPauseMs = 50;
const longestPauseMs = 2_000;

/**
 * Commits: one conditional batch in one partition, which moves the head, puts the entries, and takes their ids unless one of
 * them was taken before.
 *
 * When there is no answer, the batch may have been applied, may never be, or may be later, by a coordinator that is still at
 * it. So nothing is concluded from not seeing it: the first entry is read SERIAL, and unless somebody's stands there, the
 * same batch is sent again. All of them have the same condition, the head that they follow, so one is applied at most;
 * and each names its attempt in the entry, so that whose it is can be read.
 */
export class Commits {
  readonly #cluster: Cluster;
  readonly #heads: Heads;
  readonly #ids: Ids;
  readonly #rows: Rows;
  readonly #clock: Clock;
  /** Unlike that of any other store that was ever opened. */
  readonly #opening: Buffer;
  #attempts = 0;

  constructor(cluster: Cluster, heads: Heads, ids: Ids, rows: Rows, clock: Clock, opening: Buffer) {
    this.#cluster = cluster;
    this.#heads = heads;
    this.#ids = ids;
    this.#rows = rows;
    this.#clock = clock;
    this.#opening = opening;
  }

  /**
   * Ends the head's bucket if it is full: what must be found later without it is kept elsewhere, and readers are told where
   * to go on. False = the log does not stand there.
   */
  async endFullBucket({ log, before }: Pick<Plan, 'log' | 'before'>): Promise<boolean> {
    if (before === undefined || !isFull(before.bucket, before.sequence)) return true;
    const decided = await this.#heads.readDecided(log, before.bucket);
    if (decided?.sequence !== before.sequence) return false;
    await this.#ids.copyEnded(log, before.bucket);
    await this.#rows.putLastBucket(log, before.bucket + 1n);
    return true;
  }

  /** Whether it was applied; if not, the log is elsewhere, or an id was taken. @throws Refusal STORE_UNAVAILABLE = unknown */
  async commit(plan: Plan): Promise<boolean> {
    const attempt = this.#nextAttempt();
    const statements = statementsOf(plan, attempt);
    const endMs = this.#clock.monotonicMs() + decideWithinMs;
    let unknown: UnknownOutcome | undefined;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      let refused = false;
      try {
        const { applied } = await this.#cluster.conditional(statements);
        // Sent once only, a refusal is about others; after that it may be about ourselves.
        if (applied || unknown === undefined) return applied;
        refused = true;
      } catch (error) {
        if (!(error instanceof UnknownOutcome)) throw error;
        unknown = error;
      }
      const whose = await this.#whose(plan, attempt);
      if (whose === 'ours' || whose === 'another') return whose === 'ours';
      // The head is where it was, so an id was taken, which none of the batches sent can undo.
      if (refused && whose === 'nobody') return false;
      if (this.#clock.monotonicMs() > endMs) throw unavailable(unknown);
      await pause(this.#clock, pauseMs * (0.5 + this.#clock.random() / 2));
    }
  }

  /** Whose entry stands where ours would. */
  async #whose({ log, head, drafts }: Plan, attempt: Buffer): Promise<'ours' | 'another' | 'nobody' | 'unknown'> {
    try {
      const [row] = await this.#cluster.readSerial(readAttempt, [log, head.bucket, drafts[0]?.entry.sequence]);
      if (row === undefined) return 'nobody';
      return (row['attempt'] as Buffer | null)?.equals(attempt) === true ? 'ours' : 'another';
    } catch (error) {
      if (error instanceof Refusal) return 'unknown';
      throw error;
    }
  }

  #nextAttempt(): Buffer {
    const attempt = Buffer.alloc(this.#opening.length + 6);
    this.#opening.copy(attempt);
    attempt.writeUIntBE(++this.#attempts, this.#opening.length, 6);
    return attempt;
  }
}

function statementsOf(plan: Plan, attempt: Buffer): Statement[] {
  const { log, before, head, drafts, changes, inbox } = plan;
  const { bucket } = head;
  const values = [
    head.sequence,
    head.ordinal,
    head.membersSequence,
    BigInt(head.activityMs),
    head.effectsFrom,
    head.effectsTo,
    log,
    bucket,
  ];
  const statements: Statement[] = [
    before?.bucket === bucket
      ? { query: moveHead, params: [...values, before.sequence] }
      : { query: beginBucket, params: values },
  ];
  drafts.forEach(({ entry, body, editSequence, deleteSequence, formerEdit }, at) => {
    statements.push({
      query: putEntry,
      params: [
        log,
        bucket,
        entry.sequence,
        packEntry(entry, formerEdit),
        body,
        editSequence || undefined,
        deleteSequence || undefined,
        at === 0 ? attempt : undefined,
        at === 0 && inbox.length > 0 ? packInbox(inbox) : undefined,
      ],
    });
    if (entry.clientMessageId === '') return;
    const id = packId(entry, plan.fingerprints[at] ?? '', plan.isHinted[at] ?? false);
    statements.push({ query: putId, params: [log, bucket, idKey(entry), id] });
  });
  for (const { sequence, editSequence, deleteSequence } of changes) {
    statements.push({ query: changeOld, params: [erased, editSequence, deleteSequence, log, bucket, sequence] });
  }
  return statements;
}
