import type { Retention } from '../../core/entry.ts';
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
export function soonMs(nowMs: number): number {
  return aligned(nowMs + storedWithinMs, 2);
}

/** When a thread is looked at again of which so many looks, at least one, failed one after another. */
export function againMs(failures: number, nowMs: number): number {
  return aligned(nowMs + Math.min(longestMinutes, 2 ** failures) * minuteMs, 1);
}

/** When what is appended now has to be looked at. */
export function dueMsOf(rule: Retention, nowMs: number): number {
  return rule.mode === 'until-delivered' ? soonMs(nowMs) : aligned(nowMs + rule.durationS * 1_000, gridOf(rule));
}

/** When a thread is looked at again in which something is held. */
export function nextMsOf({ endMs, waitsSinceMs }: Looked, nowMs: number): number {
  const end = aligned(Math.max(endMs, nowMs + 1), 1);
  if (waitsSinceMs === undefined) return end;
  const ageMinutes = Math.max(0, nowMs - waitsSinceMs) / minuteMs;
  const minutes = powerOfTwo(Math.min(longestMinutes, Math.max(2, ageMinutes)));
  return Math.min(end, aligned(nowMs + 1, minutes));
}

/** Minutes, a power of two: so that many messages have one time in common. */
function gridOf({ durationS }: Retention): number {
  return powerOfTwo(Math.max(1, durationS / 60 / partOfTime));
}

function powerOfTwo(most: number): number {
  return 2 ** Math.floor(Math.log2(most));
}

/** The next multiple of so many minutes. */
function aligned(ms: number, minutes: number): number {
  return Math.ceil(ms / (minutes * minuteMs)) * minutes * minuteMs;
}
