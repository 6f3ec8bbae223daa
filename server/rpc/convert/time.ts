import type { Duration } from '#proto/google/protobuf/duration.ts';
import type { Timestamp } from '#proto/google/protobuf/timestamp.ts';
import { invalidField } from '../../core/errors.ts';

/** Wall ms to a Timestamp. */
export function timeToProto(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1_000);
  return { seconds: BigInt(seconds), nanos: (Math.trunc(ms) - seconds * 1_000) * 1_000_000 };
}

/** The same where 0 stands for "never": unset. */
export function optionalTimeToProto(ms: number): Timestamp | undefined {
  return ms === 0 ? undefined : timeToProto(ms);
}

// 0001-01-01 and 9999-12-31, the bounds of a Timestamp.
const lowestSeconds = -62_135_596_800n;
const highestSeconds = 253_402_300_799n;

/** Wall ms, parts of a ms cut off; unset = 0. @throws Refusal INVALID_FIELD */
export function timeFromProto(time: Timestamp | undefined, field: string): number {
  if (time === undefined) return 0;
  const { seconds, nanos } = time;
  if (seconds < lowestSeconds || seconds > highestSeconds || nanos < 0 || nanos > 999_999_999) {
    throw invalidField(field, 'must be a time between the years 1 and 9999');
  }
  return Number(seconds) * 1_000 + Math.floor(nanos / 1_000_000);
}

export function durationToProto(ms: number): Duration {
  const seconds = Math.floor(ms / 1_000);
  return { seconds: BigInt(seconds), nanos: Math.trunc((ms - seconds * 1_000) * 1_000_000) };
}
