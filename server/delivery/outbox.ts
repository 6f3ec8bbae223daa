import type { Flusher } from './flusher.ts';
import type { FrameEncoder, OutFrame, Sink } from './frames.ts';

/**
 * A frame of this size is a message of its own: many streams are told the same one, and to copy it for each, behind something small, takes longer
 * than one message more.
 */
const aloneBytes = 4 * 1_024;
/** Frames beyond this size are not put together into one message. */
const maxMessageBytes = 64 * 1024;
/** What was offered waits for a peer that is behind up to so many frames, and none is taken beyond so many bytes. */
const maxOffered = 4;
const maxOfferedBytes = 64 * 1024;

/**
 * A session's send queue. Bounded by what fills it: entries by the window, replies by the frames in flight, what was offered by its
 * own bound, everything else by being newest per key. Frames of one turn of the event loop go out as one message.
 */
export class Outbox {
  readonly #sink: Sink;
  readonly #encode: FrameEncoder;
  readonly #flusher: Flusher;
  #queue: Buffer[] = [];
  #latest: Map<string, OutFrame> | undefined;
  /** Those of the queue that were offered, in its order. */
  #offered: Buffer[] | undefined;
  #offeredBytes = 0;
  #refused = false;
  /** Called when there is room for an offer again after one was refused; once for each time. It may offer at once. */
  onRoom: (() => void) | undefined;
  /** Who waits for what was queued to arrive. Few: a channel asks again only once it knows. */
  #onEmpty: (() => void)[] | undefined;
  #writable = true;
  #scheduled = false;
  #over = false;
  /** Monotonic ms since when the peer takes nothing; 0 = it keeps up. */
  stalledSinceMs = 0;

  constructor(sink: Sink, encode: FrameEncoder, flusher: Flusher) {
    this.#sink = sink;
    this.#encode = encode;
    this.#flusher = flusher;
  }

  /** Queues a frame that must be told, in order. */
  push(frame: OutFrame): void {
    this.pushBytes(this.#encode(frame));
  }

  /** The same for a frame that is encoded already. */
  pushBytes(bytes: Buffer): void {
    if (this.#over) return;
    this.#queue.push(bytes);
    this.#schedule();
  }

  /**
   * Queues a frame that may be left out, in order with those of `push`. False = there is no room: four such frames, or 64 KiB of them, wait
   * for a peer that is behind. The frame is not kept: what is left out is the caller's to tell, and `onRoom` says when it can. One frame
   * of any size finds room where none waits. An outbox that is over takes everything and tells nothing.
   */
  offer(bytes: Buffer): boolean {
    if (this.#over) return true;
    // A peer that keeps up has room, however much comes in one turn.
    if (!this.#hasRoom && this.#writable) this.#write();
    if (!this.#hasRoom) {
      this.#refused = true;
      return false;
    }
    (this.#offered ??= []).push(bytes);
    this.#offeredBytes += bytes.length;
    this.pushBytes(bytes);
    return true;
  }

  get #hasRoom(): boolean {
    return (this.#offered?.length ?? 0) < maxOffered && this.#offeredBytes < maxOfferedBytes;
  }

  /** Queues a frame of which only the newest per key is told. It goes behind everything queued by `push` meanwhile. */
  replace(key: string, frame: OutFrame): void {
    if (this.#over) return;
    this.#latest ??= new Map();
    this.#latest.set(key, frame);
    this.#schedule();
  }

  /** Whether more than `most` frames wait for a peer that takes nothing just now. */
  isBehind(most: number): boolean {
    if (this.#queue.length > most) this.flush();
    return !this.#writable && this.#queue.length > most;
  }

  /** As Sink.whenArrived, of what was queued until now. */
  whenArrived(onArrived: () => void): void {
    if (this.#over) return;
    if (this.empty) this.#sink.whenArrived(onArrived);
    else (this.#onEmpty ??= []).push(onArrived);
  }

  /** Whether everything was handed to the sink. */
  get empty(): boolean {
    return this.#queue.length === 0 && this.#latest === undefined;
  }

  #schedule(): void {
    if (this.#scheduled || !this.#writable) return;
    this.#scheduled = true;
    this.#flusher.add(this);
  }

  /** Hands over as much as the peer takes. */
  flush(): void {
    this.#scheduled = false;
    if (!this.#over) this.#write();
  }

  /** Hands over all there is, however far behind the peer is, and then the last frame: nothing is written after it. */
  finish(last?: OutFrame): void {
    if (this.#over) return;
    this.#writable = true;
    this.#queueLatest();
    if (last !== undefined) this.#queue.push(this.#encode(last));
    this.#write(true);
    this.drop();
  }

  /** Nothing more is written. */
  drop(): void {
    this.#over = true;
    this.#queue = [];
    this.#latest = undefined;
    this.#offered = undefined;
    this.#onEmpty = undefined;
    this.onRoom = undefined;
  }

  #write(toTheEnd = false): void {
    if (this.#writable) this.#queueLatest();
    const queue = this.#queue;
    let start = 0;
    while (start < queue.length && (this.#writable || toTheEnd)) {
      let end = start;
      let bytes = 0;
      for (; end < queue.length; end++) {
        const length = queue[end]?.length ?? 0;
        if (end > start && (bytes + length > maxMessageBytes || length >= aloneBytes)) break;
        bytes += length;
        if (length >= aloneBytes) {
          end += 1;
          break;
        }
      }
      const message = end - start === 1 ? queue[start] : Buffer.concat(queue.slice(start, end), bytes);
      if (this.#offered !== undefined) this.#handedOver(queue, start, end);
      start = end;
      if (message !== undefined && !this.#sink.write(message)) {
        this.#writable = false;
        this.stalledSinceMs = this.#flusher.nowMs();
      }
    }
    if (start === queue.length) {
      // A long queue is not kept for an idle session.
      if (queue.length > 0) this.#queue = [];
      for (const onArrived of this.#onEmpty ?? []) this.#sink.whenArrived(onArrived);
      this.#onEmpty = undefined;
    } else {
      queue.splice(0, start);
    }
    if (this.#refused && this.#hasRoom) {
      this.#refused = false;
      this.onRoom?.();
    }
  }

  #queueLatest(): void {
    if (this.#latest === undefined) return;
    for (const frame of this.#latest.values()) this.#queue.push(this.#encode(frame));
    this.#latest = undefined;
  }

  #handedOver(queue: readonly Buffer[], start: number, end: number): void {
    const offered = this.#offered ?? [];
    for (let index = start; index < end && offered.length > 0; index++) {
      if (offered[0] !== queue[index]) continue;
      this.#offeredBytes -= offered.shift()?.length ?? 0;
    }
  }

  /** The peer takes more. */
  drained(): void {
    this.#writable = true;
    this.stalledSinceMs = 0;
    if (!this.empty) this.#schedule();
  }
}
