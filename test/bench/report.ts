// Numbers of several runs made into one report.

/** What the load generator tells of one run, and what is reported: numbers, tables of numbers, words. */
export interface Report {
  readonly [name: string]: number | string | boolean | { readonly [name: string]: number } | undefined;
}

/** The middle value; of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  const upper = sorted[Math.floor(half)] ?? Number.NaN;
  return Number.isInteger(half) ? (upper + (sorted[half - 1] ?? Number.NaN)) / 2 : upper;
}

/** Counts of which every single one matters: a median would hide them. */
const summed = [
  'lost',
  'unacked',
  'unsettled',
  'skipped',
  'duplicated',
  'expired',
  'unanswered',
  'slow_lost',
  'slow_disconnects',
];

/** One report of all runs: medians, number by number; what went wrong is added up. Words are those of the last run. */
export function medians(runs: readonly Report[]): Report {
  const last = runs.at(-1) ?? {};
  return Object.fromEntries(
    Object.entries(last).map(([name, value]) => {
      const all = runs.map((run) => run[name]);
      if (typeof value === 'object') return [name, tableOf(value, all as { readonly [name: string]: number }[])];
      if (typeof value !== 'number') return [name, value];
      const numbers = all.filter((each) => typeof each === 'number');
      return [name, summed.includes(name) ? numbers.reduce((sum, each) => sum + each, 0) : rounded(median(numbers))];
    }),
  );
}

function tableOf(value: { readonly [name: string]: number }, all: readonly { readonly [name: string]: number }[]) {
  return Object.fromEntries(
    Object.keys(value).map((key) => [key, rounded(median(all.map((each) => each[key] ?? Number.NaN)))]),
  );
}

function rounded(value: number): number {
  return Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4));
}

const compared = ['rate_per_s', 'p50_ms', 'p99_ms', 'ack_p50_ms', 'ack_p99_ms', 'connects_per_s'];

/** Parley divided by the peer, of runs side by side: the median of the runs' ratios. */
export function ratios(parley: readonly Report[], peer: readonly Report[]): { [name: string]: number } {
  const pairs = parley.map((run, i) => [flat(run), flat(peer[i] ?? {})] as const);
  const names = [...compared, 'cpu_s_per_million.total', 'cpu_s_per_million.node', 'kib_per_stream.node'];
  const found = names.map((name) => {
    const each = pairs.map(([a, b]) => (a[name] ?? Number.NaN) / (b[name] ?? Number.NaN)).filter(Number.isFinite);
    return [name, rounded(median(each))] as const;
  });
  return Object.fromEntries(found.filter(([, ratio]) => Number.isFinite(ratio)));
}

/** Tables become `table.key`. */
export function flat(report: Report): { [name: string]: number } {
  const entries: [string, number][] = [];
  for (const [name, value] of Object.entries(report)) {
    if (typeof value === 'number') entries.push([name, value]);
    if (typeof value === 'object') {
      for (const [key, each] of Object.entries(value)) entries.push([`${name}.${key}`, each]);
    }
  }
  return Object.fromEntries(entries);
}

/** The report for people: one number a line, the peer's and the ratio beside it. */
export function table(parley: Report, peer: Report | undefined): string {
  const ours = flat(parley);
  const theirs = flat(peer ?? {});
  const rows = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].map((name) => [
    name,
    shown(ours[name]),
    ...(peer === undefined
      ? []
      : [shown(theirs[name]), shown(rounded((ours[name] ?? Number.NaN) / (theirs[name] ?? Number.NaN)))]),
  ]);
  const header = ['', 'parley', ...(peer === undefined ? [] : ['socket.io', 'ratio'])];
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ');
  return [header, ...rows].map(line).join('\n');
}

function shown(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? '–' : String(value);
}
