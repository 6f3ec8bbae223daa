import { randomBytes } from 'node:crypto';
import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import { Hello, type ClientFrame } from '#proto/parley/v1/stream_service.ts';
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
import { decodeRequest, maxHelloBytes, parseHello } from './stream-hello.ts';
import type { Sinks, StreamSink } from './stream-sink.ts';
import { traceOf } from './trace.ts';

/** Hello must come within this time. */
const helloWithinMs = 10_000;
/** Requests that wait for the end of the opening, and their bytes; the transport holds back the rest. */
const maxWaitingRequests = 64;
const maxWaitingBytes = 512 * 1_024;
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

type OpenCall = ServerDuplexStream<Buffer, Buffer>;

/** Serves StreamService.Open: bytes in and out, so that frames are encoded once for many streams. */
export function openHandler(context: StreamContext): handleBidiStreamingCall<Buffer, Buffer> {
  return (call) => {
    void new OpenStream(call, context).run();
  };
}

class OpenStream {
  readonly #call: OpenCall;
  readonly #context: StreamContext;
  readonly #sink: StreamSink;
  #ids: StreamIds;
  #session: Session | undefined;
  #frames: StreamFrames | undefined;
  #identity: Identity | undefined;
  /** The first request was taken. */
  #begun = false;
  /** What came before the session could take it. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #opened = false;
  #over = false;

  constructor(call: OpenCall, context: StreamContext) {
    this.#call = call;
    this.#context = context;
    this.#sink = context.sinks.of(call);
    this.#ids = traceOf(call.metadata);
  }

  async run(): Promise<void> {
    const call = this.#call;
    const { clock } = this.#context.delivery;
    const late = clock.after(helloWithinMs, () => {
      this.#breach(new Refusal('HELLO_REQUIRED', 'no Hello came within 10 s of the stream'));
    });
    call.on('data', (bytes: Buffer) => {
      late.cancel();
      this.#receive(bytes);
    });
    this.#sink.onDrain(() => {
      this.#session?.outbox.drained();
      if (this.#opened) call.resume();
    });
    const gone = (): void => {
      late.cancel();
      this.#gone();
    };
    call.on('cancelled', gone);
    call.on('close', gone);
    call.on('end', () => {
      // The client has closed its side: the session is over, and the stream ends well.
      gone();
      call.end();
    });
    try {
      this.#identity = await identityOfCall(call.metadata, this.#context.verifier);
      // Metadata live as long as the stream: what is not needed any more would be a third of its memory.
      for (const key of Object.keys(call.metadata.getMap())) call.metadata.remove(key);
      const waiting = this.#waiting.shift();
      if (waiting !== undefined) this.#first(waiting);
    } catch (error) {
      late.cancel();
      this.#fail(error);
    }
  }

  #receive(bytes: Buffer): void {
    if (this.#over || this.#session?.phase === 'ended') return;
    if (this.#opened) return this.#take(bytes);
    if (this.#identity !== undefined && !this.#begun) return this.#first(bytes);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waiting.length >= maxWaitingRequests || this.#waitingBytes >= maxWaitingBytes) this.#call.pause();
  }

  /** The first request: Hello, and what shares it. */
  #first(bytes: Buffer): void {
    this.#begun = true;
    try {
      const { frames } = decodeRequest(bytes, true);
      const [first, ...rest] = frames;
      if (first?.frame?.$case !== 'hello') return;
      const hello = first.frame.value;
      // Hello's own size matters only where the request could hold one that is too large.
      const helloBytes = bytes.length <= maxHelloBytes ? bytes.length : Hello.encode(hello).finish().length;
      void this.#open(hello, helloBytes, first.requestId, rest).catch((error: unknown) => this.#fail(error));
    } catch (error) {
      this.#breach(error);
    }
  }

  async #open(hello: Hello, helloBytes: number, requestId: bigint, rest: readonly ClientFrame[]): Promise<void> {
    const { delivery, sessions, services, nodeId, noteUser } = this.#context;
    const identity = this.#identity as Identity;
    const { userId, expiresMs } = identity;
    let parsed;
    try {
      parsed = parseHello(hello, helloBytes);
    } catch (error) {
      return this.#breach(error);
    }
    const { deviceId, opening } = parsed;
    if (identity.deviceId !== undefined && identity.deviceId !== deviceId) {
      throw new Refusal('TOKEN_INVALID', 'the token is bound to another device');
    }
    const sessionId = `${nodeId}.${randomBytes(12).toString('base64url')}` as SessionId;
    const session = await sessions.open(userId, deviceId, (startMs) => {
      this.#session = new Session({ sessionId, userId, deviceId, startMs }, expiresMs, this.#sink, delivery);
      return this.#session;
    });
    this.#ids = { ...this.#ids, session: sessionId };
    // The client may have gone before there was a session to end.
    if (this.#over) return this.#gone();
    const sdk = hello.sdk === undefined ? undefined : `${hello.sdk.name} ${hello.sdk.version}`;
    this.#context.log.debug({ ...this.#ids, user: userId, device: deviceId, sdk }, 'session opened');
    const caller: Caller = { ...callerOf(identity), deviceId, sessionId };
    noteUser(caller);
    this.#frames = new StreamFrames(session, caller, services, delivery.limits.framesInFlight, this.#ids);
    // From Welcome on frames are taken, in order, also amid the backfill.
    await openSession(session, opening, delivery, () => {
      session.reply(requestId, { kind: 'done' });
      this.#opened = true;
      this.#takeFrames(rest);
      for (const bytes of this.#waiting.splice(0)) if (!this.#over) this.#take(bytes);
      this.#call.resume();
    });
  }

  #take(bytes: Buffer): void {
    try {
      this.#takeFrames(decodeRequest(bytes, false).frames);
      // Its replies would pile up here.
      if (this.#session?.outbox.isBehind(maxBacklog) === true) this.#call.pause();
    } catch (error) {
      this.#breach(error);
    }
  }

  #takeFrames(frames: readonly ClientFrame[]): void {
    for (const frame of frames) {
      if (this.#over) return;
      if (frame.frame?.$case === 'hello') {
        return this.#breach(new Refusal('HELLO_REPEATED', 'Hello may be sent once a stream: open another stream'));
      }
      this.#frames?.take(frame);
    }
  }

  /** The client broke the contract: nothing more of it is taken. */
  #breach(error: unknown): void {
    if (this.#over) return;
    const refusal = refusalOf(error, (cause) => this.#context.services.report(cause, this.#ids));
    this.#context.services.observeFrame('breach', refusal.reason);
    const session = this.#session;
    this.#over = true;
    if (session === undefined || session.phase === 'ended') {
      const goodbye = this.#context.delivery.goodbyeOf('protocol', refusal.message);
      this.#sink.write(this.#context.delivery.encode({ type: 'goodbye', goodbye }));
      this.#sink.end(goodbye, refusal);
    } else {
      // What was taken before it is still answered.
      const end = (): void => session.end('protocol', refusal.message, refusal);
      if (this.#frames === undefined) end();
      else this.#frames.whenIdle(end);
    }
  }

  /** The stream cannot be opened, or failed while it was. */
  #fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    const refusal = refusalOf(error, (cause) => this.#context.services.report(cause, this.#ids));
    if (this.#session !== undefined && this.#opened) {
      this.#session.end('failed', refusal.message, refusal);
      return;
    }
    this.#gone();
    this.#call.emit('error', statusObjectOf(refusal));
  }

  #gone(): void {
    this.#over = true;
    this.#waiting = [];
    const message = 'the stream was closed by its client';
    this.#session?.close(this.#context.delivery.goodbyeOf('handed-over', message));
  }
}
