import type { EntryRows } from './entry-rows.ts';
import { Hole, missingEntries } from './failures.ts';

/**
 * A commit of which one replica alone was told yet may be seen in part, since a read carries over to other replicas no more
 * than what it asked for: the head, say, and not the entries. When its writer died it stays so. A SERIAL read brings the whole
 * of it to a quorum, so a hole is one only if it is there after that.
 * @throws Refusal STORE_UNAVAILABLE for a hole that stays
 */
export async function closingHoles<Result>(rows: EntryRows, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Hole)) throw error;
    await rows.decide(error.log, error.sequence);
  }
  try {
    return await read();
  } catch (error) {
    throw error instanceof Hole ? missingEntries(error) : error;
  }
}
