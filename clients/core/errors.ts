import type { Status } from '#proto/google/rpc/status.ts';
import * as Code from './codes.ts';
import { bytesOf, numberOf, readFields, textOf } from './wire.ts';

/**
 * Reasons that come from the SDK and never from a server:
 * `OUTBOX_FULL` the outbox has no room for the draft; `DRAFT_NOT_SAVED` the draft store failed, nothing was sent;
 * `CLIENT_CLOSED` the client was closed first (a draft in a store is sent by the next client on it);
 * `CONNECTION_LOST` the stream ended before the answer; `DISCARDED` the draft was taken back;
 * `TOKEN_UNAVAILABLE` `getToken` failed; `ANOTHER_USER` its token is of another user than the client's; `NO_REASON` a status without details (a proxy's, or the carrier's).
 */
export type LocalReason =
  | 'OUTBOX_FULL'
  | 'DRAFT_NOT_SAVED'
  | 'CLIENT_CLOSED'
  | 'CONNECTION_LOST'
  | 'DISCARDED'
  | 'TOKEN_UNAVAILABLE'
  | 'ANOTHER_USER'
  | 'NO_REASON';

/** What was wrong with one field. */
export interface FieldError {
  /** Path of the field, such as `content.text`. */
  readonly field: string;
  readonly description: string;
}

export interface ErrorParts {
  reason: string;
  code: number;
  message: string;
  fields?: readonly FieldError[];
  retryAfterMs?: number;
  metadata?: Readonly<Record<string, string>>;
  cause?: unknown;
}

/** Everything that the SDK rejects and throws with. Switch on `reason`; one you do not know, on `code`. */
export class ParleyError extends Error {
  override readonly name = 'ParleyError';
  /** The catalogue's reason (proto/README.md), without prefix, or a `LocalReason`. */
  readonly reason: string;
  /** The gRPC status code. */
  readonly code: number;
  /** Which fields were wrong, for INVALID_FIELD. */
  readonly fields: readonly FieldError[];
  /** How long to wait before trying again, where the server said so. */
  readonly retryAfterMs: number | undefined;
  /** Details by name, where the server gave some. */
  readonly metadata: Readonly<Record<string, string>>;

  constructor(parts: ErrorParts) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.reason = parts.reason;
    this.code = parts.code;
    this.fields = parts.fields ?? [];
    this.retryAfterMs = parts.retryAfterMs;
    this.metadata = parts.metadata ?? {};
  }
}

/** An error of the SDK's own. */
export function localError(reason: LocalReason, message: string, code: number, cause?: unknown): ParleyError {
  return new ParleyError({ reason, code, message, cause });
}

/** The token is of `userId`, and the client is another's. */
export function anotherUser(userId: string): ParleyError {
  return localError(
    'ANOTHER_USER',
    `the token is of ${userId}, another user than the client's`,
    Code.PERMISSION_DENIED,
  );
}

/** A node died within its answer: neither HTTP/2 nor grpc-web has a better word for a stream that ends so, and no node gave a reason. */
export function isCutOff({ code, reason }: ParleyError): boolean {
  return code === Code.INTERNAL && reason === 'NO_REASON';
}

/** Whether the same request may be taken later. */
export function isForNow(error: ParleyError): boolean {
  const reasons = [
    'RATE_LIMITED',
    'TOO_MANY_FRAMES',
    'OVERLOADED',
    'DRAINING',
    'STORE_UNAVAILABLE',
    'KEYS_UNAVAILABLE',
  ];
  const codes: number[] = [Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.UNAUTHENTICATED];
  return reasons.includes(error.reason) || codes.includes(error.code);
}

/** Reads a google.rpc.Status as it comes in a Reply. Details that are damaged are left out. */
export function errorOfStatus(status: Pick<Status, 'code' | 'message' | 'details'>): ParleyError {
  const parts: ErrorParts = { reason: 'NO_REASON', code: status.code, message: status.message };
  for (const detail of status.details) {
    try {
      readDetail(parts, detail.typeUrl, detail.value);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return new ParleyError(parts);
}

/** Reads a status from the bytes of `grpc-status-details-bin`; without them, from code and message. */
export function errorOfDetails(code: number, message: string, details: Uint8Array = new Uint8Array()): ParleyError {
  const anys: { typeUrl: string; value: Uint8Array }[] = [];
  try {
    for (const field of readFields(details)) {
      const [typeUrl, value] = field.number === 3 ? readFields(bytesOf(field)) : [];
      if (typeUrl !== undefined && value !== undefined) anys.push({ typeUrl: textOf(typeUrl), value: bytesOf(value) });
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return errorOfStatus({ code, message, details: anys as Status['details'] });
}

function readDetail(parts: ErrorParts, typeUrl: string, value: Uint8Array): void {
  switch (typeUrl.slice(typeUrl.lastIndexOf('/') + 1)) {
    case 'google.rpc.ErrorInfo': {
      const metadata: Record<string, string> = {};
      for (const field of readFields(value)) {
        if (field.number === 1) parts.reason = textOf(field);
        if (field.number === 3) {
          const [key, text] = readFields(bytesOf(field)).map(textOf);
          if (key !== undefined) metadata[key] = text ?? '';
        }
      }
      parts.metadata = metadata;
      return;
    }
    case 'google.rpc.BadRequest':
      parts.fields = readFields(value).map((violation) => {
        const [field, description] = readFields(bytesOf(violation)).map(textOf);
        return { field: field ?? '', description: description ?? '' };
      });
      return;
    case 'google.rpc.RetryInfo':
      for (const field of readFields(value)) {
        if (field.number !== 1) continue;
        parts.retryAfterMs = 0;
        for (const part of readFields(bytesOf(field))) {
          parts.retryAfterMs += part.number === 1 ? numberOf(part) * 1000 : numberOf(part) / 1e6;
        }
      }
      return;
    default:
  }
}
