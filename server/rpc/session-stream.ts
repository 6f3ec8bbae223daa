import { randomBytes } from 'node:crypto';
import type { ClientFrame, Hello } from '#proto/parley/v1/stream_service.ts';
import type { Identity, Verifier } from '../auth/verifier.ts';
import type { Caller } from '../chat/caller.ts';
import { Refusal } from '../core/errors.ts';
import type { SessionId } from '../core/ids.ts';
import type { DeliveryContext } from '../delivery/context.ts';
import { openSession } from '../delivery/opening.ts';
import { Session } from '../delivery/session.ts';
import type { Sessions } from '../delivery/sessions.ts';
import type { Log } from '../telemetry/log.ts';
import { callerOf, identityOfCall } from './authenticate.ts';
import { refusalOf, statusObjectOf } from './errors.ts';
import { StreamFrames, type FrameServices, type StreamIds } from './stream-frames.ts';
import { parseHello } from './stream-hello.ts';
import type { StreamCall } from './stream-end.ts';
import type { Sinks, StreamSink } from './stream-sink.ts';
import { traceOf } from './trace.ts';

/** Frames that wait for a client that reads nothing; above, nothing more is read of it either. */
const maxBacklog = 1_024;

export interface StreamContext {
  readonly nodeId: string;
  readonly delivery: DeliveryContext;
  readonly sessions: Sessions;
  readonly verifier: Verifier;
  readonly log: Log;
  readonly services: FrameServices;
  readonly sinks: Sinks;
  /** Notes what the token says of a user, at the opening of a stream. */
  readonly noteUser: (caller: Caller) => void;
}

/** A client's Hello as it came. */
export interface Greeting {
  readonly identity: Identity;
  readonly hello: Hello;
  readonly helloBytes: number;
  /** Of the frame that Hello was in; 0 = it wants no reply. */
  readonly requestId: bigint;
}

/** The session of one stream, from its Hello to its end: the same, however its frames come in. */
export class SessionStream {
  readonly sink: StreamSink;
  readonly #call: StreamCall;
  readonly #context: StreamContext;
  #ids: StreamIds;
  #session: Session | undefined;
  #frames: StreamFrames | undefined;
  #opened = false;
  #over = false;

  constructor(call: StreamCall, context: StreamContext) {
    this.#call = call;
    this.#context = context;
    this.sink = context.sinks.of(call);
    this.#ids = traceOf(call.metadata);
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** Its frames are taken. */
  get opened(): boolean {
    return this.#opened;
  }

  /** Nothing is taken any more. */
  get over(): boolean {
    return this.#over || this.#session?.phase === 'ended';
  }

  /** Whether replies pile up that its client does not read. */
  get isBehind(): boolean {
    return this.#session?.outbox.isBehind(maxBacklog) === true;
  }

  /** Who calls. @throws Refusal TOKEN_… or KEYS_UNAVAILABLE */
  async identify(): Promise<Identity> {
    const { metadata } = this.#call;
    const identity = await identityOfCall(metadata, this.#context.verifier);
    // Metadata live as long as the stream: what is not needed any more would be a third of its memory.
    for (const key of Object.keys(metadata.getMap())) metadata.remove(key);
    return identity;
  }

  /** Opens its session; `onOpened` is called once frames may be taken, with Welcome told. What fails ends the stream. */
  open(greeting: Greeting, onOpened: (session: Session) => void): void {
    void this.#open(greeting, onOpened).catch((error: unknown) => this.fail(error));
  }

  async #open(greeting: Greeting, onOpened: (session: Session) => void): Promise<void> {
    const { identity, hello, helloBytes, requestId } = greeting;
    const { delivery, sessions, services, nodeId, noteUser } = this.#context;
    const { userId, expiresMs } = identity;
    let parsed;
    try {
      parsed = parseHello(hello, helloBytes);
    } catch (error) {
      this.breach(error);
      return;
    }
    const { deviceId, opening } = parsed;
    if (identity.deviceId !== undefined && identity.deviceId !== deviceId) {
      throw new Refusal('TOKEN_INVALID', 'the token is bound to another device');
    }
    const sessionId = `${nodeId}.${randomBytes(12).toString('base64url')}` as SessionId;
    const make = (startMs: number): Session => {
      this.#session = new Session({ sessionId, userId, deviceId, startMs }, expiresMs, this.sink, delivery);
      return this.#session;
    };
    const session = await sessions.open(userId, deviceId, make, () => services.devices.met(userId, deviceId));
    this.#ids = { ...this.#ids, session: sessionId };
    // The client may have gone before there was a session to end.
    if (this.#over) return this.gone();
    const sdk = hello.sdk === undefined ? undefined : `${hello.sdk.name} ${hello.sdk.version}`;
    this.#context.log.debug({ ...this.#ids, user: userId, device: deviceId, sdk }, 'session opened');
    const caller: Caller = { ...callerOf(identity), deviceId, sessionId };
    noteUser(caller);
    this.#frames = new StreamFrames(session, caller, services, delivery.limits.framesInFlight, this.#ids);
    // From Welcome on frames are taken, in order, also amid the backfill.
    await openSession(session, opening, delivery, () => {
      session.reply(requestId, { kind: 'done' });
      this.#opened = true;
      onOpened(session);
    });
  }

  /** Takes frames, in order. Gives why the stream ends of them; undefined = it goes on. */
  take(frames: readonly ClientFrame[]): Refusal | undefined {
    for (const frame of frames) {
      if (this.#over) return undefined;
      if (frame.frame?.$case === 'hello') {
        return this.breach(new Refusal('HELLO_REPEATED', 'Hello may be sent once a stream: open another stream'));
      }
      this.#frames?.take(frame);
    }
    return undefined;
  }

  /** The client broke the contract: nothing more of it is taken. Gives what it is told. */
  breach(error: unknown): Refusal {
    const refusal = refusalOf(error, (cause) => this.#context.services.report(cause, this.#ids));
    if (this.#over) return refusal;
    this.#context.services.observeFrame('breach', refusal.reason);
    const session = this.#session;
    this.#over = true;
    if (session === undefined || session.phase === 'ended') {
      const goodbye = this.#context.delivery.goodbyeOf('protocol', refusal.message);
      this.sink.write(this.#context.delivery.encode({ type: 'goodbye', goodbye }));
      this.sink.end(goodbye, refusal);
    } else {
      // What was taken before it is still answered.
      const end = (): void => session.end('protocol', refusal);
      if (this.#frames === undefined) end();
      else this.#frames.whenIdle(end);
    }
    return refusal;
  }

  /** The stream cannot be opened, or failed while it was. */
  fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    const refusal = refusalOf(error, (cause) => this.#context.services.report(cause, this.#ids));
    if (this.#session !== undefined && this.#opened) {
      this.#session.end('failed', refusal);
      return;
    }
    this.gone();
    this.#call.emit('error', statusObjectOf(refusal));
  }

  /** The client has gone. */
  gone(): void {
    this.#over = true;
    const message = 'the stream was closed by its client';
    this.#session?.close(this.#context.delivery.goodbyeOf('handed-over', message));
  }
}
