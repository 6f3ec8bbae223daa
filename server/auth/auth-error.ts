// Why a token was refused. The reasons are finer than the wire's: logs and tests tell them apart, clients get `wireReason`.

export type AuthReason =
  | 'TOKEN_MISSING'
  | 'TOKEN_MALFORMED'
  | 'TOKEN_EXPIRED'
  | 'TOKEN_SIGNATURE'
  | 'TOKEN_AUDIENCE'
  | 'TOKEN_ISSUER'
  | 'TOKEN_UNKNOWN_KEY'
  | 'TOKEN_SUBJECT'
  | 'KEYS_UNAVAILABLE';

/** `ErrorInfo.reason` for the caller: UNAUTHENTICATED, except KEYS_UNAVAILABLE, which is UNAVAILABLE. */
export type WireAuthReason = 'TOKEN_MISSING' | 'TOKEN_INVALID' | 'TOKEN_EXPIRED' | 'KEYS_UNAVAILABLE';

/** The message says what to do and repeats nothing of the token. */
export class AuthError extends Error {
  override readonly name = 'AuthError';
  readonly reason: AuthReason;

  constructor(reason: AuthReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }

  get wireReason(): WireAuthReason {
    switch (this.reason) {
      case 'TOKEN_MISSING':
      case 'TOKEN_EXPIRED':
      case 'KEYS_UNAVAILABLE':
        return this.reason;
      default:
        return 'TOKEN_INVALID';
    }
  }
}
