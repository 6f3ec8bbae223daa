// How a running channel looks on a terminal, and as a line elsewhere.
import { shown } from './chart.ts';
import type { Progress } from './generator.ts';

/** What the servers use just now. */
export interface ServerLoad {
  /** Percent of a core, of all processes of one name: node, envoy … */
  readonly cpuPercent: Readonly<Record<string, number>>;
  /** The highest of all nodes; undefined = no node was asked. */
  readonly loopDelayMs: number | undefined;
}

export interface LiveState {
  readonly listeners: number;
  /** Comments a second, as wished. */
  readonly rate: number;
  readonly class: string;
  readonly passedS: number;
  readonly seconds: number;
  readonly now: Progress;
  readonly before: Progress;
  /** Between the two. */
  readonly betweenS: number;
  readonly load: ServerLoad;
}

export const nothingYet: Progress = {
  published: 0,
  delivered: 0,
  skipped: 0,
  left_out: 0,
  p50_ms: 0,
  p99_ms: 0,
  disconnects: 0,
};

/** The dashboard; a bar is as wide as its share of the most that has been seen. */
export function dashboardOf(state: LiveState, mostPerS: number): string {
  const { now, listeners, load } = state;
  const { publishedPerS, deliveredPerS } = ratesOf(state);
  const cpu = Object.entries(load.cpuPercent).map(([name, percent]) => `${name} ${shown(percent)} %`);
  const rows: [string, string][] = [
    [
      'listeners',
      `${shown(listeners)}, ${state.class}${now.disconnects > 0 ? `; ${shown(now.disconnects)} were ended` : ''}`,
    ],
    ['published', `${shown(now.published)}  ${shown(publishedPerS)}/s of ${shown(state.rate)}`],
    ['delivered', `${shown(now.delivered)}  ${shown(deliveredPerS)}/s  ${bar(deliveredPerS / mostPerS)}`],
    ['latency', `p50 ${shown(now.p50_ms)} ms  p99 ${shown(now.p99_ms)} ms`],
    ['skipped', `${shown(now.skipped)}, left out by the class ${shown(now.left_out)}`],
    ['CPU', cpu.length === 0 ? '–' : cpu.join('  ')],
    ['event loop', load.loopDelayMs === undefined ? '–' : `late by ${shown(load.loopDelayMs)} ms (p99)`],
  ];
  const lines = rows.map(([name, text]) => `  ${name.padEnd(11)} ${text}`);
  return [`Parley · a channel, live      ${shown(state.passedS)} of ${state.seconds} s`, '', ...lines].join('\n');
}

/** The same where nobody sees a screen. */
export function lineOf(state: LiveState): string {
  const { now, load } = state;
  const { publishedPerS, deliveredPerS } = ratesOf(state);
  const parts = [
    `${shown(state.passedS)} s`,
    `published ${shown(publishedPerS)}/s`,
    `delivered ${shown(deliveredPerS)}/s`,
    `p50 ${shown(now.p50_ms)} ms`,
    `p99 ${shown(now.p99_ms)} ms`,
    `skipped ${shown(now.skipped)}`,
    ...(now.disconnects > 0 ? [`ended ${shown(now.disconnects)}`] : []),
    ...Object.entries(load.cpuPercent).map(([name, percent]) => `${name} ${shown(percent)} %`),
    ...(load.loopDelayMs === undefined ? [] : [`loop ${shown(load.loopDelayMs)} ms`]),
  ];
  return parts.join('  ');
}

export function ratesOf({ now, before, betweenS }: LiveState): { publishedPerS: number; deliveredPerS: number } {
  const per = (later: number, earlier: number): number => (betweenS > 0 ? (later - earlier) / betweenS : 0);
  return {
    publishedPerS: per(now.published, before.published),
    deliveredPerS: per(now.delivered, before.delivered),
  };
}

const barCells = 30;

function bar(share: number): string {
  const cells = Number.isFinite(share) ? Math.round(Math.min(1, Math.max(0, share)) * barCells) : 0;
  return '█'.repeat(cells) + '·'.repeat(barCells - cells);
}
