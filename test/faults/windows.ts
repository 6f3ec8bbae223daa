// From where to where each user may hear a thread, as the log itself says: its entries about members, in their order.
import type { Place } from './log-check.ts';

/** `joined` ≤ places ≤ `left`; the two ends themselves may be heard and need not. */
export interface Window {
  readonly joined: number;
  /** Infinity while they are a member. */
  left: number;
}

export function windowsOf(places: ReadonlyMap<number, Place>): Map<string, Window[]> {
  const windows = new Map<string, Window[]>();
  const open = (user: string): Window | undefined => windows.get(user)?.find(({ left }) => left === Infinity);
  for (const [sequence, { said }] of [...places].sort(([a], [b]) => a - b)) {
    const joining = said.what === 'created' ? said.subject.split(',') : said.what === 'added' ? [said.subject] : [];
    for (const user of joining) {
      if (open(user) === undefined)
        windows.set(user, [...(windows.get(user) ?? []), { joined: sequence, left: Infinity }]);
    }
    if (said.what !== 'removed') continue;
    const ending = open(said.subject);
    if (ending !== undefined) ending.left = sequence;
  }
  return windows;
}
