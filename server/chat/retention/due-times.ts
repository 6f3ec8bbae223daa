import type { Retention } from '../../core/entry.ts';
import { hashOf } from '../../core/hash.ts';
import type { ThreadId } from '../../core/ids.ts';
import type { Looked } from './look.ts';

const minuteMs = 60_000;
/** What waits for a device is looked at at first after two minutes, and then at times that grow with its age, up to this. */
const longestMinutes = 256;
/** What has a time is erased at most so late: this part of its time, and a minute at least. */
const partOfTime = 1_000;

/** What is listed comes to be stored within this time, or is listed again then. */
const storedWithinMs = 5 * minuteMs;
/** What is owed soon is so at the latest so much later. */
export const soonAtMostMs = storedWithinMs + 2 * minuteMs;

/** When a thread is looked at in whose message or acknowledgement something was owed, should nobody come to it before: in five to seven minutes. */
export function soonMs(threadId: ThreadId, nowMs: number): number {
  return aligned(threadId, nowMs + storedWithinMs, 2);
}

/** When a thread is looked at again of which so many looks, at least one, failed one after another. */
export function againMs(threadId: ThreadId, failures: number, nowMs: number): number {
  return aligned(threadId, nowMs + Math.min(longestMinutes, 2 ** failures) * minuteMs, 1);
}

/** When what is appended now has to be looked at. */
export function dueMsOf(threadId: ThreadId, rule: Retention, nowMs: number): number {
  if (rule.mode === 'until-delivered') return soonMs(threadId, nowMs);
  return aligned(threadId, nowMs + rule.durationS * 1_000, gridOf(rule));
}

/** When a thread is looked at again in which something is held. */
export function nextMsOf(threadId: ThreadId, { endMs, waitsSinceMs }: Looked, nowMs: number): number {
  const end = aligned(threadId, Math.max(endMs, nowMs + 1), 1);
  if (waitsSinceMs === undefined) return end;
  const ageMinutes = Math.max(0, nowMs - waitsSinceMs) / minuteMs;
  const minutes = powerOfTwo(Math.min(longestMinutes, Math.max(2, ageMinutes)));
  return Math.min(end, aligned(threadId, nowMs + 1, minutes));
}

/** Minutes, a power of two: so that many messages have one time in common. */
function gridOf({ durationS }: Retention): number {
  return powerOfTwo(Math.max(1, durationS / 60 / partOfTime));
}

function powerOfTwo(most: number): number {
  return 2 ** Math.floor(Math.log2(most));
}

/** The next one of the thread's times, which are so many minutes apart: those of all threads fall on all minutes alike. */
function aligned(threadId: ThreadId, ms: number, minutes: number): number {
  const first = (hashOf(threadId) % minutes) * minuteMs;
  const apart = minutes * minuteMs;
  return Math.ceil((ms - first) / apart) * apart + first;
}
