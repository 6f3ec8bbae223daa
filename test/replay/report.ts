/** The last line of a replay and its exit code: other programs read them, so their form is fixed. */
import type { Verdict } from './checker.ts';
import { counters } from './tally.ts';

export interface Summary {
  files: number;
  /** Messages and actions in the files. */
  messages: number;
  /** Users that have a nick in the files, each with one client. */
  clients: number;
  skippedLines: number;
  seconds: number;
  verdict: Verdict;
}

export function lastLine({ files, messages, clients, skippedLines, seconds, verdict }: Summary): string {
  const results = counters.map((counter) => `${counter}=${verdict[counter]}`).join(' ');
  return (
    `replay: files=${files} messages=${messages} clients=${clients} deliveries=${verdict.deliveries} ` +
    `${results} skipped_lines=${skippedLines} seconds=${seconds.toFixed(1)}`
  );
}

/** 0 if nothing was lost, duplicated, reordered or altered, else 1. */
export function exitCode(verdict: Verdict): 0 | 1 {
  return counters.every((counter) => verdict[counter] === 0) ? 0 : 1;
}
