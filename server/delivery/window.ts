import type { ThreadId } from '../core/ids.ts';

/**
 * What a session has told its device and what the device has acknowledged: per thread the next sequence to tell, and
 * over all threads how much is unacknowledged. When that is full, only a `from` is kept per thread; when half of it is
 * free again the owner tells one Skipped per thread and goes on live behind it. So a slow reader costs a few numbers.
 */
export interface Feed {
  /** Highest sequence heard of that this device may hear. */
  heard: bigint;
  /** Next sequence to be told. Everything below was told, skipped or is not for this device. */
  next: bigint;
  /** Told and not acknowledged, oldest first: [last sequence, entries, bytes] of each batch. */
  readonly unacked: [last: bigint, entries: number, bytes: number][];
  /** Highest that the device has acknowledged, on this stream. */
  acked: bigint;
  /** First sequence left out since the window filled; 0 = none. */
  skipFrom: bigint;
  /** A read of missed entries is under way; live ones wait in the log. */
  repairing: boolean;
  /** The last that was told is the user's removal: what follows is not theirs until they come in again. */
  left: boolean;
}

export interface Skip {
  readonly threadId: ThreadId;
  readonly from: bigint;
  readonly to: bigint;
}

export class Window {
  readonly #feeds = new Map<ThreadId, Feed>();
  /** Acknowledged before its thread was begun: on an earlier stream it was told already. */
  readonly #ackedBefore = new Map<ThreadId, bigint>();
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  #entries = 0;
  #bytes = 0;
  #skipping = 0;

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  get unackedEntries(): number {
    return this.#entries;
  }

  get skipping(): boolean {
    return this.#skipping > 0;
  }

  get full(): boolean {
    return this.#entries >= this.#maxEntries || this.#bytes >= this.#maxBytes;
  }

  feed(threadId: ThreadId): Feed | undefined {
    return this.#feeds.get(threadId);
  }

  /** Begins (or begins again) a thread at the sequence to be told next. */
  open(threadId: ThreadId, next: bigint): Feed {
    const acked = this.#feeds.get(threadId)?.acked ?? this.#ackedBefore.get(threadId) ?? 0n;
    this.close(threadId);
    this.#ackedBefore.delete(threadId);
    const feed: Feed = { heard: next - 1n, next, unacked: [], acked, skipFrom: 0n, repairing: false, left: false };
    this.#feeds.set(threadId, feed);
    return feed;
  }

  close(threadId: ThreadId): void {
    const feed = this.#feeds.get(threadId);
    if (feed === undefined) return;
    for (const [, entries, bytes] of feed.unacked) this.#release(entries, bytes);
    if (feed.skipFrom > 0n) this.#skipping--;
    this.#feeds.delete(threadId);
  }

  /**
   * Accounts for a batch that begins at `feed.next`. True = tell it; false = it is left out, a Skipped will stand for it.
   * One batch larger than the window passes when nothing else is unacknowledged, else it could never be told.
   */
  admit(feed: Feed, last: bigint, entries: number, bytes: number): boolean {
    if (feed.skipFrom > 0n) {
      feed.next = last + 1n;
      return false;
    }
    if (last <= feed.acked) {
      // It is dropped as known, and not acknowledged a second time.
      feed.next = last + 1n;
      return true;
    }
    const fits = this.#entries + entries <= this.#maxEntries && this.#bytes + bytes <= this.#maxBytes;
    if (!fits && this.#entries > 0) {
      feed.skipFrom = feed.next;
      this.#skipping++;
      feed.next = last + 1n;
      return false;
    }
    feed.next = last + 1n;
    feed.unacked.push([last, entries, bytes]);
    this.#entries += entries;
    this.#bytes += bytes;
    return true;
  }

  /** The device holds the thread up to `upTo`. */
  acknowledge(threadId: ThreadId, upTo: bigint): void {
    const feed = this.#feeds.get(threadId);
    if (feed === undefined) {
      if (upTo > (this.#ackedBefore.get(threadId) ?? 0n)) this.#ackedBefore.set(threadId, upTo);
      return;
    }
    if (upTo > feed.acked) feed.acked = upTo;
    let count = 0;
    for (const [last, entries, bytes] of feed.unacked) {
      if (last > upTo) break;
      this.#release(entries, bytes);
      count++;
    }
    if (count > 0) feed.unacked.splice(0, count);
    // What was left out is held by other means (fetched): nothing needs to be told of it.
    if (feed.skipFrom > 0n && upTo >= feed.skipFrom) {
      if (upTo >= feed.next - 1n) {
        feed.skipFrom = 0n;
        this.#skipping--;
      } else {
        feed.skipFrom = upTo + 1n;
      }
    }
  }

  /** The skips that may be told now: all, once half of the window is free. Each thread goes on live behind its skip. */
  takeSkips(): Skip[] {
    if (this.#skipping === 0) return [];
    if (this.#entries * 2 > this.#maxEntries || this.#bytes * 2 > this.#maxBytes) return [];
    const skips: Skip[] = [];
    for (const [threadId, feed] of this.#feeds) {
      if (feed.skipFrom === 0n) continue;
      skips.push({ threadId, from: feed.skipFrom, to: feed.next - 1n });
      feed.skipFrom = 0n;
    }
    this.#skipping = 0;
    return skips;
  }

  #release(entries: number, bytes: number): void {
    this.#entries -= entries;
    this.#bytes -= bytes;
  }
}
