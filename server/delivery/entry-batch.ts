import { changesMembers, sizeOfEntry, type Entry, type Head } from '../core/entry.ts';
import type { SessionId, ThreadId } from '../core/ids.ts';
import type { FrameEncoder } from './frames.ts';

/** Bytes of one batch, unless one entry alone has more: a fraction of a window, and well below what a client takes as one message. */
export const maxBatchBytes = 64 * 1_024;

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
  /** Whether one of them changes who is a member, or in what role. */
  readonly changesMembers: boolean;
  #encoded: Buffer | undefined;

  constructor(threadId: ThreadId, head: Head, entries: readonly Entry[], origin: SessionId | undefined) {
    this.threadId = threadId;
    this.head = head;
    this.entries = entries;
    this.origin = origin;
    this.first = entries[0]?.sequence ?? 0n;
    this.last = entries.at(-1)?.sequence ?? 0n;
    let bytes = 0;
    let members = false;
    for (const entry of entries) {
      bytes += sizeOfEntry(entry);
      members ||= changesMembers(entry.change);
    }
    this.bytes = bytes;
    this.changesMembers = members;
  }

  encoded(encode: FrameEncoder): Buffer {
    const { threadId, entries } = this;
    this.#encoded ??= encode({ type: 'entries', threadId, epoch: this.head.epoch, entries });
    return this.#encoded;
  }

  /** The part of it from `from` on; undefined when there is none. */
  since(from: bigint): EntryBatch | undefined {
    if (from <= this.first) return this;
    return from > this.last ? undefined : this.of(this.entries.filter((entry) => entry.sequence >= from));
  }

  /** Some consecutive ones of its entries, itself if they are all as they stand. */
  of(entries: readonly Entry[]): EntryBatch {
    if (entries.length === this.entries.length && entries.every((entry, at) => entry === this.entries[at])) return this;
    return new EntryBatch(this.threadId, this.head, entries, this.origin);
  }
}
