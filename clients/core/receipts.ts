import type { ReceiptAdvanced, ReceiptCounts } from '#proto/parley/v1/stream_service.ts';

/** What became of one of the user's own messages. */
export interface Ticks {
  /** `sent` < `delivered` (all have it) < `read` (all have read it). */
  readonly state: 'sent' | 'delivered' | 'read';
  /** Members beside the author who have it, and who have read it. */
  readonly deliveredCount: number;
  readonly readCount: number;
  /** Members beside the author; 0 = not known yet. */
  readonly memberCount: number;
}

interface Positions {
  delivered: bigint;
  read: bigint;
}

interface ThreadReceipts {
  readonly members: Map<string, Positions>;
  readonly counts: Map<bigint, { delivered: number; read: number }>;
  memberCount: number;
}

/** Counts kept per group: those that the server still tells of. */
const mostCounts = 64;

/** Others' positions, per thread. They only grow: whatever comes late or twice changes nothing. */
export class Receipts {
  readonly #threads = new Map<string, ThreadReceipts>();

  /** A position of a direct thread's other user, or of a member from ListReceipts. Answers whether it grew. */
  advance(receipt: Pick<ReceiptAdvanced, 'threadId' | 'userId' | 'deliveredSequence' | 'readSequence'>): boolean {
    const { members } = this.#thread(receipt.threadId);
    const old = members.get(receipt.userId) ?? { delivered: 0n, read: 0n };
    const read = receipt.readSequence > old.read ? receipt.readSequence : old.read;
    // Who has read it has it.
    let delivered = receipt.deliveredSequence > old.delivered ? receipt.deliveredSequence : old.delivered;
    if (read > delivered) delivered = read;
    if (read === old.read && delivered === old.delivered) return false;
    members.set(receipt.userId, { delivered, read });
    return true;
  }

  /** Counts of a group. */
  count(counts: ReceiptCounts): void {
    const thread = this.#thread(counts.threadId);
    thread.memberCount = counts.memberCount;
    for (const { sequence, deliveredCount, readCount } of counts.counts) {
      const old = thread.counts.get(sequence);
      thread.counts.set(sequence, {
        delivered: Math.max(old?.delivered ?? 0, deliveredCount),
        read: Math.max(old?.read ?? 0, readCount),
      });
    }
    if (thread.counts.size > mostCounts) {
      const sequences = [...thread.counts.keys()].toSorted((a, b) => (a < b ? -1 : 1));
      for (const sequence of sequences.slice(0, -mostCounts)) thread.counts.delete(sequence);
    }
  }

  /** Ticks of the user's own message. `me` is left out of what is counted. */
  ticks(threadId: string, sequence: bigint, me: string): Ticks {
    const thread = this.#threads.get(threadId);
    let deliveredCount = 0;
    let readCount = 0;
    let memberCount = thread?.memberCount ?? 0;
    const counts = thread?.counts.get(sequence);
    if (counts !== undefined) ({ delivered: deliveredCount, read: readCount } = counts);
    else {
      let known = 0;
      for (const [userId, positions] of thread?.members ?? []) {
        if (userId === me) continue;
        known += 1;
        if (positions.delivered >= sequence) deliveredCount += 1;
        if (positions.read >= sequence) readCount += 1;
      }
      memberCount = Math.max(memberCount, known);
    }
    const all = (count: number): boolean => memberCount > 0 && count >= memberCount;
    const state = all(readCount) ? 'read' : all(deliveredCount) ? 'delivered' : 'sent';
    return { state, deliveredCount, readCount, memberCount };
  }

  forget(threadId: string): void {
    this.#threads.delete(threadId);
  }

  #thread(threadId: string): ThreadReceipts {
    let thread = this.#threads.get(threadId);
    if (thread === undefined) {
      thread = { members: new Map(), counts: new Map(), memberCount: 0 };
      this.#threads.set(threadId, thread);
    }
    return thread;
  }
}
