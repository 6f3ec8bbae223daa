import type { QuietHours } from '../../core/entry.ts';
import { Lru } from '../../core/lru.ts';

const minuteMs = 60_000;
const dayMinutes = 1_440;

/** Reads the clocks of time zones. One is dear to make, so that a few hundred are kept. */
export class QuietTimes {
  readonly #zones = new Lru<string, Intl.DateTimeFormat>(500);

  /** Ms until the quiet hours end; 0 = they are not now. A zone that this Node does not know has none. */
  leftMs(hours: QuietHours | undefined, nowMs: number): number {
    if (hours === undefined) return 0;
    const { startMinute, endMinute, timeZone } = hours;
    const minute = this.#minuteOfDay(timeZone, nowMs);
    if (minute === undefined) return 0;
    const into = lasting(startMinute, minute);
    const long = lasting(startMinute, endMinute);
    if (into >= long) return 0;
    const endMs = nowMs - (nowMs % minuteMs) + (long - into) * minuteMs;
    // Where clocks are changed in between, the end is an hour nearer or farther.
    const shown = this.#minuteOfDay(timeZone, endMs) ?? endMinute;
    const off = ((shown - endMinute + dayMinutes + dayMinutes / 2) % dayMinutes) - dayMinutes / 2;
    const nextMs = nowMs - (nowMs % minuteMs) + minuteMs;
    let leftUntilMs = Math.max(nextMs, endMs - off * minuteMs);
    // Of an end in the hour that is left out the next time of day counts that there is.
    while (leftUntilMs < endMs && this.#isQuiet(hours, leftUntilMs)) leftUntilMs += minuteMs;
    return leftUntilMs - nowMs;
  }

  #isQuiet({ startMinute, endMinute, timeZone }: QuietHours, atMs: number): boolean {
    const minute = this.#minuteOfDay(timeZone, atMs) ?? endMinute;
    return lasting(startMinute, minute) < lasting(startMinute, endMinute);
  }

  #minuteOfDay(timeZone: string, atMs: number): number | undefined {
    let zone = this.#zones.get(timeZone);
    if (zone === undefined) {
      try {
        zone = new Intl.DateTimeFormat('en', { timeZone, hourCycle: 'h23', hour: '2-digit', minute: '2-digit' });
      } catch {
        return undefined;
      }
      this.#zones.set(timeZone, zone);
    }
    const parts = zone.formatToParts(atMs);
    const of = (type: 'hour' | 'minute'): number => Number(parts.find((part) => part.type === type)?.value);
    return of('hour') * 60 + of('minute');
  }
}

function lasting(fromMinute: number, toMinute: number): number {
  return (toMinute - fromMinute + dayMinutes) % dayMinutes;
}
