import { Refusal } from '../../core/errors.ts';
import { Commit } from './commit.ts';
import type { Database } from './database.ts';
import type { StoreLog } from './log.ts';

/** Puts that may wait for the commit under way, a few hundred bytes each; above, appends are refused. */
const maxWaitingPuts = 200_000;

const diskFails = 'the store cannot write just now: its disk is full or failing';
/** When to try again what was refused. */
const retryAfterMs = 1_000;

export interface WriterOptions {
  readonly database: Database;
  readonly log: StoreLog;
  /** False only in tests that must see what is missing then. */
  readonly sync: boolean;
  /** Adds what is written once per commit, when it closes. */
  readonly seal: (commit: Commit) => void;
  /** Called before those who wait for the commit. */
  readonly durable: (commit: Commit) => void;
  /** Called when a commit failed: nothing that is in memory about logs holds any more. */
  readonly failed: () => void;
  /** Resolves when the database has been opened again and takes writes. Rejects only when aborted. */
  readonly recover: (signal: AbortSignal) => Promise<void>;
}

/**
 * Group commit: one commit is written at a time, and what arrives meanwhile goes into the next. A commit that fails
 * takes the next one with it, since that may build on it; nothing is written again before the database was reopened.
 */
export class Writer {
  readonly #options: WriterOptions;
  readonly #stop = new AbortController();
  #open = new Commit();
  #inFlight: Commit | undefined;
  #active = false;
  #running: Promise<void> | undefined;
  #recovering: Promise<void> | undefined;
  #failed = false;
  #closed = false;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  get health(): { readonly writable: boolean; readonly why: string } {
    const why = this.#closed ? 'the store is closed' : this.#failed ? diskFails : '';
    return { writable: why === '', why };
  }

  /** The commit that takes what is written now. Call `flush` when something was put in. @throws Refusal STORE_UNAVAILABLE */
  get open(): Commit {
    if (this.#closed || this.#failed) throw new Refusal('STORE_UNAVAILABLE', this.health.why, { retryAfterMs });
    if (this.#open.puts.length > maxWaitingPuts) {
      throw new Refusal('STORE_UNAVAILABLE', 'more is waiting to be written than the disk keeps up with', {
        retryAfterMs,
      });
    }
    return this.#open;
  }

  /** The newest commit of those not durable yet in which `look` finds something, and what. */
  find<Found>(look: (commit: Commit) => Found | undefined): Found | undefined {
    const found = look(this.#open);
    if (found !== undefined || this.#inFlight === undefined) return found;
    return look(this.#inFlight);
  }

  /** Commits that are not durable yet, the newest first. */
  *unsettled(): Iterable<Commit> {
    yield this.#open;
    if (this.#inFlight !== undefined) yield this.#inFlight;
  }

  flush(): void {
    if (this.#active) return;
    this.#active = true;
    this.#running = this.#run();
  }

  /** Has a commit written even if nothing is in it but what is added when it closes. Nothing happens while none can be. */
  flushLate(): void {
    if (this.#closed || this.#failed) return;
    this.#open.forced = true;
    this.flush();
  }

  async #run(): Promise<void> {
    // A microtask later, so that what one turn of the caller puts in shares an fsync.
    await Promise.resolve();
    while (!this.#open.empty && !this.#failed) {
      const commit = this.#open;
      this.#open = new Commit();
      this.#inFlight = commit;
      try {
        this.#options.seal(commit);
        await this.#options.database.write(commit.puts, this.#options.sync);
      } catch (error) {
        this.#fail(commit, error);
        break;
      }
      this.#inFlight = undefined;
      this.#options.durable(commit);
      commit.succeed();
    }
    this.#active = false;
  }

  #fail(commit: Commit, cause: unknown): void {
    this.#failed = true;
    this.#options.log.error({ err: cause }, 'a commit failed: the store takes no appends until its disk takes writes');
    const next = this.#open;
    this.#open = new Commit();
    this.#inFlight = undefined;
    this.#options.failed();
    const refusal = new Refusal('STORE_UNAVAILABLE', diskFails, { cause, retryAfterMs });
    commit.fail(refusal);
    next.fail(refusal);
    this.#recovering = this.#recover();
  }

  async #recover(): Promise<void> {
    try {
      await this.#options.recover(this.#stop.signal);
      this.#failed = false;
      this.#options.log.info({}, 'the store takes appends again');
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#options.log.error({ err: error }, 'the store was not reopened');
    }
  }

  /** Takes nothing any more, and writes what waits. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stop.abort();
    while (this.#active) await this.#running;
    await this.#recovering;
  }
}
