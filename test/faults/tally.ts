// What can go wrong, by name, and how often it did.
import type { FaultRecord } from './record.ts';

/** Each says what it means. */
export const anomalies = {
  lost: 'acknowledged, and not in the log or never heard by a device of a member',
  duplicated: 'in the log twice, or heard twice by one device in one life',
  reordered: 'before something that was acknowledged before it was asked for, or heard out of order',
  altered: 'not as it was said',
  diverging: 'two readers were told different things at one place of a log',
  gap: 'a place of a log that was left out, or that nobody knows',
  phantom: 'heard, and not in the log at the end; or refused or never said, and there all the same',
  leaked: 'heard by who was no member then',
  backwards: 'a position that was less than it had been',
  unheld: 'told as delivered or read, and no device of the user had it',
  presence: 'not what is so, past its bound',
  stuck: 'awaited in vain past its bound',
  refused: 'refused for good without a reason to',
  restarted: 'a device was to start over although nothing was restored',
  crashed: 'a process ended by itself',
} as const;

export type Anomaly = keyof typeof anomalies;

export interface Finding {
  readonly anomaly: Anomaly;
  readonly text: string;
  /** Since the run began, when it was noticed. */
  readonly atMs: number;
}

/** How many findings of one kind are told in words; the rest are only counted. */
const toldOfEach = 50;

export class Tally {
  readonly counts = Object.fromEntries(Object.keys(anomalies).map((name) => [name, 0])) as Record<Anomaly, number>;
  readonly findings: Finding[] = [];

  count(anomaly: Anomaly, { atMs }: Pick<FaultRecord, 'atMs'>, text: string): void {
    this.counts[anomaly] += 1;
    if (this.counts[anomaly] <= toldOfEach) this.findings.push({ anomaly, text, atMs });
  }

  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }
}
