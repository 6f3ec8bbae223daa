import type { Texts } from './en.ts';

const dayMs = 86_400_000;

/** How times are written; made once a language, since a formatter is dear. */
export class Times {
  readonly #texts: Texts;
  readonly #time: Intl.DateTimeFormat;
  readonly #weekday: Intl.DateTimeFormat;
  readonly #date: Intl.DateTimeFormat;
  readonly #dateOfYear: Intl.DateTimeFormat;
  readonly #full: Intl.DateTimeFormat;

  constructor(texts: Texts) {
    const { locale } = texts;
    // Of several Englishes, the reader's.
    const own = navigator.languages.find((it) => it.startsWith(locale.slice(0, 2))) ?? locale;
    const make = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => new Intl.DateTimeFormat(own, options);
    this.#texts = texts;
    this.#time = make({ hour: 'numeric', minute: '2-digit' });
    this.#weekday = make({ weekday: 'short' });
    this.#date = make({ day: 'numeric', month: 'short' });
    this.#dateOfYear = make({ day: 'numeric', month: 'short', year: 'numeric' });
    this.#full = make({ dateStyle: 'full', timeStyle: 'medium' });
  }

  /** 14:05 */
  time(ms: number): string {
    return this.#time.format(ms);
  }

  /** For a tooltip. */
  full(ms: number): string {
    return this.#full.format(ms);
  }

  /** As short as it can be and still say when: 14:05, Tue, 3 May, 3 May 2019. */
  short(ms: number, nowMs: number): string {
    const days = daysBetween(ms, nowMs);
    if (days <= 0) return this.time(ms);
    if (days < 7) return this.#weekday.format(ms);
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
    return (sameYear ? this.#date : this.#dateOfYear).format(ms);
  }
}

/** Midnights between two moments, in the reader's time zone. */
function daysBetween(fromMs: number, toMs: number): number {
  const midnight = (ms: number): number => new Date(ms).setHours(0, 0, 0, 0);
  return Math.round((midnight(toMs) - midnight(fromMs)) / dayMs);
}
