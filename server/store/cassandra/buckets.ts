/** Sequences of a bucket. */
const bucketSize = 4_096n;
/** Entries of an append at most. */
export const maxEntries = 256;

/** The bucket that a sequence belongs to, unless its append began in the bucket before. */
export function bucketOf(sequence: bigint): bigint {
  return sequence / bucketSize;
}

/** Whether a bucket whose last sequence this is takes no more. */
export function isFull(bucket: bigint, last: bigint): boolean {
  return last + 1n >= (bucket + 1n) * bucketSize;
}

/**
 * An append goes whole into the bucket of its first entry, so the last one of a bucket may reach over its end: the first
 * sequences of each bucket may stand in the one before.
 */
export function firstBucketOf(sequence: bigint): bigint {
  const bucket = bucketOf(sequence);
  return bucket > 0n && sequence % bucketSize < BigInt(maxEntries) - 1n ? bucket - 1n : bucket;
}
