import type { Retention } from './entry.ts';
import type { RetentionSpan } from './rows.ts';

/** Part of a thread, and the rule that its messages are under. */
export interface RetentionStretch {
  /** Messages above this sequence. */
  readonly after: bigint;
  /** Up to and including this one; undefined = as far as there are any. */
  readonly upTo: bigint | undefined;
  readonly rule: Retention;
}

/** What holds in a deployment: for threads that say nothing, and at most. */
export class RetentionRules {
  readonly #fallback: Retention;
  readonly #maxS: number;

  /** `maxS`: seconds that anything is kept; 0 = no bound. */
  constructor(fallback: Retention, maxS: number) {
    this.#maxS = maxS;
    this.#fallback = this.bounded(fallback);
  }

  /** The rule as far as the deployment allows it. */
  bounded({ mode, durationS }: Retention): Retention {
    if (this.#maxS === 0) return { mode, durationS };
    const within = durationS === 0 ? this.#maxS : Math.min(durationS, this.#maxS);
    return { mode: mode === 'keep' ? 'keep-for' : mode, durationS: within };
  }

  /** The rule for messages from now on. */
  current(spans: readonly RetentionSpan[]): Retention {
    const last = spans.at(-1);
    return last === undefined ? this.#fallback : this.bounded(last.retention);
  }

  /** The rule that a message is under. */
  of(spans: readonly RetentionSpan[], sequence: bigint): Retention {
    const span = spans.findLast(({ after }) => after < sequence);
    return span === undefined ? this.#fallback : this.bounded(span.retention);
  }

  /** Whether some of the thread's bodies may wait for devices. */
  waits(spans: readonly RetentionSpan[]): boolean {
    const isSo = ({ mode }: Retention): boolean => mode === 'until-delivered';
    return isSo(this.#fallback) || spans.some(({ retention }) => isSo(retention));
  }

  /** The thread's stretches whose bodies will be erased, ascending. */
  erasing(spans: readonly RetentionSpan[]): RetentionStretch[] {
    const begins = [{ after: 0n, rule: this.#fallback }];
    for (const { after, retention } of spans) begins.push({ after, rule: this.bounded(retention) });
    return begins
      .map(({ after, rule }, at) => ({ after, upTo: begins[at + 1]?.after, rule }))
      .filter(({ rule }) => rule.mode !== 'keep');
  }
}

/** Up to where a stretch goes in a thread with this head. */
export function endOf({ upTo }: RetentionStretch, head: bigint): bigint {
  return upTo === undefined || upTo > head ? head : upTo;
}

/** Wall ms at which a message's body is erased whoever has it or not; Infinity = never. */
export function endMsOf({ durationS }: Retention, createTimeMs: number): number {
  return durationS === 0 ? Infinity : createTimeMs + durationS * 1_000;
}

export class RetentionSyntaxError extends Error {
  override readonly name = 'RetentionSyntaxError';
}

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };
export const shortestS = 60;
export const longestS = 100 * 366 * 86_400;

/** `keep`, `keep-for:30d`, `until-delivered`, `until-delivered:7d`. @throws RetentionSyntaxError */
export function parseRetention(value: string): Retention {
  const [mode = '', duration, ...rest] = value.split(':');
  if (rest.length === 0 && mode === 'keep' && duration === undefined) return { mode, durationS: 0 };
  if (rest.length === 0 && mode === 'until-delivered' && duration === undefined) return { mode, durationS: 0 };
  if (rest.length === 0 && (mode === 'keep-for' || mode === 'until-delivered') && duration !== undefined) {
    return { mode, durationS: parseDuration(duration) };
  }
  throw new RetentionSyntaxError(
    `must be keep, keep-for:TIME, until-delivered or until-delivered:TIME (a TIME as 30d), not "${value}"`,
  );
}

/** Seconds of `90s`, `15m`, `12h`, `30d`: 60 s to 100 years. @throws RetentionSyntaxError */
export function parseDuration(value: string): number {
  const [, number, unit] = /^(\d{1,10})([smhd])$/.exec(value) ?? [];
  const durationS = Number(number) * (seconds[unit ?? ''] ?? Number.NaN);
  if (durationS >= shortestS && durationS <= longestS) return durationS;
  throw new RetentionSyntaxError(`must be a time from 60s to 36600d, such as 90s, 15m, 12h or 30d, not "${value}"`);
}
