import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import { Hello } from '#proto/parley/v1/stream_service.ts';
import type { Identity } from '../auth/verifier.ts';
import { Refusal } from '../core/errors.ts';
import { SessionStream, type StreamContext } from './session-stream.ts';
import { decodeRequest, maxHelloBytes } from './stream-hello.ts';

/** Hello must come within this time. */
const helloWithinMs = 10_000;
/** Requests that wait for the end of the opening, and their bytes; the transport holds back the rest. */
const maxWaitingRequests = 64;
const maxWaitingBytes = 512 * 1_024;

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
  readonly #stream: SessionStream;
  #identity: Identity | undefined;
  /** The first request was taken. */
  #begun = false;
  /** What came before the session could take it. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;

  constructor(call: OpenCall, context: StreamContext) {
    this.#call = call;
    this.#context = context;
    this.#stream = new SessionStream(call, context);
  }

  async run(): Promise<void> {
    const call = this.#call;
    const stream = this.#stream;
    const late = this.#context.delivery.clock.after(helloWithinMs, () => {
      stream.breach(new Refusal('HELLO_REQUIRED', 'no Hello came within 10 s of the stream'));
    });
    call.on('data', (bytes: Buffer) => {
      late.cancel();
      this.#receive(bytes);
    });
    stream.sink.onDrain(() => {
      stream.session?.outbox.drained();
      if (stream.opened) call.resume();
    });
    const gone = (): void => {
      late.cancel();
      this.#waiting = [];
      stream.gone();
    };
    call.on('cancelled', gone);
    call.on('close', gone);
    call.on('end', () => {
      // The client has closed its side: the session is over, and the stream ends well.
      gone();
      call.end();
    });
    try {
      this.#identity = await stream.identify();
      const waiting = this.#waiting.shift();
      if (waiting !== undefined) this.#first(this.#identity, waiting);
    } catch (error) {
      late.cancel();
      stream.fail(error);
    }
  }

  #receive(bytes: Buffer): void {
    if (this.#stream.over) return;
    if (this.#stream.opened) return this.#take(bytes);
    if (this.#identity !== undefined && !this.#begun) return this.#first(this.#identity, bytes);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waiting.length >= maxWaitingRequests || this.#waitingBytes >= maxWaitingBytes) this.#call.pause();
  }

  /** The first request: Hello, and what shares it. */
  #first(identity: Identity, bytes: Buffer): void {
    this.#begun = true;
    try {
      const { frames } = decodeRequest(bytes, true);
      const [first, ...rest] = frames;
      if (first?.frame?.$case !== 'hello') return;
      const hello = first.frame.value;
      // Hello's own size matters only where the request could hold one that is too large.
      const helloBytes = bytes.length <= maxHelloBytes ? bytes.length : Hello.encode(hello).finish().length;
      this.#stream.open({ identity, hello, helloBytes, requestId: first.requestId }, () => {
        this.#stream.take(rest);
        for (const waiting of this.#waiting.splice(0)) if (!this.#stream.over) this.#take(waiting);
        this.#call.resume();
      });
    } catch (error) {
      this.#stream.breach(error);
    }
  }

  #take(bytes: Buffer): void {
    try {
      this.#stream.take(decodeRequest(bytes, false).frames);
      // Its replies would pile up here.
      if (this.#stream.isBehind) this.#call.pause();
    } catch (error) {
      this.#stream.breach(error);
    }
  }
}
