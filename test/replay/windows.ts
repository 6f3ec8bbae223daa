/** From where to where each user may hear a thread, by the replies to whoever changed the members. */
import type { ExpectedMessage, ExpectedThread } from './expected.ts';
import type { Tally } from './tally.ts';

/** Messages with `after` < sequence < `before`. */
export interface Window {
  after: number;
  before: number;
}

/**
 * Reads the steps in order and counts what stands on the wrong side of a join, a leave or a barrier.
 * `changes`: by ref, the sequence of the membership change.
 */
export function membershipWindows(
  expected: ExpectedThread,
  createdAt: number,
  changes: ReadonlyMap<string, number>,
  sequenceOf: ReadonlyMap<ExpectedMessage, number>,
  tally: Tally,
): Map<string, Window[]> {
  const windows = new Map<string, Window[]>();
  const enter = (user: string, after: number): void => {
    windows.set(user, [...(windows.get(user) ?? []), { after, before: Infinity }]);
  };
  for (const user of expected.initial) enter(user, createdAt);

  /** The highest sequence seen, and the lowest that a later step may have. */
  let highest = createdAt;
  let floor = createdAt;
  for (const step of expected.steps) {
    if (step.kind === 'barrier') {
      floor = highest;
      continue;
    }
    const told = step.kind === 'message' ? sequenceOf.get(step) : changes.get(step.ref);
    if (step.kind !== 'message' && told === undefined) {
      tally.count('lost', () => `${expected.label}: nobody was told that ${step.user} ${step.kind}s (${step.ref})`);
    }
    if (told !== undefined && told <= (step.kind === 'message' ? floor : highest)) {
      tally.count(
        'reordered',
        () => `${expected.label} ${step.ref} has sequence ${told}, not after what it waited for`,
      );
    }
    const sequence = told ?? highest;
    highest = Math.max(highest, sequence);
    if (step.kind === 'message') continue;
    floor = highest;
    if (step.kind === 'join') enter(step.user, sequence);
    else for (const window of windows.get(step.user) ?? []) window.before = Math.min(window.before, sequence);
  }
  return windows;
}
