/**
 * The catalogue: every way in which Parley refuses something. `reason` is the name in proto/parley/v1/error.proto
 * without its prefix; `code` is the gRPC status it travels as. Anything thrown that is not a `Refusal` is a bug and
 * leaves the process as INTERNAL, with the cause in the log only.
 */
export const catalogue = {
  INVALID_FIELD: 'INVALID_ARGUMENT',
  TOO_LARGE: 'INVALID_ARGUMENT',
  INVALID_TOKEN: 'INVALID_ARGUMENT',
  TOKEN_MISSING: 'UNAUTHENTICATED',
  TOKEN_INVALID: 'UNAUTHENTICATED',
  TOKEN_EXPIRED: 'UNAUTHENTICATED',
  KEYS_UNAVAILABLE: 'UNAVAILABLE',
  ROLE_REQUIRED: 'PERMISSION_DENIED',
  NOT_ACCEPTED: 'PERMISSION_DENIED',
  NOT_EDITABLE: 'PERMISSION_DENIED',
  RESTRICTED: 'PERMISSION_DENIED',
  SCOPE_REQUIRED: 'PERMISSION_DENIED',
  SIGNED_OUT: 'PERMISSION_DENIED',
  THREAD_NOT_FOUND: 'NOT_FOUND',
  MESSAGE_NOT_FOUND: 'NOT_FOUND',
  USER_NOT_FOUND: 'NOT_FOUND',
  CHANNEL_NOT_FOUND: 'NOT_FOUND',
  SESSION_NOT_FOUND: 'NOT_FOUND',
  DEVICE_NOT_FOUND: 'NOT_FOUND',
  NOTIFICATION_NOT_FOUND: 'NOT_FOUND',
  COMMENT_NOT_FOUND: 'NOT_FOUND',
  ID_REUSED: 'ALREADY_EXISTS',
  SEQUENCE_MISMATCH: 'ABORTED',
  MEMBER_CAP: 'FAILED_PRECONDITION',
  LAST_OWNER: 'FAILED_PRECONDITION',
  WRONG_THREAD_KIND: 'FAILED_PRECONDITION',
  MESSAGE_DELETED: 'FAILED_PRECONDITION',
  POSITION_AHEAD: 'FAILED_PRECONDITION',
  CHANNEL_CLOSED: 'FAILED_PRECONDITION',
  LISTENER_CAP: 'FAILED_PRECONDITION',
  HELLO_REQUIRED: 'FAILED_PRECONDITION',
  HELLO_REPEATED: 'FAILED_PRECONDITION',
  UNKNOWN_FRAME: 'UNIMPLEMENTED',
  TOO_MANY_FRAMES: 'RESOURCE_EXHAUSTED',
  RATE_LIMITED: 'RESOURCE_EXHAUSTED',
  TOO_MANY_SESSIONS: 'RESOURCE_EXHAUSTED',
  LIMIT_REACHED: 'RESOURCE_EXHAUSTED',
  OVERLOADED: 'UNAVAILABLE',
  DRAINING: 'UNAVAILABLE',
  STORE_UNAVAILABLE: 'UNAVAILABLE',
  DEADLINE_EXCEEDED: 'DEADLINE_EXCEEDED',
  CANCELLED: 'CANCELLED',
  NOT_SERVED: 'UNIMPLEMENTED',
  INTERNAL: 'INTERNAL',
} as const;

export type Reason = keyof typeof catalogue;

/** A field of the request that is wrong, and what it should be. */
export interface FieldViolation {
  /** Path in the request, such as `content.text`. */
  readonly field: string;
  readonly description: string;
}

export interface RefusalOptions {
  readonly fields?: readonly FieldViolation[];
  /** When there is room again, in ms from now. */
  readonly retryAfterMs?: number;
  /** More that a client's program reads. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** A refusal from the catalogue. The message says what to do and holds no content and no ids that the caller did not send. */
export class Refusal extends Error {
  readonly reason: Reason;
  readonly fields: readonly FieldViolation[];
  readonly retryAfterMs: number | undefined;
  readonly metadata: Readonly<Record<string, string>>;

  constructor(reason: Reason, message: string, options: RefusalOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Refusal';
    this.reason = reason;
    this.fields = options.fields ?? [];
    this.retryAfterMs = options.retryAfterMs;
    this.metadata = options.metadata ?? {};
  }
}

/** INVALID_FIELD for one field. */
export function invalidField(field: string, description: string): Refusal {
  return new Refusal('INVALID_FIELD', `${field}: ${description}`, { fields: [{ field, description }] });
}

/** The one answer for a thread that does not exist and for one that is not the caller's. */
export function threadNotFound(): Refusal {
  return new Refusal('THREAD_NOT_FOUND', 'there is no such thread among yours');
}

/** A client_message_id or request_id stands for something else already. */
export function idReused(): Refusal {
  return new Refusal('ID_REUSED', 'this id was used before with other content: choose a new id');
}

/** The one answer for a channel that does not exist and for one that the caller may not open. */
export function channelNotFound(): Refusal {
  return new Refusal('CHANNEL_NOT_FOUND', 'there is no such channel');
}

export function messageNotFound(): Refusal {
  return new Refusal('MESSAGE_NOT_FOUND', 'there is no message with this sequence that you can see');
}

/** Throws CANCELLED or DEADLINE_EXCEEDED when the caller has gone. Called before each piece of work for a caller. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  if (signal.reason instanceof Refusal) throw signal.reason;
  throw new Refusal('CANCELLED', 'the caller cancelled');
}
