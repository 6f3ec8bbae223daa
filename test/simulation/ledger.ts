import type { Entry } from '#proto/parley/v1/entry.ts';

/** A message as its author knows it. */
export interface SentMessage {
  readonly userId: string;
  readonly threadId: string;
  readonly clientMessageId: string;
  /** open = no answer yet, or none that the author could hear. */
  outcome: 'open' | 'sent' | 'refused';
  /** Of `sent`. */
  sequence: bigint;
}

/** A change (of members, of a message) as its author knows it. */
export interface Asked {
  readonly userId: string;
  readonly threadId: string;
  readonly id: string;
  readonly kind: 'memberAdded' | 'memberRemoved' | 'messageEdited' | 'messageDeleted';
  outcome: 'open' | 'done' | 'refused' | 'unknown';
  /** Of `done`; 0 = it was so already. */
  sequence: bigint;
}

/** What one process of a device was told, in order, by thread. */
export interface Told {
  readonly userId: string;
  readonly deviceId: string;
  readonly threads: Map<string, Entry[]>;
  /** What its user read on it, by thread. */
  readonly read: Map<string, bigint>;
  /** It died; what it had still to say is lost. */
  isOver: boolean;
}

/** What somebody was answered of a user's positions; 0 = nothing, or not theirs to see. */
export interface Seen {
  readonly threadId: string;
  readonly userId: string;
  readonly delivered: bigint;
  readonly read: bigint;
  /** Virtual ms. */
  readonly askedMs: number;
  readonly answeredMs: number;
}

/** All that the checker knows: what clients asked for, and what they were told. Nothing of it comes from a store. */
export class Ledger {
  readonly messages = new Map<string, SentMessage>();
  readonly asked: Asked[] = [];
  readonly told: Told[] = [];
  /** What reached a user's devices at all, by user and thread: on streams, and as answers. */
  readonly reached = new Map<string, Map<string, Map<bigint, Entry>>>();
  /** In the order of the answers. */
  readonly seen: Seen[] = [];
  /** What must not happen at all: bugs that were reported, devices that were shut out. */
  readonly wrong: string[] = [];

  reach(userId: string, threadId: string, entries: readonly Entry[]): void {
    const threads = this.reached.get(userId) ?? new Map<string, Map<bigint, Entry>>();
    this.reached.set(userId, threads);
    const reached = threads.get(threadId) ?? new Map<bigint, Entry>();
    threads.set(threadId, reached);
    for (const entry of entries) reached.set(entry.sequence, entry);
  }

  /** The highest that a user has read of a thread; `known`: only what no process took with it when it died. */
  read(userId: string, threadId: string, known: boolean): bigint {
    let highest = 0n;
    for (const { userId: user, read, isOver } of this.told) {
      const upTo = read.get(threadId) ?? 0n;
      if (user === userId && upTo > highest && !(known && isOver)) highest = upTo;
    }
    return highest;
  }
}
