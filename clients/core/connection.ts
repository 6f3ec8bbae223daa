import type { CaughtUp, Goodbye, Hello, Welcome } from '#proto/parley/v1/stream_service.ts';
import { Backoff } from './backoff.ts';
import type { Carrier } from './carrier.ts';
import * as Code from './codes.ts';
import { finalWordOf, GOODBYE } from './connection-state.ts';
import type { CloseReason, ConnectionState } from './connection-state.ts';
import { ParleyError } from './errors.ts';
import type { Runtime, Timer } from './runtime.ts';
import { Session } from './session.ts';
import type { Told } from './session.ts';
import { msOf } from './times.ts';
import type { Tokens } from './tokens.ts';

/** A stream that was live at least this long counts as a success: the next failure is a first one again. */
const provenMs = 5000;
/** So many tokens refused in a row end it. */
const mostRefusedTokens = 3;
/**
 * The session of a stream that ended before its Welcome may be opened so long after: on its way it may have been overtaken by the one
 * after it, which it then supersedes.
 */
const straysMs = 60_000;

export interface ConnectionListener {
  /** Makes the next Hello. */
  hello(handOver: boolean): Hello;
  state(state: ConnectionState): void;
  /** A session is open: what it must know is said now. */
  welcome(session: Session, welcome: Welcome): void;
  /** Frames of every open session, also of one that is being replaced: the same may come twice. */
  told(session: Session, frame: Told): void;
  batch(session: Session, bytes: number): void;
  caughtUp(session: Session, caughtUp: CaughtUp): void;
  /** Undefined: the last one is no good, forget it. */
  resumeToken(token: Uint8Array | undefined): void;
}

/** Keeps one session of the device open: opens, reconnects, hands over, and ends when the server says so. */
export class Connection {
  readonly #carrier: Carrier;
  readonly #tokens: Tokens;
  readonly #runtime: Runtime;
  readonly #listener: ConnectionListener;
  readonly #backoff: Backoff;
  #state: ConnectionState = { phase: 'idle' };
  /** The session that serves. */
  #current: Session | undefined;
  /** The one that will take over from it. */
  #next: Session | undefined;
  /** What the current session was told at its end. */
  #goodbye: Goodbye | undefined;
  #timer: Timer | undefined;
  /** When it fires, by `Runtime.now`. */
  #dueMs = 0;
  #opening = false;
  /** The stream was dropped from here, for a new one at once. */
  #reopening = false;
  #token = '';
  #refusedTokens = 0;
  #liveSinceMs = 0;
  /** When a stream ended last of which it is not known whether it came to a session. */
  #strayMs = Number.NEGATIVE_INFINITY;
  readonly #whenGone: (() => void)[] = [];

  constructor(carrier: Carrier, tokens: Tokens, runtime: Runtime, listener: ConnectionListener) {
    this.#carrier = carrier;
    this.#tokens = tokens;
    this.#runtime = runtime;
    this.#listener = listener;
    this.#backoff = new Backoff(runtime);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** The session to say things on, when one is open. */
  get session(): Session | undefined {
    return this.#current?.isOpen === true ? this.#current : undefined;
  }

  /** Opens the first stream, or another after `suspend`; nothing happens when there is one. */
  start(): void {
    if (this.#state.phase !== 'idle') return;
    // A token that was asked for before `suspend` does as well.
    if (this.#opening) this.#set({ phase: 'connecting', failures: this.#backoff.failures });
    else this.#open();
  }

  /** Drops the streams and opens none until `start`. Nothing happens after `close`. */
  suspend(): void {
    if (this.#state.phase === 'closed' || this.#state.phase === 'idle') return;
    this.#timer?.cancel();
    this.#timer = undefined;
    const streams = [this.#next, this.#current];
    this.#next = undefined;
    this.#current = undefined;
    this.#goodbye = undefined;
    this.#reopening = false;
    this.#backoff.reset();
    this.#set({ phase: 'idle' });
    for (const stream of streams) {
      if (stream !== undefined) this.#noteStray(stream);
      stream?.abort();
    }
  }

  /** Tries at once instead of waiting; when there is a stream, asks whether it lives. For "the network is back", "woken up". */
  wake(foreground: boolean): void {
    if (this.#state.phase === 'waiting') {
      this.#backoff.reset();
      this.#open();
    }
    this.#current?.beat(foreground);
  }

  /** Drops the stream and opens another at once. For tests of what breaks, and for a network that is known to be another. */
  reopen(): void {
    if (this.#state.phase === 'closed') return;
    if (this.#current === undefined) this.wake(true);
    else {
      this.#reopening = true;
      this.#current.abort();
    }
  }

  /** Resolves when no stream is left, after `close`. */
  gone(): Promise<void> {
    if (this.#current === undefined && this.#next === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#whenGone.push(resolve));
  }

  /** After `close`: waits for the streams' end no longer. */
  drop(): void {
    this.#next?.abort();
    this.#current?.abort();
  }

  /** Ends it for good. Idempotent. */
  close(reason: CloseReason = 'asked', error?: ParleyError): void {
    if (this.#state.phase === 'closed') return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#set({ phase: 'closed', reason, error });
    this.#next?.close();
    this.#current?.close();
  }

  #set(state: ConnectionState): void {
    this.#state = state;
    this.#listener.state(state);
  }

  #open(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#opening || this.#state.phase === 'closed') return;
    this.#opening = true;
    if (this.#current === undefined) this.#set({ phase: 'connecting', failures: this.#backoff.failures });
    void this.#tokens.current().then(
      (token) => {
        this.#opening = false;
        if (this.#isAtRest()) return;
        this.#token = token;
        const handOver = this.#current !== undefined;
        const session = new Session(this.#carrier, this.#listener.hello(handOver), token, this.#runtime, {
          // After the close, and while suspended, nothing is told: nobody would hear it, and it must not be acknowledged.
          welcome: (opened, welcome) => this.#unlessAtRest(() => this.#listener.welcome(opened, welcome)),
          told: (from, frame) => this.#unlessAtRest(() => this.#listener.told(from, frame)),
          batch: (from, bytes) => this.#unlessAtRest(() => this.#listener.batch(from, bytes)),
          caughtUp: (from, caughtUp) => this.#unlessAtRest(() => this.#caughtUp(from, caughtUp)),
          resumeToken: (from, resume) => {
            if (from !== this.#current && from !== this.#next) return;
            this.#unlessAtRest(() => this.#listener.resumeToken(resume));
          },
          goodbye: (from, goodbye) => this.#told(from, goodbye),
          ended: (from, error) => this.#ended(from, error),
        });
        if (handOver) this.#next = session;
        else this.#current = session;
      },
      (error: unknown) => {
        this.#opening = false;
        const known = error instanceof ParleyError ? error : undefined;
        // Whoever has signed in instead stays who they are: it is not asked again.
        if (known?.reason === 'ANOTHER_USER') this.close('refused', known);
        else this.#wait(known, 0);
      },
    );
  }

  #caughtUp(session: Session, caughtUp: CaughtUp): void {
    let old: Session | undefined;
    if (session === this.#next) {
      old = this.#current;
      this.#current = session;
      this.#next = undefined;
      this.#goodbye = undefined;
    }
    if (session !== this.#current) return;
    this.#refusedTokens = 0;
    this.#liveSinceMs = this.#runtime.now();
    this.#set({ phase: 'live', sessionId: session.welcome?.sessionId ?? '' });
    this.#listener.caughtUp(session, caughtUp);
    // Closed, not dropped: replies on their way still come, what gets none is sent again on the new one.
    old?.close();
  }

  #told(session: Session, goodbye: Goodbye): void {
    if (session !== this.#current) return;
    this.#goodbye = goodbye;
    if (goodbye.reason !== GOODBYE.draining || !goodbye.reconnect || this.#state.phase === 'closed') return;
    this.#plan(this.#askedWaitMs(goodbye));
  }

  #askedWaitMs(goodbye: Goodbye): number {
    return (msOf(goodbye.delay) ?? 0) + (msOf(goodbye.jitter) ?? 0) * this.#runtime.random();
  }

  #ended(session: Session, error: ParleyError | undefined): void {
    if (session === this.#next) {
      this.#next = undefined;
      if (error !== undefined) this.#learn(error);
      if (this.#isClosed()) return;
      // The old stream still serves: try again while it lasts.
      this.#wait(error, 0);
      return;
    }
    if (session !== this.#current) return;
    this.#noteStray(session);
    const goodbye = this.#goodbye;
    const reopening = this.#reopening;
    this.#goodbye = undefined;
    this.#reopening = false;
    this.#current = this.#next;
    this.#next = undefined;
    if (this.#isClosed()) return;
    if (this.#state.phase === 'live' && this.#runtime.now() - this.#liveSinceMs >= provenMs) this.#backoff.reset();
    if (reopening && this.#current === undefined) {
      this.#backoff.reset();
      this.#open();
      return;
    }
    if (error !== undefined) this.#learn(error);
    if (goodbye?.reason === GOODBYE.tokenExpired) this.#tokens.refused(this.#token);

    // The old node may say so before the new one's word is here, or when the new stream is broken already.
    const isMoving = this.#current !== undefined || this.#timer !== undefined || this.#opening;
    const isMoved = goodbye?.reason === GOODBYE.handedOver && isMoving;
    const final = isMoved ? undefined : finalWordOf(goodbye, error);
    if (final !== undefined && !(final === 'superseded' && this.#isByStray())) this.close(final, error);
    else if (this.#refusedTokens >= mostRefusedTokens) this.close('unauthenticated', error);
    else if (this.#current !== undefined) {
      // The one that was to take over is all there is now. When the old node says that it did, its own word is on the way.
      if (this.#current.isCaughtUp || isMoved) return;
      this.#set({ phase: 'connecting', failures: this.#backoff.failures });
    } else if (this.#timer !== undefined || this.#opening) {
      // A move was planned and the old stream did not last until then: the plan stands.
      const retryInMs = this.#timer === undefined ? 0 : Math.max(0, this.#dueMs - this.#runtime.now());
      this.#set({ phase: 'waiting', retryInMs, error });
    } else this.#wait(error, goodbye === undefined ? 0 : this.#askedWaitMs(goodbye));
  }

  #noteStray(session: Session): void {
    if (session.welcome === undefined) this.#strayMs = this.#runtime.now();
  }

  /** Whether it can be that an own stream took over, which is gone. Once for each: others that take over again are others. */
  #isByStray(): boolean {
    const isRecent = this.#runtime.now() - this.#strayMs < straysMs;
    this.#strayMs = Number.NEGATIVE_INFINITY;
    return isRecent;
  }

  #unlessAtRest(tell: () => void): void {
    if (!this.#isAtRest()) tell();
  }

  /** No stream is wanted. */
  #isAtRest(): boolean {
    return this.#state.phase === 'closed' || this.#state.phase === 'idle';
  }

  #isClosed(): boolean {
    if (this.#state.phase !== 'closed') return false;
    if (this.#current === undefined && this.#next === undefined) for (const gone of this.#whenGone.splice(0)) gone();
    return true;
  }

  #learn(error: ParleyError): void {
    if (error.reason === 'INVALID_TOKEN') this.#listener.resumeToken(undefined);
    if (error.code === Code.UNAUTHENTICATED) {
      this.#refusedTokens += 1;
      this.#tokens.refused(this.#token);
    }
  }

  #wait(error: ParleyError | undefined, askedMs: number): void {
    if (this.#isAtRest()) return;
    const retryInMs = this.#backoff.nextMs(Math.max(askedMs, error?.retryAfterMs ?? 0));
    if (this.#current === undefined) this.#set({ phase: 'waiting', retryInMs, error });
    this.#plan(retryInMs);
  }

  #plan(inMs: number): void {
    this.#timer?.cancel();
    this.#dueMs = this.#runtime.now() + inMs;
    this.#timer = this.#runtime.setTimer(inMs, () => this.#open());
  }
}
