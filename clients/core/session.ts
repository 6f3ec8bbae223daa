import type {
  CaughtUp,
  ClientFrame,
  Goodbye,
  Hello,
  Reply,
  ServerFrame,
  Welcome,
} from '#proto/parley/v1/stream_service.ts';
import type { Carrier, CarrierStream } from './carrier.ts';
import * as Code from './codes.ts';
import { errorOfStatus, localError } from './errors.ts';
import type { ParleyError } from './errors.ts';
import { aboutMs } from './runtime.ts';
import type { Runtime, Timer } from './runtime.ts';
import { msOf } from './times.ts';

/** A stream without any frame for this long is held for dead. */
const silenceMs = 60_000;
/** Hello must be answered by Welcome within this time. */
const openingMs = 20_000;
const defaultBeatMs = 25_000;

/** What a client says: the inside of a ClientFrame. */
export type Says = NonNullable<ClientFrame['frame']>;
type Heard = NonNullable<ServerFrame['frame']>;
/** What a server says that is none of the session's own. */
export type Told = Exclude<Heard, { $case: 'reply' | 'welcome' | 'heartbeatReply' | 'caughtUp' | 'goodbye' }>;
/** What became of a request: the reply's result, or why there is none. */
export type Outcome = { ok: true; result: Reply['result'] } | { ok: false; error: ParleyError };

/** Told one at a time, in the stream's order. */
export interface SessionListener {
  welcome(session: Session, welcome: Welcome): void;
  told(session: Session, frame: Told): void;
  /** After each batch of frames: what it took on the wire. */
  batch(session: Session, bytes: number): void;
  caughtUp(session: Session, caughtUp: CaughtUp): void;
  resumeToken(session: Session, token: Uint8Array): void;
  goodbye(session: Session, goodbye: Goodbye): void;
  /** The stream is over, last call. All requests without a reply were answered CONNECTION_LOST before. */
  ended(session: Session, error: ParleyError | undefined): void;
}

/** One stream of the device from Hello to its end: heartbeats, silence, and which reply answers what. */
export class Session {
  readonly #runtime: Runtime;
  readonly #listener: SessionListener;
  readonly #stream: CarrierStream;
  readonly #waiting = new Map<bigint, (outcome: Outcome) => void>();
  #nextRequest = 1n;
  #foreground: boolean;
  #timer: Timer;
  #lastHeardMs: number;
  #beatMs = defaultBeatMs;
  #welcome: Welcome | undefined;
  #ended = false;
  #isCaughtUp = false;
  #verdict: ParleyError | undefined;

  constructor(carrier: Carrier, hello: Hello, token: string, runtime: Runtime, listener: SessionListener) {
    this.#runtime = runtime;
    this.#listener = listener;
    this.#foreground = hello.foreground;
    this.#lastHeardMs = runtime.now();
    this.#timer = runtime.setTimer(openingMs, () => this.#give('no Welcome came in time'));
    this.#stream = carrier.open(hello, token, {
      frames: (frames, bytes) => this.#take(frames, bytes),
      ended: (error) => this.#end(error),
    });
  }

  /** Undefined until the server answered Hello. */
  get welcome(): Welcome | undefined {
    return this.#welcome;
  }

  get isCaughtUp(): boolean {
    return this.#isCaughtUp;
  }

  /** Welcomed and not over: frames may be sent. */
  get isOpen(): boolean {
    return this.#welcome !== undefined && !this.#ended;
  }

  /** Says something without wanting a reply. */
  say(...said: readonly Says[]): void {
    if (!this.#ended) this.#stream.send(said.map((frame) => ({ requestId: 0n, frame })));
  }

  /** Says something and tells what became of it, once, later: never during this call. */
  request(frame: Says, done: (outcome: Outcome) => void): void {
    this.requestAll([{ frame, done }]);
  }

  /** Several requests in one batch, in order. */
  requestAll(requests: readonly { frame: Says; done: (outcome: Outcome) => void }[]): void {
    if (requests.length === 0) return;
    if (this.#ended) {
      const lost = connectionLost();
      for (const { done } of requests) queueMicrotask(() => done({ ok: false, error: lost }));
      return;
    }
    const frames = requests.map(({ frame, done }) => {
      const requestId = this.#nextRequest;
      this.#nextRequest += 1n;
      this.#waiting.set(requestId, done);
      return { requestId, frame };
    });
    this.#stream.send(frames);
  }

  /** Whether the app is in front of the user; told at once, as a heartbeat. */
  beat(foreground: boolean): void {
    this.#foreground = foreground;
    if (this.isOpen) this.#beat();
  }

  /** Ends the stream from this side. */
  close(): void {
    this.#stream.close();
  }

  /** Ends it at once. */
  abort(): void {
    this.#stream.abort();
  }

  #take(frames: readonly ServerFrame[], bytes: number): void {
    this.#lastHeardMs = this.#runtime.now();
    for (const { frame } of frames) {
      if (this.#ended) return;
      if (frame !== undefined) this.#dispatch(frame);
    }
    if (!this.#ended) this.#listener.batch(this, bytes);
  }

  #dispatch(frame: Heard): void {
    switch (frame.$case) {
      case 'reply':
        this.#reply(frame.value);
        return;
      case 'welcome': {
        this.#welcome = frame.value;
        this.#beatMs = msOf(frame.value.heartbeatInterval) ?? defaultBeatMs;
        this.#setBeat();
        this.#listener.welcome(this, frame.value);
        return;
      }
      case 'heartbeatReply':
        if (frame.value.resumeToken.length > 0) this.#listener.resumeToken(this, frame.value.resumeToken);
        return;
      case 'caughtUp':
        this.#isCaughtUp = true;
        if (frame.value.resumeToken.length > 0) this.#listener.resumeToken(this, frame.value.resumeToken);
        this.#listener.caughtUp(this, frame.value);
        return;
      case 'goodbye':
        this.#listener.goodbye(this, frame.value);
        return;
      default:
        this.#listener.told(this, frame);
    }
  }

  #reply(reply: Reply): void {
    const done = this.#waiting.get(reply.requestId);
    if (done === undefined) return;
    this.#waiting.delete(reply.requestId);
    if (reply.result?.$case === 'error') done({ ok: false, error: errorOfStatus(reply.result.value) });
    else done({ ok: true, result: reply.result });
  }

  #setBeat(): void {
    this.#timer.cancel();
    const untilSilentMs = this.#lastHeardMs + silenceMs - this.#runtime.now();
    const waitMs = Math.min(aboutMs(this.#runtime, this.#beatMs), untilSilentMs);
    this.#timer = this.#runtime.setTimer(waitMs, () => this.#beat());
  }

  #beat(): void {
    if (this.#ended) return;
    if (this.#runtime.now() - this.#lastHeardMs >= silenceMs) {
      this.#give('nothing was heard for a minute');
      return;
    }
    this.say({ $case: 'heartbeat', value: { foreground: this.#foreground } });
    this.#setBeat();
  }

  /** Holds the stream for dead. */
  #give(why: string): void {
    this.#verdict = localError('CONNECTION_LOST', why, Code.UNAVAILABLE);
    this.#stream.abort();
  }

  #end(error: ParleyError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer.cancel();
    const lost = connectionLost();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const done of waiting) done({ ok: false, error: lost });
    this.#listener.ended(this, this.#verdict ?? error);
  }
}

function connectionLost(): ParleyError {
  return localError('CONNECTION_LOST', 'the stream ended before the answer', Code.UNAVAILABLE);
}
