import { Refusal } from '../core/errors.ts';
import type { Reason } from '../core/errors.ts';

/** Why a token was refused: finer than what the caller is told, for logs and tests. */
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

/** A refusal of the catalogue; `why` says more than its `reason`. The message repeats nothing of the token. */
export class AuthError extends Refusal {
  readonly why: AuthReason;

  constructor(why: AuthReason, message: string, cause?: unknown) {
    super(wireReason(why), message, { cause });
    this.name = 'AuthError';
    this.why = why;
  }
}

function wireReason(why: AuthReason): Reason {
  switch (why) {
    case 'TOKEN_MISSING':
    case 'TOKEN_EXPIRED':
    case 'KEYS_UNAVAILABLE':
      return why;
    default:
      return 'TOKEN_INVALID';
  }
}
