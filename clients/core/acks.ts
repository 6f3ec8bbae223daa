import type { ThreadPosition } from '#proto/parley/v1/stream_service.ts';
import type { ResumeStore } from './client-options.ts';
import { isForNow } from './errors.ts';
import type { Runtime, Timer } from './runtime.ts';
import type { Outcome, Says, Session } from './session.ts';

/** After this much silence a position goes out at once; else once in this time. */
const everyMs = 1000;
/** Frames that are not answered count as in flight too, until they are done: no more than this at once. */
const acksPerBatch = 8;
/** Positions that one Hello may carry. */
const mostInHello = 256;

/**
 * Tells the server what this device holds and what the user has read. At once when nothing was sent for a second; else
 * once a second, or when half the session's window (entries or bytes) is used up. Positions only grow; one that was
 * lost with its stream is told again on the next.
 */
export class Acks {
  readonly #runtime: Runtime;
  readonly #store: ResumeStore | undefined;
  #session: Session | undefined;
  #timer: Timer | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;
  /** Held and not told on this stream. */
  readonly #held = new Map<string, bigint>();
  /** Told, the newest last: repeated in the next Hello, as the stream may have lost them. */
  readonly #told = new Map<string, bigint>();
  /** Read and not yet confirmed by a reply. */
  readonly #read = new Map<string, bigint>();
  readonly #readOnTheWay = new Map<string, bigint>();
  /** What the last Hello told. */
  #inHello = new Map<string, bigint>();
  #entries = 0;
  #bytes = 0;
  #mostEntries = 128;
  #mostBytes = 128 * 1024;

  /** `store`: has to keep what was told before it is acknowledged. */
  constructor(runtime: Runtime, store?: ResumeStore) {
    this.#runtime = runtime;
    this.#store = store;
  }

  /** Goes on with this session. */
  use(session: Session): void {
    if (session !== this.#session) this.#repeat();
    this.#session = session;
    const limits = session.welcome?.limits;
    if (limits !== undefined) {
      this.#mostEntries = Math.max(1, Math.floor(limits.windowEntries / 2));
      this.#mostBytes = Math.max(1, Math.floor(limits.windowBytes / 2));
    }
    this.#readOnTheWay.clear();
    this.#entries = 0;
    this.#bytes = 0;
    this.#lastMs = Number.NEGATIVE_INFINITY;
    this.#plan();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#session = undefined;
  }

  /** What Hello tells: positions of the threads this device heard of last; `none`: they are told when it is open instead. */
  positions(none = false): ThreadPosition[] {
    const all = none ? new Map<string, bigint>() : new Map([...this.#told, ...this.#held]);
    this.#inHello = new Map([...all].slice(-mostInHello));
    return [...this.#inHello].map(([threadId, upToSequence]) => ({ threadId, upToSequence }));
  }

  /** The device holds a thread up to a sequence; `entries`: how many of them came on the stream. */
  holds(threadId: string, upTo: bigint, entries: number): void {
    if (upTo <= (this.#told.get(threadId) ?? 0n) || upTo <= (this.#held.get(threadId) ?? 0n)) return;
    this.#held.set(threadId, upTo);
    this.#entries += entries;
    this.#plan();
  }

  /**
   * An earlier process held a thread up to a sequence, and has told so unless that was lost with it. Of the newest of these, which come
   * last, it is repeated in the next Hello; of others where the server says that it knows of less.
   */
  kept(threadId: string, upTo: bigint): void {
    if (upTo === 0n) return;
    this.#told.set(threadId, upTo);
    this.#forgetOldest();
  }

  /** The server said what it knows to be held: less than this device told it → it is told again. */
  serverHas(threadId: string, upTo: bigint): void {
    const told = this.#told.get(threadId);
    if (told === undefined) {
      if (upTo > 0n) this.#told.set(threadId, upTo);
    } else if (upTo < told) {
      this.#told.delete(threadId);
      this.holds(threadId, told, 0);
    }
  }

  /** Forgets a thread's positions: its log is another one now. */
  forget(threadId: string): void {
    this.#held.delete(threadId);
    this.#told.delete(threadId);
    this.#read.delete(threadId);
  }

  /** The user has read a thread up to a sequence. */
  reads(threadId: string, upTo: bigint): void {
    if (upTo <= (this.#read.get(threadId) ?? 0n)) return;
    this.#read.set(threadId, upTo);
    this.#plan();
  }

  /** A batch came that took so many bytes on the wire. */
  batch(bytes: number): void {
    this.#bytes += bytes;
    if (this.#held.size > 0) this.#plan();
  }

  /** Tells everything now. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const session = this.#session;
    if (session === undefined || !session.isOpen) return;
    if (this.#held.size > 0) {
      const says = [...this.#held].map(([threadId, upToSequence]): Says => {
        // Deleted first, so that the newest stay last.
        this.#told.delete(threadId);
        this.#told.set(threadId, upToSequence);
        return { $case: 'ack', value: { position: { threadId, upToSequence } } };
      });
      this.#held.clear();
      this.#forgetOldest();
      const say = (): void => {
        for (let at = 0; at < says.length; at += acksPerBatch) session.say(...says.slice(at, at + acksPerBatch));
      };
      void (this.#store?.flush?.()?.then(say) ?? say());
    }
    this.#entries = 0;
    this.#bytes = 0;
    this.#lastMs = this.#runtime.now();
    session.requestAll(this.#readRequests());
  }

  #forgetOldest(): void {
    for (const threadId of this.#told.keys()) {
      if (this.#told.size <= mostInHello) return;
      this.#told.delete(threadId);
    }
  }

  /** What was told to an old stream after the new one's Hello is told to the new one too: its window counts by itself. */
  #repeat(): void {
    for (const [threadId, upTo] of this.#told) {
      if (upTo > (this.#inHello.get(threadId) ?? 0n) && !this.#held.has(threadId)) this.#held.set(threadId, upTo);
    }
  }

  #readRequests(): { frame: Says; done: (outcome: Outcome) => void }[] {
    const requests: { frame: Says; done: (outcome: Outcome) => void }[] = [];
    for (const [threadId, upToSequence] of this.#read) {
      if (this.#readOnTheWay.get(threadId) === upToSequence) continue;
      this.#readOnTheWay.set(threadId, upToSequence);
      requests.push({
        frame: { $case: 'markRead', value: { position: { threadId, upToSequence } } },
        done: (outcome) => {
          if (!outcome.ok && outcome.error.reason === 'CONNECTION_LOST') return;
          if (this.#readOnTheWay.get(threadId) === upToSequence) this.#readOnTheWay.delete(threadId);
          if (!outcome.ok && isForNow(outcome.error)) this.#plan();
          // Refused for good or taken: either way it is not said again.
          else if (this.#read.get(threadId) === upToSequence) this.#read.delete(threadId);
        },
      });
    }
    return requests;
  }

  #plan(): void {
    if (this.#session === undefined || (this.#held.size === 0 && this.#read.size === 0)) return;
    const sinceMs = this.#runtime.now() - this.#lastMs;
    if (this.#entries >= this.#mostEntries || this.#bytes >= this.#mostBytes) this.flush();
    // Not within the call: several threads of one batch go out together.
    else this.#timer ??= this.#runtime.setTimer(Math.max(0, everyMs - sinceMs), () => this.flush());
  }
}
