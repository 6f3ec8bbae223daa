import { retryAfterMs, type Verdict } from '../notifier.ts';

/** What was thrown, as far as it is what firebase-admin says it throws. */
interface Thrown {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly httpResponse?: {
    readonly status: number;
    readonly headers: Record<string, unknown>;
    readonly data?: unknown;
  };
}

/** An error answer of FCM: https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode */
interface Answer {
  readonly error?: {
    readonly status?: string;
    readonly message?: string;
    readonly details?: readonly {
      readonly errorCode?: string;
      readonly fieldViolations?: readonly { readonly field?: string }[];
      /** Of google.rpc.QuotaFailure: which quota it is. */
      readonly violations?: readonly { readonly subject?: string; readonly description?: string }[];
    }[];
  };
}

export interface Judged {
  readonly verdict: Verdict;
  /** It is the deployment's credentials that are wrong. */
  readonly unauthorized: boolean;
}

/** FCM wants to be left alone for this long when it is overloaded and does not say for how long. */
const quotaPauseMs = 60_000;
/** Credentials are asked for again after this long. */
const credentialPauseMs = 10_000;

/** What to make of what `send` threw. */
export function verdictOfError(error: unknown, nowMs: number): Judged {
  const { code, message, httpResponse } = error as Thrown;
  const why = `${typeof code === 'string' ? code : 'unknown'}: ${typeof message === 'string' ? message : String(error)}`;
  if (httpResponse === undefined) return withoutAnswer(code, why);
  const { status, headers, data } = httpResponse;
  const answer = (typeof data === 'object' && data !== null ? data : {}) as Answer;
  const reason = answer.error?.details?.find(({ errorCode }) => errorCode !== undefined)?.errorCode;
  const later = (): Judged => {
    const after = retryAfterMs(headers['retry-after'], nowMs);
    return known({ outcome: 'later', why, ...(after === undefined ? {} : { retryAfterMs: after }) });
  };
  switch (reason ?? answer.error?.status) {
    case 'UNREGISTERED':
      return known({ outcome: 'gone', why });
    case 'INVALID_ARGUMENT':
      return known(isOfToken(answer) ? { outcome: 'gone', why } : { outcome: 'refused', why });
    case 'QUOTA_EXCEEDED':
      // One device has had too much: the others go on.
      if (isOfDevice(answer)) return known({ outcome: 'later', why, retryAfterMs: pauseOf(headers, nowMs) });
      return quota(headers, why, nowMs);
    case 'RESOURCE_EXHAUSTED':
      return quota(headers, why, nowMs);
    case 'UNAVAILABLE':
    case 'INTERNAL':
    case 'UNSPECIFIED_ERROR':
      return later();
    // Of the one project that the token is of, and of the keys that Apple and browsers know this one by.
    case 'SENDER_ID_MISMATCH':
    case 'THIRD_PARTY_AUTH_ERROR':
      return known({ outcome: 'refused', why });
    case 'PERMISSION_DENIED':
    case 'UNAUTHENTICATED':
      return unauthorized(why);
    // A project that is not there: said of it in the same words as of a token, but without the details.
    case 'NOT_FOUND':
      return { verdict: { outcome: 'refused', why }, unauthorized: true };
    default:
  }
  if (status === 429) return quota(headers, why, nowMs);
  if (status === 401 || status === 403) return unauthorized(why);
  return status === 408 || status >= 500 ? later() : known({ outcome: 'refused', why });
}

function known(verdict: Verdict): Judged {
  return { verdict, unauthorized: false };
}

function quota(headers: Record<string, unknown>, why: string, nowMs: number): Judged {
  return known({ outcome: 'later', why, retryAfterMs: pauseOf(headers, nowMs), everything: true });
}

function pauseOf(headers: Record<string, unknown>, nowMs: number): number {
  return retryAfterMs(headers['retry-after'], nowMs) ?? quotaPauseMs;
}

/** The account may be wrong, or be given another key just now. Nothing can be sent either way. */
function unauthorized(why: string): Judged {
  const verdict = { outcome: 'later', why, retryAfterMs: credentialPauseMs, everything: true } as const;
  return { verdict, unauthorized: true };
}

/** FCM says in words which quota is used up: `device message rate`, of a subject that is the token. */
function isOfDevice({ error }: Answer): boolean {
  const violations = error?.details?.flatMap((detail) => detail.violations ?? []) ?? [];
  const words = violations.map(({ subject = '', description = '' }) => `${subject} ${description}`);
  return words.length > 0 && words.every((one) => /\b(device|token)\b/i.test(one));
}

/** FCM was not asked, or did not answer. */
function withoutAnswer(code: unknown, why: string): Judged {
  // No access token; or who gives them is away just now.
  if (code === 'app/invalid-credential') return unauthorized(why);
  // The library itself found fault with the message: it would do so again.
  const refused = typeof code === 'string' && code.startsWith('messaging/') && code !== 'messaging/unknown-error';
  return known({ outcome: refused ? 'refused' : 'later', why });
}

/** FCM names the field; it has worded the complaint in one way for years where it does not. */
function isOfToken({ error }: Answer): boolean {
  const fields = error?.details?.flatMap(({ fieldViolations }) => fieldViolations ?? []) ?? [];
  if (fields.length > 0) return fields.some(({ field }) => field === 'message.token');
  return /registration token is not a valid/i.test(error?.message ?? '');
}
