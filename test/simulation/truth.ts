// What the threads must be, put together from what clients were told.
import type { Entry } from '#proto/parley/v1/entry.ts';
import type { Ledger } from './ledger.ts';

/** Consecutive sequences, both ends included. */
export interface Stretch {
  readonly from: bigint;
  readonly to: bigint;
}

/** One thread as all clients together know it. */
export class ThreadTruth {
  readonly threadId: string;
  readonly entries = new Map<bigint, Entry>();
  #head = 0n;

  constructor(threadId: string) {
    this.threadId = threadId;
  }

  /** The highest sequence that anybody knows of. */
  get head(): bigint {
    return this.#head;
  }

  /** Takes in an entry; gives what it says against another of this sequence. */
  take(entry: Entry): string | undefined {
    const known = this.entries.get(entry.sequence);
    if (entry.sequence > this.#head) this.#head = entry.sequence;
    if (known === undefined) {
      this.entries.set(entry.sequence, entry);
      return undefined;
    }
    const [mine, theirs] = [signature(entry), signature(known)];
    return mine === theirs ? undefined : `diverging: ${this.threadId} ${entry.sequence} is ${mine} and ${theirs}`;
  }

  /** What a user may hear: from each join up to and with the removal after it, or to the end. */
  audible(userId: string): Stretch[] {
    const stretches: Stretch[] = [];
    let from = 0n;
    let history = false;
    const begin = (at: bigint): void => {
      from = history ? 1n : at;
    };
    for (let at = 1n; at <= this.#head; at += 1n) {
      const kind = this.entries.get(at)?.kind;
      if (kind?.$case === 'threadCreated') {
        history = kind.value.historyForNewMembers;
        if (kind.value.members.some((member) => member.userId === userId)) from = 1n;
      } else if (kind?.$case === 'memberAdded' && kind.value.userId === userId) begin(at);
      else if (kind?.$case === 'memberRemoved' && kind.value.userId === userId && from > 0n) {
        stretches.push({ from, to: at });
        from = 0n;
      }
    }
    if (from > 0n) stretches.push({ from, to: this.#head });
    return stretches;
  }

  isMember(userId: string): boolean {
    const last = this.audible(userId).at(-1);
    if (last === undefined) return false;
    const kind = this.entries.get(last.to)?.kind;
    return !(kind?.$case === 'memberRemoved' && kind.value.userId === userId);
  }

  /** Messages up to and with this sequence. */
  ordinal(sequence: bigint): bigint {
    let ordinal = 0n;
    for (let at = 1n; at <= sequence; at += 1n) if (this.entries.get(at)?.kind?.$case === 'message') ordinal += 1n;
    return ordinal;
  }
}

export function isWithin(stretches: readonly Stretch[], sequence: bigint): boolean {
  return stretches.some(({ from, to }) => sequence >= from && sequence <= to);
}

/** The threads, and what clients were told of them that does not go together. */
export function truthOf(ledger: Ledger): { threads: Map<string, ThreadTruth>; diverging: string[] } {
  const threads = new Map<string, ThreadTruth>();
  const diverging: string[] = [];
  const take = (threadId: string, entries: Iterable<Entry>): void => {
    let truth = threads.get(threadId);
    if (truth === undefined) threads.set(threadId, (truth = new ThreadTruth(threadId)));
    for (const entry of entries) {
      const against = truth.take(entry);
      if (against !== undefined) diverging.push(against);
    }
  };
  for (const reached of ledger.reached.values()) {
    for (const [threadId, entries] of reached) take(threadId, entries.values());
  }
  for (const told of ledger.told) for (const [threadId, entries] of told.threads) take(threadId, entries);
  return { threads, diverging };
}

/** All of an entry that never changes. */
function signature({ ordinal, senderId, clientMessageId, kind }: Entry): string {
  let of = '';
  switch (kind?.$case) {
    case 'messageEdited':
    case 'messageDeleted':
      of = String(kind.value.targetSequence);
      break;
    case 'memberAdded':
      of = kind.value.userId;
      break;
    case 'memberRemoved':
      of = kind.value.userId;
      break;
    default:
  }
  return `${kind?.$case} ${of} (${clientMessageId} of ${senderId}, ordinal ${ordinal})`;
}
