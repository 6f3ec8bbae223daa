// A carrier whose other end is the test: it sees what the client says and says what it likes.
import type {
  ClientFrame,
  Goodbye,
  Hello,
  ServerFrame,
  SessionLimits,
  Welcome,
} from '#proto/parley/v1/stream_service.ts';
import { Goodbye as GoodbyeMessage, Welcome as WelcomeMessage } from '#proto/parley/v1/stream_service.ts';
import type { CallOptions, Carrier, CarrierStream, StreamListener } from '../../clients/core/carrier.ts';
import * as Code from '../../clients/core/codes.ts';
import { ParleyError } from '../../clients/core/errors.ts';
import type { Path, RequestOf, ResponseOf } from '../../clients/core/methods.ts';

type Say = NonNullable<ClientFrame['frame']>;
type Tell = NonNullable<ServerFrame['frame']>;

interface Said<K extends Say['$case']> {
  readonly requestId: bigint;
  readonly value: Extract<Say, { $case: K }>['value'];
}

export class ScriptedStream implements CarrierStream {
  readonly hello: Hello;
  readonly token: string;
  readonly said: ClientFrame[] = [];
  /** How the client ended it; undefined = it did not. */
  closedBy: 'close' | 'abort' | undefined;
  /** Whether closing answers by ending, as a healthy server does. */
  endsWhenClosed = true;
  readonly #listener: StreamListener;
  #ended = false;

  constructor(hello: Hello, token: string, listener: StreamListener) {
    this.hello = hello;
    this.token = token;
    this.#listener = listener;
  }

  send(frames: readonly ClientFrame[]): void {
    this.said.push(...frames);
  }

  close(): void {
    this.closedBy ??= 'close';
    if (this.endsWhenClosed) queueMicrotask(() => this.end());
  }

  abort(): void {
    this.closedBy = 'abort';
    queueMicrotask(() => this.end(unavailable('cancelled')));
  }

  /** Frames of one kind that the client said. */
  of<K extends Say['$case']>(kind: K): Said<K>[] {
    const said = this.said.filter(({ frame }) => frame?.$case === kind);
    return said.map(({ requestId, frame }) => ({ requestId, value: frame?.value as Said<K>['value'] }));
  }

  tell(...frames: Tell[]): void {
    this.tellBytes(100 * frames.length, ...frames);
  }

  tellBytes(bytes: number, ...frames: Tell[]): void {
    this.#listener.frames(
      frames.map((frame) => ({ frame })),
      bytes,
    );
  }

  welcome(fields: Partial<Welcome> = {}, limits: Partial<SessionLimits> = {}): void {
    const value = WelcomeMessage.fromPartial({
      sessionId: 's-1',
      userId: 'alice',
      serverTime: { seconds: 1_700_000_000n, nanos: 0 },
      heartbeatInterval: { seconds: 25n, nanos: 0 },
      limits: { windowEntries: 256, windowBytes: 262_144, contentBytes: 65_536, framesInFlight: 64, ...limits },
      userEpoch: 1n,
      ...fields,
    });
    this.tell({ $case: 'welcome', value });
  }

  caughtUp(resumeToken = 'token-1', userSequence = 0n): void {
    this.tell({ $case: 'caughtUp', value: { resumeToken: Buffer.from(resumeToken), userSequence } });
  }

  goodbye(fields: Partial<Goodbye>): void {
    this.tell({ $case: 'goodbye', value: GoodbyeMessage.fromPartial(fields) });
  }

  end(error?: ParleyError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#listener.ended(error);
  }
}

type Answer = (path: Path, request: never, options: CallOptions) => unknown;

export class ScriptedCarrier implements Carrier {
  readonly name = 'parley-test';
  readonly version = '0.0.0';
  readonly streams: ScriptedStream[] = [];
  readonly calls: ({ path: Path; request: unknown } & CallOptions)[] = [];
  /** Answers unary calls; may throw and may answer a promise. */
  answer: Answer = (path) => {
    throw new ParleyError({ reason: 'NOT_SERVED', code: Code.UNIMPLEMENTED, message: path });
  };
  closed = false;

  open(hello: Hello, token: string, listener: StreamListener): CarrierStream {
    const stream = new ScriptedStream(hello, token, listener);
    this.streams.push(stream);
    return stream;
  }

  async call<P extends Path>(path: P, request: RequestOf<P>, options: CallOptions): Promise<ResponseOf<P>> {
    this.calls.push({ path, request, ...options });
    return (await this.answer(path, request as never, options)) as ResponseOf<P>;
  }

  close(): void {
    this.closed = true;
  }

  /** The stream opened last. */
  get last(): ScriptedStream {
    const stream = this.streams.at(-1);
    if (stream === undefined) throw new Error('no stream was opened');
    return stream;
  }
}

export function unavailable(message = 'gone'): ParleyError {
  return new ParleyError({ reason: 'NO_REASON', code: Code.UNAVAILABLE, message });
}

export function refusal(reason: string, code: number, retryAfterMs?: number): ParleyError {
  return new ParleyError({ reason, code, message: reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
}
