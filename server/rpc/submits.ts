import type { ClientFrame, SubmitRequest, SubmitResponse } from '#proto/parley/v1/stream_service.ts';
import { invalidField, Refusal } from '../core/errors.ts';
import { type DeviceId, noDevice, type SessionId, type UserId } from '../core/ids.ts';
import type { SessionStream } from './session-stream.ts';
import { maxFrames } from './stream-hello.ts';
import { counted } from './validate.ts';

const laterMs = 1_000;

/** Who hands frames over. */
export interface Submitter {
  readonly userId: UserId;
  /** `noDevice` where the token is bound to none. */
  readonly deviceId: DeviceId;
}

interface Line {
  readonly stream: SessionStream;
  /** Of the Submit that is due. */
  next: bigint;
}

/** The way in of sessions whose client cannot stream: numbered Submits, each applied once and in order. */
export class Submits {
  readonly #lines = new Map<SessionId, Line>();

  open(sessionId: SessionId, stream: SessionStream): void {
    this.#lines.set(sessionId, { stream, next: 1n });
  }

  close(sessionId: SessionId): void {
    this.#lines.delete(sessionId);
  }

  /**
   * Takes what a client hands over to a session of this node. What was applied before is answered as before.
   * @throws Refusal SESSION_NOT_FOUND; INVALID_FIELD, on `number` with the one that is due; OVERLOADED when the client reads none of its replies; what ends the session
   */
  take({ userId, deviceId }: Submitter, { sessionId, number, frames }: SubmitRequest): SubmitResponse {
    const line = this.#lines.get(sessionId as SessionId);
    const identity = line?.stream.session?.identity;
    const isTheirs = identity?.userId === userId && (deviceId === noDevice || deviceId === identity.deviceId);
    if (line === undefined || !isTheirs || line.stream.over) throw sessionOver();
    if (number === 0n)
      throw invalidField('number', 'must be 1 for the first Submit of a session, then one more each time');
    if (number > line.next) throw tooEarly(line.next);
    if (number === line.next) this.#apply(line, counted(frames, 1, maxFrames, 'frames'));
    return { nextNumber: line.next };
  }

  #apply(line: Line, frames: readonly ClientFrame[]): void {
    if (line.stream.isBehind) {
      const message = 'replies pile up that nobody reads: read the stream, then submit the same again';
      throw new Refusal('OVERLOADED', message, { retryAfterMs: laterMs });
    }
    line.next += 1n;
    const ended = line.stream.take(frames);
    if (ended !== undefined) throw ended;
  }
}

export function sessionOver(): Refusal {
  return new Refusal('SESSION_NOT_FOUND', 'the session is over: open another one');
}

function tooEarly(due: bigint): Refusal {
  const description = `must be ${due}, the one that is due: send the missing ones first`;
  return new Refusal('INVALID_FIELD', `number: ${description}`, {
    fields: [{ field: 'number', description }],
    metadata: { next_number: String(due) },
  });
}
