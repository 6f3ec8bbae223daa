import { sizeOfEntry, type Entry, type Head } from '../core/entry.ts';
import type { SessionId, ThreadId } from '../core/ids.ts';
import type { FrameEncoder } from './frames.ts';

/** Entries of one thread in order, encoded once for all sessions that hear them. */
export class EntryBatch {
  readonly threadId: ThreadId;
  readonly head: Head;
  readonly entries: readonly Entry[];
  /** Session that sent all of them, if one. */
  readonly origin: SessionId | undefined;
  readonly first: bigint;
  readonly last: bigint;
  readonly bytes: number;
  #encoded: Buffer | undefined;

  constructor(threadId: ThreadId, head: Head, entries: readonly Entry[], origin: SessionId | undefined) {
    this.threadId = threadId;
    this.head = head;
    this.entries = entries;
    this.origin = origin;
    this.first = entries[0]?.sequence ?? 0n;
    this.last = entries.at(-1)?.sequence ?? 0n;
    let bytes = 0;
    for (const entry of entries) bytes += sizeOfEntry(entry);
    this.bytes = bytes;
  }

  encoded(encode: FrameEncoder): Buffer {
    const { threadId, entries } = this;
    this.#encoded ??= encode({ type: 'entries', threadId, epoch: this.head.epoch, entries });
    return this.#encoded;
  }

  /** The part of it from `from` to `to`, both included; undefined when there is none. */
  part(from: bigint, to: bigint): EntryBatch | undefined {
    if (from <= this.first && to >= this.last) return this;
    const entries = this.entries.filter((entry) => entry.sequence >= from && entry.sequence <= to);
    return entries.length === 0 ? undefined : new EntryBatch(this.threadId, this.head, entries, this.origin);
  }
}
