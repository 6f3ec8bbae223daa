import type { Change, Entry } from '../../core/entry.ts';
import type { LogId } from '../../core/ids.ts';
import { erased, packBody } from './codec.ts';
import type { EntryRow, EntryRows } from './entry-rows.ts';

/** An entry on its way into the store. */
export interface EntryDraft {
  readonly entry: Entry;
  /** Packed; undefined where the kind has none. */
  body: Buffer | undefined;
  editSequence: bigint;
  deleteSequence: bigint;
  /** Of an edit or a delete: the edit whose body it erases; 0 = none. Of an edit that changes nothing: itself. */
  formerEdit: bigint;
}

/** What becomes of an entry that was there before: its body is erased, and a message says by which edit and delete. */
export interface OldChange {
  readonly sequence: bigint;
  /** Undefined: stays as it is. */
  readonly editSequence: bigint | undefined;
  readonly deleteSequence: bigint | undefined;
}

export interface ChangePlan {
  readonly drafts: readonly EntryDraft[];
  /** In the bucket of the append: written with it. */
  readonly changes: readonly OldChange[];
  /** Some are in other buckets: written after it. */
  readonly reachesOut: boolean;
}

type Target = Pick<EntryDraft, 'editSequence' | 'deleteSequence'> & {
  readonly row: EntryRow | undefined;
  /** By retention, where it stands. */
  readonly erased: boolean;
};

/**
 * Where bodies will stand: a message's in its entry until it is edited, from then on in the edit that holds. So each
 * edit erases the body that held before it, and a delete erases the last.
 * @throws RangeError when the target of an edit or a delete is no message
 */
export async function planChanges(
  rows: EntryRows,
  log: LogId,
  bucket: bigint,
  entries: readonly Entry[],
): Promise<ChangePlan> {
  const drafts = entries.map(draftOf);
  const own = new Map(drafts.map((draft) => [draft.entry.sequence, draft]));
  const targets = new Map<bigint, Target>();
  const formerEdits = new Set<bigint>();
  const target = async (sequence: bigint): Promise<Target> => {
    const known = targets.get(sequence);
    if (known !== undefined) return known;
    const row = own.has(sequence) ? undefined : await rows.one(log, sequence);
    const change: Change | undefined = own.get(sequence)?.entry.change ?? row?.change;
    if (change?.kind !== 'message') throw new RangeError('an edit or a delete needs a message as its target');
    const editSequence = row?.editSequence ?? 0n;
    const holding = editSequence === 0n ? row : await rows.one(log, editSequence);
    const erasedAlready = holding?.erased === true;
    const found = { editSequence, deleteSequence: row?.deleteSequence ?? 0n, row, erased: erasedAlready };
    targets.set(sequence, found);
    return found;
  };

  for (const draft of drafts) {
    const { change, sequence } = draft.entry;
    if (change.kind !== 'message-edited' && change.kind !== 'message-deleted') continue;
    const message = await target(change.target);
    // What was deleted or erased stays so, and an edit of it is kept without its body.
    if (message.deleteSequence !== 0n || (message.erased && change.kind === 'message-edited')) {
      if (change.kind === 'message-edited') Object.assign(draft, { body: erased, formerEdit: sequence });
      continue;
    }
    draft.formerEdit = message.editSequence;
    const former = own.get(message.editSequence);
    if (former !== undefined) former.body = erased;
    else if (message.editSequence !== 0n) formerEdits.add(message.editSequence);
    if (change.kind === 'message-edited') message.editSequence = sequence;
    else message.deleteSequence = sequence;
  }

  const changes: OldChange[] = [];
  let reachesOut = false;
  for (const [sequence, { editSequence, deleteSequence, row }] of targets) {
    const draft = own.get(sequence);
    if (draft !== undefined) Object.assign(draft, { body: erased, editSequence, deleteSequence });
    else if (row?.editSequence === editSequence && row.deleteSequence === deleteSequence) continue;
    else if (row?.bucket !== bucket) reachesOut = true;
    else
      changes.push({ sequence, editSequence: editSequence || undefined, deleteSequence: deleteSequence || undefined });
  }
  for (const sequence of formerEdits) {
    if ((await rows.one(log, sequence))?.bucket !== bucket) reachesOut = true;
    else changes.push({ sequence, editSequence: undefined, deleteSequence: undefined });
  }
  return { drafts, changes, reachesOut };
}

function draftOf(entry: Entry): EntryDraft {
  const { change } = entry;
  const body = change.kind === 'message' || change.kind === 'message-edited' ? packBody(change.body) : undefined;
  return { entry, body, editSequence: 0n, deleteSequence: 0n, formerEdit: 0n };
}
