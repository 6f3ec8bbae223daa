import type { Texts } from './en.ts';

const dayMs = 86_400_000;

const formats = {
  time: { hour: 'numeric', minute: '2-digit' },
  weekday: { weekday: 'short' },
  date: { day: 'numeric', month: 'short' },
  dateOfYear: { day: 'numeric', month: 'short', year: 'numeric' },
  full: { dateStyle: 'full', timeStyle: 'medium' },
} as const satisfies Readonly<Record<string, Intl.DateTimeFormatOptions>>;
type FormatName = keyof typeof formats;

/** How times are written. A formatter is dear (milliseconds on a phone): each is made when it is first needed, once a language. */
export class Times {
  readonly #texts: Texts;
  readonly #locale: string;
  readonly #formats = new Map<FormatName, Intl.DateTimeFormat>();

  constructor(texts: Texts) {
    const { locale } = texts;
    // Of several Englishes, the reader's.
    this.#locale = navigator.languages.find((it) => it.startsWith(locale.slice(0, 2))) ?? locale;
    this.#texts = texts;
  }

  /** 7 days, 90 minutes: in the largest unit that it is a whole number of. */
  span(seconds: number): string {
    if (seconds % 86_400 === 0) return this.#count('day', seconds / 86_400);
    if (seconds % 3_600 === 0) return this.#count('hour', seconds / 3_600);
    return seconds % 60 === 0 ? this.#count('minute', seconds / 60) : this.#count('second', seconds);
  }

  #count(unit: 'day' | 'hour' | 'minute' | 'second', count: number): string {
    return new Intl.NumberFormat(this.#locale, { style: 'unit', unit, unitDisplay: 'long' }).format(count);
  }

  /** 14:05 */
  time(ms: number): string {
    return this.#format('time', ms);
  }

  /** For a tooltip. */
  full(ms: number): string {
    return this.#format('full', ms);
  }

  /** As short as it can be and still say when: 14:05, Tue, 3 May, 3 May 2019. */
  short(ms: number, nowMs: number): string {
    const days = daysBetween(ms, nowMs);
    if (days <= 0) return this.time(ms);
    if (days < 7) return this.#format('weekday', ms);
    return this.#day(ms, nowMs);
  }

  /** A day as a heading: Today, Yesterday, 3 May. */
  day(ms: number, nowMs: number): string {
    const days = daysBetween(ms, nowMs);
    if (days === 0) return this.#texts.today;
    return days === 1 ? this.#texts.yesterday : this.#day(ms, nowMs);
  }

  /** A moment in a sentence: 14:05; yesterday, 14:05; 3 May. */
  moment(ms: number, nowMs: number): string {
    const days = daysBetween(ms, nowMs);
    if (days === 0) return this.time(ms);
    return days === 1 ? `${this.#texts.yesterday.toLowerCase()} ${this.time(ms)}` : this.#day(ms, nowMs);
  }

  #day(ms: number, nowMs: number): string {
    const sameYear = new Date(ms).getFullYear() === new Date(nowMs).getFullYear();
    return this.#format(sameYear ? 'date' : 'dateOfYear', ms);
  }

  #format(name: FormatName, ms: number): string {
    const format = this.#formats.get(name) ?? new Intl.DateTimeFormat(this.#locale, formats[name]);
    this.#formats.set(name, format);
    return format.format(ms);
  }
}

/** Midnights between two moments, in the reader's time zone. */
function daysBetween(fromMs: number, toMs: number): number {
  const midnight = (ms: number): number => new Date(ms).setHours(0, 0, 0, 0);
  return Math.round((midnight(toMs) - midnight(fromMs)) / dayMs);
}
