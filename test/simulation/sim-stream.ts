// The node's end of a stream, without gRPC: what server/rpc/stream-service.ts does with what it is given.
import { Hello, type ClientFrame } from '#proto/parley/v1/stream_service.ts';
import { noDevice, type SessionId, type UserId } from '../../server/core/ids.ts';
import type { Refusal } from '../../server/core/errors.ts';
import type { Caller } from '../../server/chat/caller.ts';
import type { Goodbye, Sink } from '../../server/delivery/frames.ts';
import { openSession } from '../../server/delivery/opening.ts';
import { Session } from '../../server/delivery/session.ts';
import { refusalOf } from '../../server/rpc/errors.ts';
import { StreamFrames } from '../../server/rpc/stream-frames.ts';
import { parseHello } from '../../server/rpc/stream-hello.ts';
import type { SimNode } from './sim-node.ts';

const tokenMs = 24 * 3_600_000;

/** How what the node says gets to the client. */
export interface Line {
  /** False = the client is behind. */
  write(message: Buffer): boolean;
  end(goodbye: Goodbye | undefined, refusal: Refusal | undefined): void;
}

export class SimStream implements Sink {
  readonly #node: SimNode;
  readonly #userId: UserId;
  readonly #sessionId: SessionId;
  readonly #line: Line;
  #session: Session | undefined;
  #frames: StreamFrames | undefined;
  readonly #waiting: ClientFrame[] = [];
  #opened = false;
  #over = false;

  constructor(node: SimNode, userId: UserId, sessionId: SessionId, line: Line) {
    this.#node = node;
    this.#userId = userId;
    this.#sessionId = sessionId;
    this.#line = line;
  }

  open(hello: Hello): void {
    void this.#open(hello).catch((error: unknown) => this.#fail(error));
  }

  take(frames: readonly ClientFrame[]): void {
    if (this.#over || this.#session?.phase === 'ended') return;
    if (!this.#opened) this.#waiting.push(...frames);
    else for (const frame of frames) this.#frames?.take(frame);
  }

  /** The client has gone, as far as the node hears of it. */
  gone(): void {
    this.#over = true;
    this.#session?.close(this.#node.delivery.goodbyeOf('handed-over', 'the stream was closed by its client'));
  }

  /** The client takes more. */
  drained(): void {
    this.#session?.outbox.drained();
  }

  whenArrived(onArrived: () => void): void {
    onArrived();
  }

  write(message: Buffer): boolean {
    return this.#line.write(message);
  }

  end(goodbye: Goodbye, refusal: Refusal | undefined): void {
    this.#line.end(goodbye, refusal);
  }

  destroy(): void {
    this.#line.end(undefined, undefined);
  }

  async #open(hello: Hello): Promise<void> {
    const { delivery, sessions, services, clock } = this.#node;
    const { deviceId, opening } = parseHello(hello, Hello.encode(hello).finish().length);
    const [userId, sessionId] = [this.#userId, this.#sessionId];
    const session = await sessions.open(userId, deviceId, (startMs) => {
      this.#session = new Session({ sessionId, userId, deviceId, startMs }, clock.nowMs() + tokenMs, this, delivery);
      return this.#session;
    });
    if (this.#over) return this.gone();
    const caller: Caller = { userId, deviceId, sessionId, claims: {} };
    const { framesInFlight } = delivery.limits;
    this.#frames = new StreamFrames(session, caller, services, framesInFlight, { request: '', trace: '' });
    await openSession(session, opening, delivery, () => {
      this.#opened = true;
      this.take(this.#waiting.splice(0));
    });
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    const refusal = refusalOf(error, this.#node.services.report as (cause: unknown) => string);
    if (this.#session !== undefined && this.#opened) this.#session.end('failed', refusal);
    else {
      this.gone();
      this.#line.end(undefined, refusal);
    }
  }
}

/** Who makes a unary call. */
export function callerOf(userId: string, signal: AbortSignal): Caller {
  return { userId: userId as UserId, deviceId: noDevice, claims: {}, signal };
}
