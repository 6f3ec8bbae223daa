// What server processes use, looked at again and again.
import { readFile } from 'node:fs/promises';
import { readStat } from '../../platform/proc.ts';
import type { ServerLoad } from './live-screen.ts';

const answerWithinMs = 800;
const loopDelay = /^parley_event_loop_delay_p99_seconds (\S+)$/m;

/** Each look tells of the time since the last one. */
export class LoadWatch {
  readonly #processes: readonly (readonly [name: string, pid: number])[];
  /** host:port of each node. */
  readonly #metrics: readonly string[];
  #usedS: Record<string, number> = {};
  #lookedMs = 0;

  constructor(processes: readonly (readonly [name: string, pid: number])[], metrics: readonly string[]) {
    this.#processes = processes;
    this.#metrics = metrics;
  }

  async look(): Promise<ServerLoad> {
    const [usedS, delays] = await Promise.all([this.#used(), Promise.all(this.#metrics.map(delayOf))]);
    const nowMs = performance.now();
    const passedS = (nowMs - this.#lookedMs) / 1000;
    const before = this.#usedS;
    const isFirst = this.#lookedMs === 0;
    const cpuPercent = Object.fromEntries(
      Object.entries(usedS).map(([name, s]) => [name, isFirst ? 0 : ((s - (before[name] ?? 0)) / passedS) * 100]),
    );
    [this.#usedS, this.#lookedMs] = [usedS, nowMs];
    const known = delays.filter((delay) => delay !== undefined);
    return { cpuPercent, loopDelayMs: known.length === 0 ? undefined : Math.max(...known) };
  }

  async #used(): Promise<Record<string, number>> {
    const used: Record<string, number> = {};
    for (const [name, pid] of this.#processes) {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
      if (stat !== undefined) used[name] = (used[name] ?? 0) + readStat(stat).cpuS;
    }
    return used;
  }
}

/** Undefined when the node does not answer in time, or does not tell. */
async function delayOf(address: string): Promise<number | undefined> {
  const signal = AbortSignal.timeout(answerWithinMs);
  const text = await fetch(`http://${address}/metrics`, { signal })
    .then((answer) => answer.text())
    .catch(() => '');
  const seconds = loopDelay.exec(text)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
