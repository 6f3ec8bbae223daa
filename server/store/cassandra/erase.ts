import type { LogId } from '../../core/ids.ts';
import { type Cluster, UnknownOutcome } from './cluster.ts';
import { erased } from './codec.ts';
import type { Appended } from './effects.ts';
import type { EntryRow, EntryRows } from './entry-rows.ts';
import { unavailable } from './failures.ts';

const at = "WHERE log = ? AND bucket = ? AND kind = 0 AND sequence = ? AND id = ''";
const changeMessage = `UPDATE logs SET body = ?, edit_sequence = ?, delete_sequence = ? ${at} IF edit_sequence = ? AND delete_sequence = ?`;
const eraseBody = `UPDATE logs SET body = ? ${at} IF EXISTS`;
const eraseForGood = `UPDATE logs SET body = ?, erased = true ${at}`;
const maxTries = 8;
const maxMessages = 256;

/**
 * Erases bodies where they stand: in the message's entry, or in the edit that holds. One conditional batch for each bucket
 * that has some, which is enough for all of them to get a ballot's timestamp; and Paxos then keeps that batch as its last
 * commit of the partition, not the one that had the bodies.
 */
export async function eraseMessages(
  cluster: Cluster,
  rows: EntryRows,
  log: LogId,
  messages: readonly bigint[],
  upTo: bigint,
): Promise<void> {
  if (messages.length > maxMessages) throw new RangeError(`at most ${maxMessages} messages are erased at once`);
  await untilDecided(async () => {
    const targets = (await rows.places(log, messages)).filter(
      ({ change, editSequence, deleteSequence }) =>
        change.kind === 'message' && deleteSequence === 0n && editSequence <= upTo,
    );
    const edits = targets.flatMap(({ editSequence }) => (editSequence === 0n ? [] : [editSequence]));
    const holding = [
      ...targets.filter(({ editSequence }) => editSequence === 0n),
      ...(edits.length === 0 ? [] : await rows.places(log, edits)),
    ];
    for (const [bucket, some] of Map.groupBy(holding, ({ bucket: one }) => one)) {
      const sequences = some.flatMap((row) => (row.erased ? [] : [row.sequence]));
      const statements = sequences.map((sequence, index) => ({
        query: index === 0 ? `${eraseForGood} IF EXISTS` : eraseForGood,
        params: [erased, log, bucket, sequence],
      }));
      if (statements.length > 0 && !(await cluster.conditional(statements)).applied) return false;
    }
    return true;
  });
}

/**
 * Carries the edits and deletes of an append over to the messages and the former edits that stand in other buckets.
 * Conditional, as every write to a log is: so what a paused node writes late cannot bring anything back.
 */
export async function eraseOld(cluster: Cluster, rows: EntryRows, appended: Appended): Promise<void> {
  const { log, bucket } = appended;
  for (const [target, change] of lastChanges(appended)) {
    await untilDecided(async () => {
      const message = await rows.one(log, target);
      if (message === undefined || message.bucket === bucket || isDone(message, change)) return true;
      return (await cluster.conditional([changeOf(log, message, change)])).applied;
    });
  }
  for (const { formerEdit } of appended.entries) {
    if (formerEdit === 0n) continue;
    await untilDecided(async () => {
      const edit = await rows.one(log, formerEdit);
      if (edit === undefined || edit.bucket === bucket || edit.body.length === 0) return true;
      const params = [erased, log, edit.bucket, formerEdit];
      return (await cluster.conditional([{ query: eraseBody, params }])).applied;
    });
  }
}

interface LastChange {
  edit: bigint;
  delete: bigint;
}

/** What the append's edits and deletes come to, by message. */
function lastChanges({ entries }: Appended): Map<bigint, LastChange> {
  const changes = new Map<bigint, LastChange>();
  for (const { sequence, change, formerEdit } of entries) {
    if (change.kind !== 'message-edited' && change.kind !== 'message-deleted') continue;
    if (formerEdit === sequence) continue;
    const last = changes.get(change.target) ?? { edit: 0n, delete: 0n };
    changes.set(change.target, last);
    if (last.delete !== 0n) continue;
    if (change.kind === 'message-edited') last.edit = sequence;
    else last.delete = sequence;
  }
  return changes;
}

/** Carried over already, or without effect: the message had been deleted before, or a later edit holds. */
function isDone(message: EntryRow, change: LastChange): boolean {
  if (message.deleteSequence !== 0n) return true;
  return change.delete === 0n && message.editSequence >= change.edit;
}

function changeOf(log: LogId, message: EntryRow, change: LastChange): { query: string; params: unknown[] } {
  const edit = change.edit > message.editSequence ? change.edit : undefined;
  const params = [
    erased,
    edit,
    change.delete || undefined,
    log,
    message.bucket,
    message.sequence,
    message.editSequence || null,
    message.deleteSequence || null,
  ];
  return { query: changeMessage, params };
}

async function untilDecided(attempt: () => Promise<boolean>): Promise<void> {
  let cause: unknown;
  for (let tries = 0; tries < maxTries; tries++) {
    try {
      if (await attempt()) return;
    } catch (error) {
      if (!(error instanceof UnknownOutcome)) throw error;
      cause = error;
    }
  }
  throw unavailable(cause);
}
