import type { Entry, Retention } from '../../core/entry.ts';
import { chunksOf } from '../../core/chunks.ts';
import { highest } from '../../core/highest.ts';
import { type ThreadId, threadLog } from '../../core/ids.ts';
import { Lru } from '../../core/lru.ts';
import { endMsOf, endOf, type RetentionRules, type RetentionStretch } from '../../core/retention.ts';
import type { ThreadView, ThreadViews } from '../../delivery/thread-views.ts';
import type { Store } from '../../store/store.ts';
import { type MessageEntry, isMessageEntry } from '../message.ts';
import type { DevicesHeld } from './devices-held.ts';

/** Entries read at first, to see how old what is held is, and then; a store erases as many at once. */
const firstEntries = 16;
const entriesPerRead = 256;
/** Messages erased with one call. */
const erasedAtOnce = 256;

/** What a look at a thread found. */
export interface Looked {
  /** Wall ms when the first body is to be erased whoever has it or not; Infinity = none is. */
  readonly endMs: number;
  /** Wall ms of the oldest message that waits for a device; undefined = none does. */
  readonly waitsSinceMs: number | undefined;
}

export interface LooksOptions {
  readonly store: Store;
  readonly views: ThreadViews;
  readonly rules: RetentionRules;
  readonly held: DevicesHeld;
  /** Threads of which it is remembered up to where they were looked at. */
  readonly remembered: number;
  /** So many bodies were erased. */
  readonly onErased: (messages: number) => void;
}

/**
 * Looks at threads: erases what is due, and finds what is still held. Idempotent, so that several nodes may do so at once. A look
 * costs what was appended and erased since the last one, beside the devices that are asked; of what was erased before it reads nothing.
 */
export class Looks {
  readonly #options: LooksOptions;
  /** By thread and stretch: nothing is held up to there. The store remembers it of the first stretch that holds something. */
  readonly #doneTo: Lru<string, bigint>;

  constructor(options: LooksOptions) {
    this.#options = options;
    this.#doneTo = new Lru(options.remembered);
  }

  /** Undefined: nothing of it is held that will be erased. */
  async look(threadId: ThreadId, nowMs: number): Promise<Looked | undefined> {
    const { store, views, rules, held } = this.#options;
    const view = await views.latest(threadId);
    if (view === undefined) return undefined;
    const { head, spans } = view;
    const stretches = rules.erasing(spans);
    if (stretches.length === 0) return undefined;
    const mark = await store.erasedTo(threadId);
    const parts = stretches.map((stretch) => partOf(view, stretch, mark, this.#doneTo.get(keyOf(threadId, stretch))));
    const waiting = parts.filter(({ rule, from, upTo }) => rule.mode === 'until-delivered' && from < upTo);
    const floor = waiting[0]?.from;
    const byAll = floor === undefined ? 0n : await held.byAll(view, floor);
    const found = { endMs: Infinity, waitsSinceMs: Infinity };
    let firstHeld = head.sequence + 1n;
    for (const part of parts) {
      const first = await this.#part(view, part, byAll, nowMs, found);
      if (first !== undefined && first < firstHeld) firstHeld = first;
    }
    if (firstHeld - 1n > mark) await store.raiseErasedTo(threadId, firstHeld - 1n);
    if (firstHeld > head.sequence) return undefined;
    return { endMs: found.endMs, waitsSinceMs: found.waitsSinceMs === Infinity ? undefined : found.waitsSinceMs };
  }

  /** The first message or edit in it that is held, after what is due was erased. */
  async #part(
    view: ThreadView,
    { key, rule, from: start, upTo }: Part,
    byAll: bigint,
    nowMs: number,
    found: { endMs: number; waitsSinceMs: number },
  ): Promise<bigint | undefined> {
    const { store, rules } = this.#options;
    const { threadId, head, spans } = view;
    const log = threadLog(threadId);
    let from = start;
    let first: bigint | undefined;
    for (let limit = firstEntries, isOver = false; from < upTo && !isOver; limit = entriesPerRead) {
      const entries = await store.entries(log, { after: from, upTo, limit });
      const ended: bigint[] = [];
      const heard: bigint[] = [];
      for (const entry of entries) {
        from = entry.sequence;
        const body = bodyOf(entry);
        if (body === undefined) continue;
        const isEdit = body.message !== entry.sequence;
        const itsRule = isEdit ? rules.of(spans, body.message) : rule;
        if (itsRule.mode === 'keep') continue;
        const acknowledged = itsRule.mode === 'until-delivered' ? byAll : 0n;
        const endMs = endMsOf(itsRule, entry.createTimeMs);
        if (endMs <= nowMs) ended.push(body.message);
        else if (body.holding <= acknowledged) heard.push(body.message);
        else {
          first ??= entry.sequence;
          found.endMs = Math.min(found.endMs, endMs);
          if (itsRule.mode === 'until-delivered') found.waitsSinceMs = Math.min(found.waitsSinceMs, entry.createTimeMs);
          // Times and sequences ascend: the messages behind it are held too.
          isOver = !isEdit && entry.sequence > acknowledged;
          if (isOver) break;
        }
      }
      await this.#erase(threadId, ended, head.sequence);
      await this.#erase(threadId, heard, byAll);
      if (entries.length === 0) break;
    }
    this.#doneTo.set(key, (first ?? upTo + 1n) - 1n);
    return first;
  }

  async #erase(threadId: ThreadId, messages: readonly bigint[], upTo: bigint): Promise<void> {
    const { store, onErased } = this.#options;
    for (const some of chunksOf(messages, erasedAtOnce)) {
      await store.erase(threadLog(threadId), some, upTo);
      onErased(some.length);
    }
  }
}

/** A message that has a body. */
export function isHeld(entry: Entry): entry is MessageEntry {
  return isMessageEntry(entry) && entry.change.deleteSequence === 0n && entry.change.erased !== true;
}

/**
 * The message whose body an entry is about, and the sequence that a device has it from. Of an edit too: another node may have
 * appended it while its message was being erased, and then nothing but the edit tells of it.
 */
function bodyOf(entry: Entry): { readonly message: bigint; readonly holding: bigint } | undefined {
  const { sequence, change } = entry;
  if (isHeld(entry)) return { message: sequence, holding: highest(sequence, entry.change.editSequence) };
  if (change.kind !== 'message-edited') return undefined;
  const { content, attachments, mentions } = change.body;
  const isEmpty = content === undefined && attachments.length === 0 && mentions.length === 0;
  return isEmpty ? undefined : { message: change.target, holding: sequence };
}

/** What of a stretch there is to be looked at. */
interface Part {
  readonly key: string;
  readonly rule: Retention;
  readonly from: bigint;
  readonly upTo: bigint;
}

function partOf({ threadId, head }: ThreadView, stretch: RetentionStretch, mark: bigint, doneTo = 0n): Part {
  const { after, rule } = stretch;
  const upTo = endOf(stretch, head.sequence);
  return { key: keyOf(threadId, stretch), rule, from: highest(after, mark, doneTo), upTo };
}

function keyOf(threadId: ThreadId, { after }: RetentionStretch): string {
  return `${threadId} ${after}`;
}
