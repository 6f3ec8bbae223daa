import { errors, types } from 'cassandra-driver';
import { Refusal } from '../../core/errors.ts';
import type { LogId } from '../../core/ids.ts';

/** When to try again what was refused. */
const retryAfterMs = 1_000;

/** Answers that say that the cluster could not do it, rather than that it was asked wrongly. */
const unavailableCodes = new Set<number>([
  types.responseErrorCodes.serverError,
  types.responseErrorCodes.unavailableException,
  types.responseErrorCodes.overloaded,
  types.responseErrorCodes.isBootstrapping,
  types.responseErrorCodes.truncateError,
  types.responseErrorCodes.writeTimeout,
  types.responseErrorCodes.readTimeout,
  types.responseErrorCodes.readFailure,
  types.responseErrorCodes.writeFailure,
  // CAS_WRITE_UNKNOWN of protocol 5, which the driver has no name for.
  0x1700,
]);

const mistakes = [
  errors.ArgumentError,
  errors.AuthenticationError,
  errors.DriverInternalError,
  errors.NotSupportedError,
] as const;

/** Whether the cluster is what failed; everything else is a bug of ours. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof errors.ResponseError) return unavailableCodes.has(error.code);
  if (error instanceof errors.DriverError) return !mistakes.some((kind) => error instanceof kind);
  // Some failures of connections come as bare errors.
  return error instanceof Error && error.constructor === Error;
}

export function unavailable(cause: unknown): Refusal {
  return new Refusal('STORE_UNAVAILABLE', 'the store does not answer just now', { cause, retryAfterMs });
}

export function failureOf(error: unknown): unknown {
  return isUnavailable(error) ? unavailable(error) : error;
}

/** An entry is not seen where there is one by the head. */
export class Hole extends Error {
  override readonly name = 'Hole';
  readonly log: LogId;
  readonly sequence: bigint;

  constructor(log: LogId, sequence: bigint) {
    super(`entry ${sequence} of log ${log} is not there`);
    this.log = log;
    this.sequence = sequence;
  }
}

/** For a hole that stays. */
export function missingEntries(cause: Hole): Refusal {
  return new Refusal('STORE_UNAVAILABLE', 'the store has lost entries: repair it, or restore a backup', { cause });
}
