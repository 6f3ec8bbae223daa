// One Open stream of a RawClient: frames as they come, each kept, and waits that end with the stream.
import type { StatusObject } from '@grpc/grpc-js';
import {
  type ClientFrame,
  type DeepPartial,
  type Goodbye,
  GoodbyeReason,
  type Hello,
  OpenRequest,
  OpenResponse,
  type Reply,
  type ServerFrame,
} from '#proto/parley/v1/stream_service.ts';
import { type RawStatus, statusOf, statusOfReply } from './raw-status.ts';

type Say = NonNullable<ClientFrame['frame']>;
type Told = NonNullable<ServerFrame['frame']>;
type ToldKind = Told['$case'];
export type ToldValue<Kind extends ToldKind> = Extract<Told, { $case: Kind }>['value'];

/** What a Reply came to: the status of a refusal, or the reply. */
export type Outcome = { reply: Reply; error?: RawStatus };

type Waiter = { check: () => boolean; resolve: () => void; reject: (error: Error) => void };

/** What a RawStream speaks through: a call of grpc-js, or one on bare HTTP/2. */
export type StreamCall = {
  on(event: 'data', listener: (bytes: Buffer) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'status', listener: (status: StatusObject) => void): unknown;
  write(bytes: Buffer): unknown;
  pause(): unknown;
  resume(): unknown;
  end(): unknown;
  cancel(): void;
};

export class RawStream {
  /** Every frame that came, in order. */
  readonly told: Told[] = [];
  /** Resolves with the status of the stream. */
  readonly ended: Promise<RawStatus>;
  /** Called with each frame as it comes. */
  onTold: ((frame: Told) => void) | undefined;
  readonly #call: StreamCall;
  readonly #waiters = new Set<Waiter>();
  readonly #replies = new Map<bigint, Outcome>();
  #end: RawStatus | undefined;
  /** Above those that tests choose themselves. */
  #lastRequestId = 1_000_000n;

  constructor(call: StreamCall) {
    this.#call = call;
    call.on('data', (bytes: Buffer) => this.#take(bytes));
    // The status says it too.
    call.on('error', () => {});
    this.ended = new Promise((resolve) => {
      call.on('status', (status: StatusObject) => {
        // What had come before the status is read first.
        setImmediate(() => {
          this.#end = statusOf(status);
          resolve(this.#end);
          this.#wake();
        });
      });
    });
  }

  #take(bytes: Buffer): void {
    for (const { frame } of OpenResponse.decode(bytes).frames) {
      if (frame === undefined) continue;
      this.told.push(frame);
      this.onTold?.(frame);
      if (frame.$case !== 'reply') continue;
      const reply = frame.value;
      if (this.#replies.has(reply.requestId)) throw new Error(`request ${reply.requestId} was answered twice`);
      const error = reply.result?.$case === 'error' ? statusOfReply(reply.result.value) : undefined;
      this.#replies.set(reply.requestId, error === undefined ? { reply } : { reply, error });
    }
    this.#wake();
  }

  #wake(): void {
    for (const waiter of this.#waiters) {
      if (waiter.check()) waiter.resolve();
      else if (this.#end !== undefined) waiter.reject(this.#lost());
      else continue;
      this.#waiters.delete(waiter);
    }
  }

  #lost(): Error {
    const kinds = this.told.slice(-10).map((frame) => frame.$case);
    const { code, reason, message } = this.#end ?? {};
    return new Error(`the stream ended ${code} ${reason} ${message}; told last: ${kinds.join(', ')}`);
  }

  /** Resolves once `check` is true; it is asked after every message. Rejects when the stream ends before. */
  async until(check: () => boolean): Promise<void> {
    if (check()) return;
    if (this.#end !== undefined) throw this.#lost();
    await new Promise<void>((resolve, reject) => this.#waiters.add({ check, resolve, reject }));
  }

  /** Any bytes as one message of the stream. */
  sendBytes(bytes: Uint8Array): void {
    this.#call.write(Buffer.from(bytes));
  }

  /** Frames as one OpenRequest, as they are. */
  sendFrames(...frames: DeepPartial<ClientFrame>[]): void {
    this.sendBytes(OpenRequest.encode(OpenRequest.fromPartial({ frames })).finish());
  }

  /** One frame without a request id. */
  say<Kind extends Say['$case']>($case: Kind, value: DeepPartial<Extract<Say, { $case: Kind }>['value']>): void {
    this.sendFrames({ frame: { $case, value } } as DeepPartial<ClientFrame>);
  }

  /** One frame with a fresh request id; resolves with what became of it. */
  async request<Kind extends Say['$case']>(
    $case: Kind,
    value: DeepPartial<Extract<Say, { $case: Kind }>['value']>,
  ): Promise<Outcome> {
    return this.requestFrame({ $case, value } as DeepPartial<Say>);
  }

  /** The same, of a whole frame. */
  async requestFrame(frame: DeepPartial<Say>): Promise<Outcome> {
    const requestId = ++this.#lastRequestId;
    this.sendFrames({ requestId, frame } as DeepPartial<ClientFrame>);
    return this.reply(requestId);
  }

  /** The Reply to a request id. */
  async reply(requestId: bigint): Promise<Outcome> {
    await this.until(() => this.#replies.has(requestId));
    const outcome = this.#replies.get(requestId);
    if (outcome === undefined) throw new Error(`no reply to ${requestId}`);
    return outcome;
  }

  get replyCount(): number {
    return this.#replies.size;
  }

  /** Values of all frames of a kind so far. */
  all<Kind extends ToldKind>($case: Kind): ToldValue<Kind>[] {
    return this.told.filter((frame) => frame.$case === $case).map((frame) => frame.value as ToldValue<Kind>);
  }

  /** The first frame of a kind that `fits`, had or to come. */
  async first<Kind extends ToldKind>(
    $case: Kind,
    fits: (value: ToldValue<Kind>) => boolean = () => true,
  ): Promise<ToldValue<Kind>> {
    const found: ToldValue<Kind>[] = [];
    await this.until(() => {
      found.push(...this.all($case).filter(fits));
      return found.length > 0;
    });
    const [value] = found;
    if (value === undefined) throw new Error(`no ${$case}`);
    return value;
  }

  /** Says Hello and waits until the stream is live. */
  async live(hello: DeepPartial<Hello> & { deviceId: string }): Promise<this> {
    this.say('hello', { apiRevision: 1, sdk: { name: 'raw', version: '1' }, ...hello });
    await this.first('caughtUp');
    return this;
  }

  /** The Goodbye and the status after it. Rejects when the stream ends without one. */
  async goodbye(): Promise<{ reason: string; goodbye: Goodbye; status: RawStatus }> {
    const goodbye = await this.first('goodbye');
    const [name = ''] = Object.entries(GoodbyeReason).find(([, value]) => value === goodbye.reason) ?? [];
    return { reason: name.replace('GOODBYE_REASON_', ''), goodbye, status: await this.ended };
  }

  /** Stops reading (a call of grpc-js still takes 16 messages); `thaw` goes on. */
  freeze(): void {
    this.#call.pause();
  }

  thaw(): void {
    this.#call.resume();
  }

  /** Ends the client's side. */
  end(): void {
    this.#call.end();
  }

  cancel(): void {
    this.#call.cancel();
  }
}
