import type { Goodbye, GoodbyeReason } from '#proto/parley/v1/stream_service.ts';
import * as Code from './codes.ts';
import type { ParleyError } from './errors.ts';

/** Why a connection is over for good. */
export type CloseReason =
  /** `close()` was called. */
  | 'asked'
  /** A newer session of the same device took over. */
  | 'superseded'
  /** The device was signed out. */
  | 'signed-out'
  /** The server refused three tokens in a row. */
  | 'unauthenticated'
  /** The server refuses this client as it is; `error` says how. */
  | 'refused';

/**
 * Where the connection stands. idle → connecting → live; idle again while suspended; whenever the stream ends, waiting → connecting; closed is the end.
 * During a planned move (a drain) it stays live: the old stream serves until the new one is caught up.
 */
export type ConnectionState =
  | { readonly phase: 'idle' }
  /** A stream is being opened, or is open and not yet caught up. `failures`: tries before it that failed in a row. */
  | { readonly phase: 'connecting'; readonly failures: number }
  | { readonly phase: 'live'; readonly sessionId: string }
  /** The next try comes in `retryInMs` from when this was told. */
  | { readonly phase: 'waiting'; readonly retryInMs: number; readonly error: ParleyError | undefined }
  | { readonly phase: 'closed'; readonly reason: CloseReason; readonly error: ParleyError | undefined };

/** The reasons of Goodbye that the SDK tells apart. */
export const GOODBYE = {
  draining: 1 satisfies GoodbyeReason.GOODBYE_REASON_DRAINING,
  superseded: 2 satisfies GoodbyeReason.GOODBYE_REASON_SUPERSEDED,
  tokenExpired: 3 satisfies GoodbyeReason.GOODBYE_REASON_TOKEN_EXPIRED,
  signedOut: 7 satisfies GoodbyeReason.GOODBYE_REASON_SIGNED_OUT,
  handedOver: 9 satisfies GoodbyeReason.GOODBYE_REASON_HANDED_OVER,
} as const;

/**
 * Why not to reconnect after a stream ended so; undefined = reconnect. Without Goodbye only Parley's own words are the last: what a proxy or
 * the network says may be otherwise in a minute.
 */
export function finalWordOf(goodbye: Goodbye | undefined, error: ParleyError | undefined): CloseReason | undefined {
  if (goodbye === undefined) return error === undefined ? undefined : finalReasonOf(error);
  if (goodbye.reconnect) return undefined;
  if (goodbye.reason === GOODBYE.superseded) return 'superseded';
  return goodbye.reason === GOODBYE.signedOut ? 'signed-out' : 'refused';
}

function finalReasonOf(error: ParleyError): CloseReason | undefined {
  if (error.code === Code.ABORTED) return 'superseded';
  if (error.reason === 'SIGNED_OUT') return 'signed-out';
  if (error.reason === 'NO_REASON' || error.reason === 'INVALID_TOKEN') return undefined;
  const final: number[] = [Code.INVALID_ARGUMENT, Code.FAILED_PRECONDITION, Code.PERMISSION_DENIED, Code.UNIMPLEMENTED];
  return final.includes(error.code) ? 'refused' : undefined;
}
