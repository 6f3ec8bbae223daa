// Timestamps and durations of the wire, as milliseconds.

interface WireTime {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** Milliseconds of a Duration, or since 1970 of a Timestamp; undefined when it is not set. */
export function msOf(time: WireTime | undefined): number | undefined {
  return time === undefined ? undefined : Number(time.seconds) * 1000 + time.nanos / 1e6;
}

/** The same as a Timestamp or Duration. */
export function wireTime(ms: number): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) };
}
