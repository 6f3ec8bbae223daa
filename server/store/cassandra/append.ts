import { throwIfAborted } from '../../core/errors.ts';
import { threadOfLog } from '../../core/ids.ts';
import type { Append, AppendResult, Duplicate } from '../store.ts';
import { maxEntries } from './buckets.ts';
import type { Commits } from './commit.ts';
import type { Effects } from './effects.ts';
import type { EntryRows } from './entry-rows.ts';
import { doorHead, type Heads } from './heads.ts';
import { idKey, type Ids, type WantedId } from './ids.ts';
import { type InboxWriter, isPlain } from './inbox.ts';
import type { LogHead, LogState } from './log-state.ts';
import { mayHaveEffects, nextBucket, type Plan, planAppend } from './plan.ts';

interface AppendParts {
  readonly heads: Heads;
  readonly ids: Ids;
  readonly entryRows: EntryRows;
  readonly commits: Commits;
  readonly effects: Effects;
  readonly inbox: InboxWriter;
  readonly epoch: bigint;
}

/** Appends to one log, one after the other; other nodes may append to it at the same time. */
export class Appends {
  readonly #parts: AppendParts;

  constructor(parts: AppendParts) {
    this.#parts = parts;
  }

  async append(state: LogState, append: Append, signal?: AbortSignal): Promise<AppendResult> {
    throwIfAborted(signal);
    const { heads, commits, effects, ids } = this.#parts;
    const { expected } = append;
    // A log that nobody knows here and that is expected to be empty is most likely new: the commit will tell.
    const isNew = state.head === undefined && expected === undefined;
    if (!isNew && !isAt(state.head, expected)) await heads.read(state, signal);
    const before = state.head;
    const { log } = state;
    if (!isAt(before, expected) || !(await commits.endFullBucket({ log, before }))) return this.#refuse(state, append);
    const known = await ids.findBelow(log, wantedIds(append), nextBucket(before));
    if (known.size > 0) return this.#refuse(state, append);
    if (before !== undefined && mayHaveEffects(append)) await effects.settle(state, before);
    const plan = await this.#plan(state, before, append);
    if (plan === undefined || !(await this.#commit(state, plan))) return this.#refuse(state, append);
    await this.#follow(state, plan, append);
    return { outcome: 'appended', entries: plan.drafts.map(({ entry }) => entry), head: doorHead(plan.head) };
  }

  /** Undefined = the log does not stand there any more. @throws RangeError for what only a mistake of the caller brings about */
  async #plan(state: LogState, before: LogHead | undefined, append: Append): Promise<Plan | undefined> {
    const { heads, entryRows, epoch } = this.#parts;
    const { log } = state;
    const plan = (): Promise<Plan> => planAppend(entryRows, log, before, append, epoch);
    try {
      return await plan();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
    // A mistake is one only if the log still stands where it was judged, when all that was under way has been decided: what
    // others append may be seen in part, by us and by the caller.
    for (const bucket of new Set([before?.bucket ?? 0n, nextBucket(before)])) await heads.readDecided(log, bucket);
    return isAt(await heads.read(state), append.expected) ? plan() : undefined;
  }

  async #commit(state: LogState, plan: Plan): Promise<boolean> {
    try {
      const applied = await this.#parts.commits.commit(plan);
      if (applied) state.head = plan.head;
      return applied;
    } catch (error) {
      // Where the log stands is not known any more.
      state.head = undefined;
      throw error;
    }
  }

  /** Writes what goes with an append outside its partition. When it fails, the retry is found as a duplicate, and ends it. */
  async #follow(state: LogState, plan: Plan, append: Append): Promise<void> {
    const { effects, inbox } = this.#parts;
    const { log, head, drafts } = plan;
    const thread = threadOfLog(log);
    const plain = append.inbox.filter(isPlain);
    const entries = drafts.map(({ entry, formerEdit }) => ({ ...entry, formerEdit }));
    const appended = { log, bucket: head.bucket, entries, inbox: plan.inbox, standing: head };
    await Promise.all([
      plan.hasEffects ? effects.write(state, appended) : undefined,
      thread === undefined || plain.length === 0 ? undefined : inbox.raise(state, thread, plain, head),
    ]);
    if (head.sequence > state.raised) state.raised = head.sequence;
  }

  /** Says why nothing was appended: ids that were appended before, or else where the log stands. */
  async #refuse(state: LogState, append: Append): Promise<AppendResult> {
    const { heads, ids } = this.#parts;
    const head = await heads.read(state);
    if (head === undefined) return { outcome: 'conflict', head: undefined };
    const found = await ids.find(state.log, wantedIds(append), head);
    await this.#parts.effects.settle(state, head);
    if (found.size === 0) return { outcome: 'conflict', head: doorHead(head) };
    await this.finish(state, head, [...found.values()]);
    const duplicates = new Map<number, Duplicate>();
    append.entries.forEach((entry, at) => {
      const duplicate = entry.clientMessageId === '' ? undefined : found.get(idKey(entry));
      if (duplicate !== undefined) duplicates.set(at, duplicate);
    });
    return { outcome: 'duplicate', duplicates };
  }

  /** Before a duplicate is told as appended, what its append may not have come to is done. */
  async finish(state: LogState, head: LogHead, duplicates: readonly Duplicate[]): Promise<void> {
    await this.#parts.effects.settle(state, head);
    if (duplicates.some(({ sequence }) => sequence > state.raised)) await this.#parts.effects.raiseMembers(state, head);
  }
}

/** @throws RangeError for what only a mistake of the caller brings about */
export function checkAppend({ entries }: Append): void {
  if (entries.length === 0 || entries.length > maxEntries) {
    throw new RangeError(`an append has 1 to ${maxEntries} entries`);
  }
  const given = entries.filter((entry) => entry.clientMessageId !== '').map(idKey);
  if (new Set(given).size !== given.length) throw new RangeError('an append has an id at most once');
}

function wantedIds({ entries, knownHeads }: Append): WantedId[] {
  return entries.flatMap(({ senderId, clientMessageId }, at) =>
    clientMessageId === '' ? [] : [{ senderId, clientMessageId, knownHead: knownHeads?.[at] ?? 0n }],
  );
}

function isAt(head: LogHead | undefined, expected: Append['expected']): boolean {
  if (head === undefined || expected === undefined) return head === expected;
  return head.sequence === expected.sequence && head.membersSequence === expected.membersSequence;
}
